"""A reader's own layers of *Deep Learning from Scratch 2*: loaded, checked against ours, and made into implementations."""
