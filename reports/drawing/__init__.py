"""Templates, Markdown, columns of text, diagrams, and code line by line."""
