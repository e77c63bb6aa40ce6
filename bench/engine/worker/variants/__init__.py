"""What is timed: implementations from their sources, ready to be called."""
