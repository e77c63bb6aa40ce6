"""The same run on several machines."""
