"""scatter: the gradient of an embedding matrix from the gradients of its rows, summed where a word repeats (slides 11 to 13).

Five forms compute different things and are never ranked against each other. ``scatter.dense`` makes the whole (V, H)
gradient anew. ``scatter.accumulate`` adds into a given one. ``scatter.rows`` returns only the rows that were touched.
``scatter.scalar`` adds one number per word, as slide 13 does. ``scatter.bag`` adds one row per bag of words to each word of
the bag.
"""
