"""output: each objective is the loss it claims to be, and its gradients are that loss's slopes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_expit, log_softmax, softmax
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Array, Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.output.hierarchical import Tree, huffman
from w2vbench.impls.output.softmax_tiles import tiles

from tests.impls.calling import available, called, for_every, implementations, problem_of, sized, slopes

SOFTMAX = implementations("output.softmax")
NEGATIVES = implementations("output.negative-sampling", "output.shared-negatives")
NCE = implementations("output.nce")
TEXTBOOKS = {i.kernel.name: i for i in catalogue.own() if i.baseline}
ALL = [*SOFTMAX, *NEGATIVES, *implementations("output.sampled-softmax", "output.hierarchical"), *NCE]


class Layer:
    """Inputs of an output layer in float64, as its tests need them: h (B, H), W_out (V, H), targets, negatives and log_q."""

    def __init__(self, V: int, H: int, B: int, K: int, ids: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.h, self.W = rng.standard_normal((B, H)), rng.standard_normal((V, H))
        self.target = rng.integers(V, size=B, dtype=ids)
        self.log_q = np.log(K * rng.dirichlet(np.ones(V)))
        self.shared = rng.integers(V, size=K, dtype=ids)
        self.own = (self.target[:, None] + rng.integers(1, V, size=(B, K), dtype=ids)) % V
        self.tree = huffman(np.sort(rng.integers(1, 50, size=V).astype(float))[::-1])

    def arguments(self, implementation: Implementation) -> list[Any]:
        """What an objective's implementations take, targets and negatives repeated and hitting each other."""
        corrected = [self.shared, self.log_q[self.target], self.log_q[self.shared]]
        of_words: dict[str, list[Any]] = {
            "output.softmax": [],
            "output.negative-sampling": [self.own],
            "output.shared-negatives": [self.shared],
            "output.sampled-softmax": corrected,
            "output.nce": corrected,
            "output.hierarchical": [self.tree],
        }
        W = self.W[:-1] if implementation.kernel.name == "output.hierarchical" else self.W
        return [self.h, W, self.target, *of_words[implementation.kernel.name]]


IDS = {"float32": "int64", "float64": "int32"}
"""The types of ids with each type of floats: the contract's. A compiled function is compiled for each pair, and each H, K and B."""


@st.composite
def layers(draw: st.DrawFn, ids: str, *shapes: tuple[int, int, int]) -> Layer:
    """Layers with any of these H, K and B, or one row less."""
    H, K, B = draw(st.sampled_from(shapes))
    return Layer(draw(st.integers(2, 9)), H, draw(st.integers(B - 1, B)), K, ids, draw(st.integers(0, 2**32)))


DOUBLE = layers(IDS["float64"], (1, 1, 2), (4, 7, 4), (6, 4, 6))
"""Rows fill vector registers in part, whole, and with a rest; negatives fill one block, or two of which one has a gap."""
SINGLE = layers(IDS["float32"], (1, 1, 2), (4, 3, 6), (20, 5, 30))
"""Sizes of the contract, whose test has compiled for them."""

Result = tuple[Any, Array, Array]
"""Loss, dh (B, H) and the gradient of W_out."""


def computed(implementation: Implementation, h: Array, W: Array, target: Array, *rest: Any) -> Result:
    """Loss, dh and the gradient of W_out, dense and copied out of any buffer."""
    words = implementation.kernel.parameters[3:]
    size = sized(h, target, len(W) + ("tree" in words), rest[0].shape[-1] if "negatives" in words else 0)
    loss, dh, gradient = called(implementation, size, h, W, target, *rest)
    dense = np.zeros_like(W)
    if isinstance(gradient, tuple):
        np.add.at(dense, gradient[0], gradient[1])
    else:
        dense += gradient
    return float(loss), np.array(dh), dense


def paths(tree: Tree) -> Iterator[list[tuple[int, int]]]:
    """Each word's path from the root on: nodes and turns."""
    for begin, end in pairwise(tree.offsets.tolist()):
        yield list(zip(tree.nodes[begin:end].tolist(), tree.turns[begin:end].tolist(), strict=True))[::-1]


