"""output.hierarchical: h (B, H), W_out (V - 1, H), target (B,), tree -> mean loss, dh, gradient of W_out.

Hierarchical softmax: a word is reached from the root of a Huffman tree by a few yes-or-no turns, each a sigmoid of its
node's own row of W_out; frequent words have short paths (Morin and Bengio 2005; Mikolov et al. 2013). The loss of a
row is the sum over its target's path of ``-log sigmoid(turn * h . w_node)``, turn being +1 or -1. Cost: O(log V).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..case import Size
from ..interface import Array, Kernel, Problem, Work
from ..machine import prefetch_row
from ..ring import rotating
from ..vectors import gradients, scores
from ..words import Corpus, Floats
from .candidates import Buffers, row_buffers, softplus_all
from .contract import (
    SIZES,
    Candidates,
    check_with,
    hidden,
    ring,
    sigmoid,
    softplus,
    verify_with,
    weights,
)

Result = tuple[Array, Array, tuple[Array, Array]]


class Tree(NamedTuple):
    """Paths of all words, one after another: word w turns by ``turns[i]`` at ``nodes[i]``, i from offsets[w] to offsets[w + 1].

    offsets (V + 1,) int64; nodes (total,) int32, from 0 to V - 2; turns (total,) int8, +1 or -1.
    """

    offsets: Array
    nodes: Array
    turns: Array


def huffman(counts: Floats) -> Tree:
    """The Huffman tree of falling counts (V,), in O(V): leaves and merged nodes are two sorted queues."""
    V = len(counts)
    weights = [*counts[::-1].tolist(), *[0.0] * (V - 1)]
    parent = [0] * (2 * V - 1)
    turn = [1] * (2 * V - 1)
    leaf, merged = 0, V
    for node in range(V, 2 * V - 1):
        for side in (1, -1):
            if leaf < V and (merged >= node or weights[leaf] <= weights[merged]):
                child, leaf = leaf, leaf + 1
            else:
                child, merged = merged, merged + 1
            weights[node] += weights[child]
            parent[child], turn[child] = node, side
    up, side_of = np.array(parent), np.array(turn, np.int8)
    root = 2 * V - 2
    depth = np.zeros(V, np.int64)
    at = np.arange(V)[::-1].copy()
    walks: list[tuple[Array, Array, Array]] = []
    words = np.arange(V)
    while len(words):
        depth[words] += 1
        walks.append((words, (up[at] - V).astype(np.int32), side_of[at]))
        at = up[at]
        going = at != root
        at, words = at[going], words[going]
    offsets = np.concatenate([[0], np.cumsum(depth)])
    nodes, turns = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int8)
    for level, (some, passed, taken) in enumerate(walks):
        nodes[offsets[some] + level] = passed
        turns[offsets[some] + level] = taken
    return Tree(offsets, nodes, turns)


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    W_out, tree = weights(size, rng, rows=size.V - 1), huffman(corpus.expected_counts(size.V))
    number = ring(size, 12)
    targets = corpus.ring(size, number, rng)
    touched = [len(np.unique(path(tree, target)[0])) for (target,) in targets.batches[:32]]
    return rotating(
        size,
        {"W_out": W_out, "tree": tree},
        lambda h, target: (h, W_out, target, tree),
        hidden(size, number, rng),
        targets,
        touched=float(np.mean(touched)),
    )


def path(tree: Tree, target: Array) -> tuple[Array, Array, Array]:
    """The paths of some words end to end: nodes, turns, and where each word's begins."""
    first, length = tree.offsets[target], tree.offsets[target + 1] - tree.offsets[target]
    begins = np.cumsum(length) - length
    steps = np.repeat(first - begins, length) + np.arange(length.sum())
    return tree.nodes[steps], tree.turns[steps], begins


def candidates(target: Array, tree: Tree) -> Candidates:
    """The nodes of each target's path, filled up to the longest with nodes that do not count."""
    longest = int((tree.offsets[target + 1] - tree.offsets[target]).max(initial=1))
    nodes, right, padding = (np.full((len(target), longest), fill) for fill in (0, 0.0, 1.0))
    for b, word in enumerate(target.tolist()):
        span = slice(tree.offsets[word], tree.offsets[word + 1])
        length = span.stop - span.start
        nodes[b, :length], right[b, :length], padding[b, :length] = tree.nodes[span], tree.turns[span] > 0, 0.0
    return Candidates(nodes, excluded=padding, is_target=right)


