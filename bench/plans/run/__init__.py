"""The main job: check, time, and keep."""
