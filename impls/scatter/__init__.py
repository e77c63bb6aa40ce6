"""scatter: gradients of rows back into an embedding matrix, added up where a word repeats (slides 11 to 13).

Four forms that compute different things and are never ranked against each other: ``scatter.dense`` makes the whole
(V, H) gradient anew, ``scatter.accumulate`` adds into a given one, ``scatter.rows`` keeps only the rows that were
touched, and ``scatter.scalar`` adds one number a word, as slide 13 did.
"""
