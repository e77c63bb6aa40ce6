"""The measuring engine: a problem runs in workers, which check, time and measure the implementations of one problem."""
