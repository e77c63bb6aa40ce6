"""What is kept and shown: result files, tables, the page. Imports nothing else of this project."""
