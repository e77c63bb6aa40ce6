"""The measuring engine: a race runs in workers, which check, time and weigh the implementations of one problem."""
