"""training: word vectors from running text, the kernels put together. ``training.skip-gram`` and ``training.cbow``.

A call is one step of a training run: it learns from some lines of text and leaves a better model behind. The book's
implementations stand beside gensim's and compiled ones; they learn from the same pairs by different rules, so their speed is told
together with how good their vectors get (``w2vbench quality``).
"""
