"""The checks of a reader's classes, on examples that can be worked out by hand."""
