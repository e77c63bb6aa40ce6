"""output: from a hidden vector to a loss and its gradients, the output layer of word2vec (slides 14 to 24).

Objectives that compute different losses and are never ranked against each other: the full softmax over V words;
negative sampling, with negatives of their own for each row or shared by the batch; sampled softmax; noise-contrastive
estimation; and hierarchical softmax along a Huffman tree. Each has its own inputs, reference and check.

An implementation gives ``(loss, dh, gradient of W_out)``. The loss is the mean over the batch (0 for an empty one).
The gradient is dense (V, H), or rows and values ``(rows (n,), values (n, H))`` in which a row may stand several times:
its values add up.
"""
