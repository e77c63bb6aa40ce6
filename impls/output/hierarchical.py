"""output.hierarchical: h (B, H), W_out (V - 1, H), target (B,), tree -> mean loss, dh, gradient of W_out.

Hierarchical softmax: a word is reached from the root of a Huffman tree by a few binary turns. Each turn is a sigmoid of
its node's row of W_out, and frequent words have short paths (Morin and Bengio 2005; Mikolov et al. 2013). The loss of a
row is the sum over its target's path of ``-log sigmoid(turn * h . w_node)``, where turn is +1 or -1. It costs O(log V).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..compiling.intrinsics.products import gradients, scores
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..corpus.batches import rotating_problem
from ..corpus.words import Corpus, Floats
from ..interface import Array, Kernel, Measured, Problem, Work
from ..interface.case import Size
from ..parts.jax_peers import Program, jax_gradients, jax_result, on_jax, program
from ..parts.torch_peers import by_autograd, leaf, tensors, torch_on
from .candidates import RESULTS, Buffers, padded, row_buffers, softplus_all
from .contract import SIZES, batch_count, hidden_batches, output_weights, sigmoid, softplus
from .reference import Candidates, check_with, verify_with

Result = tuple[Array, Array, tuple[Array, Array]]


class Tree(NamedTuple):
    """The paths of all words, one after another."""

    offsets: Array  # where each word's path begins and the last ends, (V + 1,) int64
    nodes: Array  # nodes of the paths, (total,) int32, from 0 to V - 2
    turns: Array  # turns at these nodes, (total,) int8, +1 or -1


def huffman(counts: Floats) -> Tree:
    """Build the Huffman tree of falling counts (V,) in O(V): leaves and merged nodes are two sorted queues."""
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
    W_out, tree = output_weights(size, rng, rows=size.V - 1), huffman(corpus.expected_counts(size.V))
    number = batch_count(size, 12)
    targets = corpus.rotating_batches(size, number, rng)
    touched = [len(np.unique(path(tree, target)[0])) for (target,) in targets.batches[:32]]
    return rotating_problem(
        size,
        {"W_out": W_out, "tree": tree},
        lambda h, target: (h, W_out, target, tree),
        hidden_batches(size, number, rng),
        targets,
        touched=float(np.mean(touched)),
    )


def path(tree: Tree, target: Array) -> tuple[Array, Array, Array]:
    """Return the paths of some words, one after another: nodes, turns, and where each word's path begins."""
    first, length = tree.offsets[target], tree.offsets[target + 1] - tree.offsets[target]
    begins = np.cumsum(length) - length
    steps = np.repeat(first - begins, length) + np.arange(length.sum())
    return tree.nodes[steps], tree.turns[steps], begins


def candidates(target: Array, tree: Tree) -> Candidates:
    """Return the nodes of each target's path, padded with excluded nodes to the longest path."""
    longest = int((tree.offsets[target + 1] - tree.offsets[target]).max(initial=1))
    nodes, right, padding = (np.full((len(target), longest), fill) for fill in (0, 0.0, 1.0))
    for b, word in enumerate(target.tolist()):
        span = slice(tree.offsets[word], tree.offsets[word + 1])
        length = span.stop - span.start
        nodes[b, :length], right[b, :length], padding[b, :length] = tree.nodes[span], tree.turns[span] > 0, 0.0
    return Candidates(nodes, excluded=padding, is_target=right)


def work(size: Size) -> Work:
    """About log2 V rows of W_out per word are read, and their gradients written."""
    rows = size.B * np.log2(size.V)
    item = size.float_type.itemsize
    traffic = (rows + size.B) * size.H * item
    return Work(traffic, traffic, 6.0 * rows * size.H)