def loss_by_formula(objective: str, layer: Layer) -> float:
    """The loss that an objective claims to be, row by row."""
    losses, of_words, noise = [], list(paths(layer.tree)), np.exp(layer.log_q)
    for row, target, own in zip(layer.h, layer.target.tolist(), layer.own, strict=True):
        s = layer.W @ row
        match objective:
            case "softmax":
                loss = -log_softmax(s)[target]
            case "sampled-softmax":  # Jean et al. 2015: over the target and the negatives that are not the target
                words = [target, *(word for word in layer.shared.tolist() if word != target)]
                loss = -log_softmax(s[words] - layer.log_q[words])[0]
            case "negative-sampling" | "shared-negatives":  # slides 15 to 24: K + 1 yes-or-no questions
                negatives = layer.shared if objective == "shared-negatives" else own
                loss = -log_expit(s[target]) - log_expit(-s[negatives]).sum()
            case "nce":  # Gutmann and Hyvärinen 2010: P(text | w) = exp(s_w) / (exp(s_w) + K q_w)
                of_text = np.exp(s) / (np.exp(s) + noise)
                loss = -np.log(of_text[target]) - np.log(1 - of_text[layer.shared]).sum()
            case "hierarchical":  # Mikolov et al. 2013, equation 3: the product of the sigmoids along the word's path
                loss = -sum(log_expit(turn * s[node]) for node, turn in of_words[target])
        losses.append(loss)
    return float(np.mean(losses))


# all objectives


@for_every(ALL, examples=60, layer=DOUBLE)
def test_each_objective_is_the_loss_that_it_claims_to_be(implementation: Implementation, layer: Layer) -> None:
    loss, _, _ = computed(implementation, *layer.arguments(implementation))
    want = loss_by_formula(implementation.kernel.name.removeprefix("output."), layer)
    assert loss == pytest.approx(want, rel=1e-9, abs=1e-12)


@for_every(ALL, examples=8, layer=DOUBLE)
def test_gradients_are_slopes_of_the_loss(implementation: Implementation, layer: Layer) -> None:
    """By every entry of h and W_out."""
    arguments = layer.arguments(implementation)
    h, W = arguments[:2] = [arguments[0].copy(), arguments[1].copy()]
    _, dh, dW = computed(implementation, *arguments)
    for gradient, at in ((dh, h), (dW, W)):
        measured = slopes(lambda: computed(implementation, *arguments)[0], at)
        np.testing.assert_allclose(gradient, measured, rtol=1e-6, atol=1e-8)


