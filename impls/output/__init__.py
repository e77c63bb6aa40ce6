"""output: from a hidden vector to a loss and its gradients, the output layer of word2vec (slides 14 to 24).

The objectives compute different losses and are never ranked against each other: the full softmax over V words; negative
sampling, with negatives for each row or shared by the batch; sampled softmax; noise-contrastive estimation; and
hierarchical softmax along a Huffman tree. Each has its own inputs, reference and check.

An implementation returns ``(loss, dh, gradient of W_out)``. The loss is the mean over the batch, and 0 for an empty one.
The gradient is dense (V, H), or it is rows and values ``(rows (n,), values (n, H))``. A row may then come several times,
and its gradient is the sum of its values.
"""
