"""How often ``compare`` is right on this machine."""
