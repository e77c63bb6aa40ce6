"""sampling: negatives for negative sampling (slides 21 and 22): targets (B,), K, p (V,), rng -> (B, K), never the row's target.

p is the noise law: count ** 0.75, scaled to a sum of one. Two laws are never ranked against each other: K different words
per row, or independent draws, in which a word may come twice.
"""
