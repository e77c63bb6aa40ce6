"""The models of a result file."""
