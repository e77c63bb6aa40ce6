"""The source deck's figures, and its page."""