def refuse(problem: Problem) -> None:
    """Raise ValueError if a tree has not the V words of W_out: its paths would lead outside of the arrays."""
    tree, V = problem.inputs["tree"], problem.size.V
    words = len(tree.offsets) - 1
    if words != V:
        raise ValueError(f"tree and W_out do not fit together: V is {words} and {V}")
    if not problem.table("whether paths are inside", lambda: is_inside(tree)):
        raise ValueError(f"the paths of tree lead outside of its arrays, or of the {V - 1} rows of W_out")


def is_inside(tree: Tree) -> bool:
    """Whether all paths of a tree are parts of its arrays, and pass only nodes that a tree of so many words has."""
    offsets, nodes, turns = tree
    steps = offsets[0] == 0 and (np.diff(offsets) >= 0).all() and offsets[-1] == len(nodes) == len(turns)
    return bool(steps and nodes.min() >= 0 and nodes.max() <= len(offsets) - 3)


hierarchical = Kernel(
    "output.hierarchical",
    "turns along a Huffman tree",
    ("h", "W_out", "target", "tree"),
    make,
    check_with(candidates),
    work,
    SIZES,
    verify=verify_with(candidates),
    shapes=("BH", "NH", "iB", ""),
    constants=("tree",),
    refuse=refuse,
    place=35,
    unit="example",
    measured=Measured(at="flat", quick=False),
)


