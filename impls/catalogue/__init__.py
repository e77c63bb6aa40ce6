"""Discovery: which implementations there are, and what can run here."""
