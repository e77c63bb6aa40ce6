"""Whether results are right, before and while they are timed."""
