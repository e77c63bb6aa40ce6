"""The dispatch table: measured, and how good its choices are."""
