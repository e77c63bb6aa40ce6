"""Comparisons and calibrations, for people and for CI."""
