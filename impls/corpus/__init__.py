"""Texts as words, words as index streams, and streams as rotating batches."""