@hierarchical.implementation(
    "row-by-row", "one word's path at a time", summary="walking one word's path at a time", baseline=True
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
    inputs = np.repeat(h, np.diff(np.append(begins, len(nodes))), axis=0)
    rows = W_out[nodes]
    scores = np.einsum("ph,ph->p", rows, inputs)
    dscores = (sigmoid(scores) - (turns > 0).astype(h.dtype)) / n
    loss = softplus(-turns * scores).sum() / n
    rows *= dscores[:, None]
    inputs *= dscores[:, None]
    return loss, np.add.reduceat(rows, begins, axis=0), (nodes, inputs)


def longest_path(problem: Problem) -> int:
    """Return the nodes of the longest path."""
    return problem.table("longest path", lambda: int(np.diff(problem.inputs["tree"].offsets).max()))  # type: ignore[no-any-return]


def path_buffers(problem: Problem) -> Buffers:
    """Return buffers for the gradients of a batch's paths, as if all were the longest."""
    longest = longest_path(problem)
    return row_buffers(problem, problem.size.B * longest, longest)


@hierarchical.implementation(
    "numba",
    "compiled: a path's nodes at once, in vector registers",
    summary="scoring each word's path in a compiled loop",
    jit=True,
    prepare=path_buffers,
    returns=RESULTS,
)
def numba(h: Array, W_out: Array, target: Array, tree: Tree, buffers: Buffers) -> Result:
    dh, nodes, values, path_scores, whole, rest = buffers
    n, scale, at = len(h), h.dtype.type(1 / max(1, len(h))), 0
    loss, product = 0.0, 1.0
    for b in range(n):
        begin, end = tree.offsets[target[b]], tree.offsets[target[b] + 1]
        if b + 1 < n:
            for step in range(tree.offsets[target[b + 1]], tree.offsets[target[b + 1] + 1]):
                prefetch_row(W_out, tree.nodes[step])
        count, part = end - begin, slice(at, at + end - begin)
        for c in range(count):
            nodes[at + c] = tree.nodes[begin + c]
        scores(path_scores, h[b], W_out, nodes[part], whole, rest)
        for c in range(count):
            path_scores[c] *= -tree.turns[begin + c]
        row_loss, product = softplus_all(path_scores, padded(count, path_scores), scale, product)
        loss += row_loss
        for c in range(count):
            path_scores[c] *= -tree.turns[begin + c]
        gradients(dh[b], values[part], h[b], W_out, nodes[part], path_scores, whole, rest, False, ())
        at += count
    return (loss + np.log(product)) * scale, dh, (nodes[:at], values[:at])


def tree_tensors(torch: Any, h: Array, W_out: Array, target: Array, tree: Tree) -> tuple[Any, ...]:
    """An ``adapt``: turn the arrays into tensors, also those of the tree."""
    return *tensors(torch, h, W_out, target), Tree(*tensors(torch, *tree))


@hierarchical.implementation(
    "torch",
    "torch autograd, all paths end to end, sparse gradient",
    summary="leaving the gradients to torch's autograd, as rows and values",
    requires=("torch",),
    prepare=torch_on,
    adapt=tree_tensors,
)
def torch(h: Any, W_out: Any, target: Any, tree: Any, torch: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    first, length = tree.offsets[target], tree.offsets[target + 1] - tree.offsets[target]
    begins = torch.cumsum(length, 0) - length
    steps = torch.repeat_interleave(first - begins, length) + torch.arange(int(length.sum()))
    hidden, weights = leaf(h), leaf(W_out)
    rows = torch.nn.functional.embedding(tree.nodes[steps], weights, sparse=True)
    scores = (rows * torch.repeat_interleave(hidden, length, dim=0)).sum(1)
    loss = torch.nn.functional.softplus(-tree.turns[steps] * scores).sum() / max(1, len(h))
    return by_autograd(loss, hidden, weights)


def jax_loss(
    h: Any, W_out: Any, target: Any, offsets: Any, nodes: Any, turns: Any, longest: int
) -> tuple[Any, Any, tuple[Any, Any]]:
    import jax.numpy as jnp
    from jax.nn import softplus

    steps = offsets[target][:, None] + jnp.arange(longest)
    inside = steps < offsets[target + 1][:, None]
    steps = jnp.where(inside, steps, 0)

    def loss(h: Any, rows: Any) -> Any:
        scores = jnp.einsum("bh,bph->bp", h, rows)
        return (inside * softplus(-turns[steps] * scores)).sum() / max(1, len(h))

    return jax_gradients(loss, h, W_out, nodes[steps])


@hierarchical.implementation(
    "jax",
    "JAX: value_and_grad, all paths as long as the longest",
    summary="leaving the gradients to JAX, with all paths as long as the longest",
    differs="returns as many gradient rows for each word as the longest path has nodes",
    requires=("jax",),
    prepare=program(
        jax_loss,
        hierarchical.shapes[:3],
        more=lambda problem: problem.inputs["tree"],
        settings=lambda problem: {"longest": longest_path(problem)},
    ),
    adapt=on_jax,
    source_functions=(jax_loss, jax_gradients),
)
def jax(h: Any, W_out: Any, target: Any, tree: Tree, program: Program) -> tuple[Any, Any, tuple[Any, Any]]:
    return jax_result(program.run(h, W_out, target, *program.more))


# what any implementation must move


def path_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each node of a batch's paths, as if all were the longest."""
    size, offsets = problem.size, problem.inputs["tree"].offsets
    return np.empty((size.B * int(np.diff(offsets).max(initial=1)), size.H), size.float_type)


@hierarchical.floor("rows", prepare=path_rows)
def paths_read(h: Array, W_out: Array, target: Array, tree: Tree, values: Array) -> None:
    offsets, nodes = tree.offsets, tree.nodes
    at = 0
    for b in range(len(target)):
        for i in range(offsets[target[b]], offsets[target[b] + 1]):
            copy_row(values, at, W_out, nodes[i])
            at += 1


@hierarchical.floor("rows.ahead", prepare=path_rows)
def paths_read_ahead(h: Array, W_out: Array, target: Array, tree: Tree, values: Array) -> None:
    offsets, nodes = tree.offsets, tree.nodes
    at = 0
    for b in range(-1, len(target)):
        if b + 1 < len(target):
            for i in range(offsets[target[b + 1]], offsets[target[b + 1] + 1]):
                prefetch_row(W_out, nodes[i])
        if b >= 0:
            for i in range(offsets[target[b]], offsets[target[b] + 1]):
                copy_row(values, at, W_out, nodes[i])
                at += 1
