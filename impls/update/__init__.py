"""update: one step of an optimizer, applied in place to W (V, H) and to the optimizer's moments.

The variants compute different things and are never ranked against each other: ``update.sgd``; ``update.adam``, which
moves every row at every step, even without a gradient; ``update.lazy-adam``, which moves only rows with a gradient
and is therefore not Adam (``python -m w2vbench.impls.update.difference`` prints how far they differ); and ``update.scatter-sgd``,
which takes the gradients of words as they come, and keeps no gradient of the table.
"""