@for_every(ALL, examples=20, layer=SINGLE)
def test_float32_stays_float32_and_near_the_textbooks_float64(implementation: Implementation, layer: Layer) -> None:
    arguments = layer.arguments(implementation)
    single = [
        part.astype(np.float32) if isinstance(part, np.ndarray) and part.dtype == np.float64 else part
        for part in arguments
    ]
    result = computed(implementation, *single)
    assert result[1].dtype == result[2].dtype == np.float32
    for one, other in zip(result, computed(TEXTBOOKS[implementation.kernel.name], *arguments), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


# softmax


@pytest.mark.parametrize("implementation", SOFTMAX)
def test_vocabularies_longer_than_a_block_are_whole(implementation: Implementation) -> None:
    """Targets in the first, the middle and the last block, and blocks that do not divide the vocabulary."""
    rng, B = np.random.default_rng(0), np.arange(4)
    h, W = rng.standard_normal((4, 4)), rng.standard_normal((10_001, 4))
    target = np.array([0, 4095, 4096, 10_000], IDS["float64"])
    logs = log_softmax(h @ W.T, axis=1)
    d = np.exp(logs)
    d[B, target] -= 1
    want = -logs[B, target].mean(), d @ W / 4, d.T @ h / 4
    for one, other in zip(computed(implementation, h, W, target), want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("implementation", SOFTMAX)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_a_thousand_do_not_overflow(implementation: Implementation, dtype: str) -> None:
    """exp(1000) is infinite in either dtype; the loss of a hopeless target is the distance of the scores."""
    h, W = np.ones((2, 1), dtype), np.array([[1000.0], [-1000.0], [0.0]], dtype)
    loss, dh, dW = computed(implementation, h, W, np.array([0, 0], IDS[dtype]))
    assert loss == 0
    assert not dh.any()
    assert not dW.any()
    if implementation.slug != "full":  # as in the book, it takes the logarithm of a probability that has become 0
        assert computed(implementation, h, W, np.array([1, 1], IDS[dtype]))[0] == 2000


@pytest.mark.parametrize(("V", "H"), [(43, 1), (45, 300)])
def test_compiled_softmax_writes_nothing_behind_its_gradient(V: int, H: int) -> None:
    """Its products write whole units; behind a tile there may be fewer rows than these take, or none."""
    [implementation] = [its for its in catalogue.own() if its.key == "output.softmax/numba"]
    rng, end = np.random.default_rng(V), V * H
    h, W, target = rng.random((3, H), np.float32), rng.random((V, H), np.float32), rng.integers(V, size=3)
    memory = np.full(end + 64, 7, np.float32)
    workspace = tiles(problem_of(available(implementation), sized(h, target, V), h, W, target))
    workspace = workspace._replace(gradient=memory[:end].reshape(V, H))
    loss, dh, dW = implementation(h, W, target, workspace)
    slopes_of_scores = (softmax(h @ W.T, axis=1) - np.eye(V, dtype=np.float32)[target]) / 3
    np.testing.assert_allclose(dW, slopes_of_scores.T @ h, atol=1e-5)
    np.testing.assert_allclose(dh, slopes_of_scores @ W, atol=1e-5)
    assert loss == pytest.approx(-log_softmax(h @ W.T, axis=1)[[0, 1, 2], target].mean(), rel=1e-5)
    assert (memory[end:] == 7).all()


def test_compiled_softmax_is_compiled_for_few_batch_sizes() -> None:
    """A program whose batches have any size would otherwise wait for the compiler again and again."""
    numba = pytest.importorskip("numba")
    workspaces = (tiles(Problem(Size(43, 100, B, 0), {}, [], 1.0)) for B in range(1, 257))
    assert len({numba.typeof(workspace) for workspace in workspaces}) <= 25


@pytest.mark.parametrize("implementation", [*NEGATIVES, *NCE])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sure_answers_cost_nothing_and_wrong_ones_their_score(implementation: Implementation, dtype: str) -> None:
    """Scores of 500: exp(500) overflows float32, yet the loss is 500 for each answer that is wrong and 0 for each that is right."""
    h, W, target = np.ones((1, 1), dtype), np.array([[500.0], [-500.0]], dtype), np.array([0], IDS[dtype])
    negatives = np.ones((1, 1) if implementation.kernel.name == "output.negative-sampling" else 1, IDS[dtype])
    rest = [np.zeros(1, dtype), np.zeros(1, dtype)] if implementation.kernel.name == "output.nce" else []
    assert computed(implementation, h, W, target, negatives, *rest)[0] == pytest.approx(0)
    assert computed(implementation, -h, W, target, negatives, *rest)[0] == 1000


# the tree of hierarchical softmax

counts_of_words = st.lists(st.integers(1, 1000), min_size=2, max_size=40).map(
    lambda counts: np.array(sorted(counts, reverse=True), float)
)


@given(counts_of_words)
def test_huffman_codes_are_as_short_as_codes_can_be(counts: Array) -> None:
    """Total length as by merging the two lightest with a heap; any other code that can be told apart is as long or longer."""
    heap = [int(count) for count in counts]
    heapq.heapify(heap)
    shortest = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        shortest += merged
        heapq.heappush(heap, merged)
    lengths = np.diff(huffman(counts).offsets)
    assert (lengths * counts).sum() == shortest


@given(counts_of_words)
def test_huffman_paths_are_those_of_one_binary_tree(counts: Array) -> None:
    """Full (Kraft's sum is 1), told apart by their turns, through V - 1 nodes of which each has one place."""
    V, of_words = len(counts), list(paths(huffman(counts)))
    assert sum(2.0 ** -len(path) for path in of_words) == 1
    place: dict[int, tuple[int, ...]] = {}
    for path in of_words:
        turns = tuple(turn for _, turn in path)
        assert set(turns) <= {1, -1}
        for depth, (node, _) in enumerate(path):
            assert place.setdefault(node, turns[:depth]) == turns[:depth]
    assert sorted(place) == list(range(V - 1))
    assert len({tuple(turn for _, turn in path) for path in of_words}) == len(set(place.values())) + 1 == V


def test_the_most_lopsided_tree_is_one_long_path() -> None:
    """Counts that double: each word but the last two has a length of its own."""
    assert np.diff(huffman(np.exp2(np.arange(20.0))[::-1]).offsets).tolist() == [*range(1, 20), 19]
    assert np.diff(huffman(np.ones(16)).offsets).tolist() == [4] * 16
