"""Which implementation a program gets: the dispatch table, ``best`` and ``dispatch``."""
