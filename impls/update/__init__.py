"""update: one step of an optimizer, applied in place to W (V, H) and what it remembers of it.

Variants that compute different things and are never ranked against each other: ``update.sgd``; ``update.adam``, which
moves every row at every step, also those without a gradient; and ``update.lazy-adam``, which leaves those alone and so
is not Adam (``python -m impls.update.difference`` says by how much).
"""
