"""Whole training runs: vectors, and speed against quality."""
