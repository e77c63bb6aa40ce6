"""A reader's file: loaded, and its methods made into implementations."""
