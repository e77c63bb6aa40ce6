"""training: word vectors from running text, the kernels put together. ``training.skip-gram`` and ``training.cbow``.

A call is one step of a training run: the model learns from some lines of text. The book's implementations are compared
with gensim's and compiled ones. They learn from the same pairs by different rules, so that speed must be seen together
with the quality of the vectors (``w2vbench quality``).
"""
