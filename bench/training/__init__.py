"""Whole training runs: from a text to word vectors, how fast, and how good they are."""
