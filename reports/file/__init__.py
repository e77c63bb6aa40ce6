"""Result files: their schema, reading and writing, and the table of cases."""
