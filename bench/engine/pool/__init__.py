"""Worker processes as the main process sees them, and the experiments that they measure."""
