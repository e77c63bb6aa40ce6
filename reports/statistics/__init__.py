"""Pure functions from samples to figures and verdicts."""