def work(size: Size) -> Work:
    """About log2 V rows of W_out a word, read and their gradients written."""
    rows = size.B * np.log2(size.V)
    item = size.float_type.itemsize
    traffic = (rows + size.B) * size.H * item
    return Work(traffic, traffic, 6.0 * rows * size.H)


hierarchical = Kernel(
    "output.hierarchical",
    "turns along a Huffman tree",
    ("h", "W_out", "target", "tree"),
    make,
    check_with(candidates),
    work,
    SIZES,
    verify=verify_with(candidates),
)


@hierarchical.implementation(
    "row-by-row", "one word's path at a time", summary="walking each word's path on its own", baseline=True
)
def row_by_row(h: Array, W_out: Array, target: Array, tree: Tree) -> Result:
    n = max(1, len(h))
    loss = h.dtype.type(0)
    dh = np.empty_like(h)
    nodes, values = [np.empty(0, np.int32)], [np.empty((0, h.shape[1]), h.dtype)]
    for b, word in enumerate(target):
        span = slice(tree.offsets[word], tree.offsets[word + 1])
        turns = tree.turns[span]
        rows = W_out[tree.nodes[span]]
        scores = rows @ h[b]
        dscores = (sigmoid(scores) - (turns > 0)).astype(h.dtype) / n
        loss += softplus(-turns * scores).sum() / n
        dh[b] = dscores @ rows
        nodes.append(tree.nodes[span])
        values.append(dscores[:, None] * h[b])
    return loss, dh, (np.concatenate(nodes), np.concatenate(values))


@hierarchical.implementation(
    "ragged", "all paths end to end, np.add.reduceat", summary="laying all words' paths end to end"
)
def ragged(h: Array, W_out: Array, target: Array, tree: Tree) -> Result:
    n = max(1, len(h))
    nodes, turns, begins = path(tree, target)
    if len(nodes) == 0:
        return h.dtype.type(0), np.zeros_like(h), (nodes, np.zeros((0, h.shape[1]), h.dtype))
    mine = np.repeat(h, np.diff(np.append(begins, len(nodes))), axis=0)
    rows = W_out[nodes]
    scores = np.einsum("ph,ph->p", rows, mine)
    dscores = (sigmoid(scores) - (turns > 0).astype(h.dtype)) / n
    loss = softplus(-turns * scores).sum() / n
    rows *= dscores[:, None]
    mine *= dscores[:, None]
    return loss, np.add.reduceat(rows, begins, axis=0), (nodes, mine)


def path_buffers(problem: Problem) -> Buffers:
    """Buffers for the gradients of the nodes of all words' paths, as many as the longest would need."""
    longest = int(np.diff(problem.inputs["tree"].offsets).max())
    return row_buffers(problem, problem.size.B * longest, longest)


@hierarchical.implementation(
    "numba",
    "compiled: a path's nodes at once, in vector registers",
    summary="scoring each word's path in a compiled loop",
    jit=True,
    prepare=path_buffers,
)
def numba(h: Array, W_out: Array, target: Array, tree: Tree, buffers: Buffers) -> Result:
    nodes, away, slopes, whole, rest = buffers.words, buffers.away, buffers.slopes, buffers.whole, buffers.rest
    n, scale, at = len(h), h.dtype.type(1 / max(1, len(h))), 0
    loss, product = 0.0, 1.0
    for b in range(n):
        begin, end = tree.offsets[target[b]], tree.offsets[target[b] + 1]
        if b + 1 < n:
            for step in range(tree.offsets[target[b + 1]], tree.offsets[target[b + 1] + 1]):
                prefetch_row(W_out, tree.nodes[step])
        turns, mine = tree.turns[begin:end], slice(at, at + end - begin)
        nodes[mine] = tree.nodes[begin:end]
        scores(away, h[b], W_out, nodes[mine], whole, rest)
        for c in range(len(turns)):
            away[c] *= -turns[c]
        lost, product = softplus_all(len(turns), scale, product, buffers)
        loss += lost
        for c in range(len(turns)):
            slopes[c] *= -turns[c]
        gradients(buffers.dh[b], buffers.values[mine], h[b], W_out, nodes[mine], slopes, whole, rest, False, ())
        at += len(turns)
    return (loss + np.log(product)) * scale, buffers.dh, (nodes[:at], buffers.values[:at])
