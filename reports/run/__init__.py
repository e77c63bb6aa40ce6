"""A run's page, Markdown and terminal table."""
