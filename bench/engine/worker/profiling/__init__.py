"""Memory and lines, measured apart from time."""
