"""What is measured: the kernels of word2vec and their implementations. Imports nothing else of this project."""
