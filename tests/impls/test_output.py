"""output: each objective is the loss it claims to be, and its gradients are that loss's slopes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax

from impls.case import Size
from impls.catalogue import missing, own
from impls.interface import Implementation, Problem
from impls.output.hierarchical import Tree, huffman

Array = NDArray[Any]


def some(kernel: str) -> list[Any]:
    """Parameters for every implementation of an objective."""
    return [pytest.param(i, id=i.key) for i in own() if i.kernel.name == f"output.{kernel}" and not i.wrong]


SOFTMAX, OWN, SHARED = some("softmax"), some("negative-sampling"), some("shared-negatives")
SAMPLED, NCE, HIERARCHICAL = some("sampled-softmax"), some("nce"), some("hierarchical")
SAMPLES = [*OWN, *SHARED, *SAMPLED, *NCE]

ordinary = settings(max_examples=20, deadline=None)


class Layer:
    """Inputs of an output layer in float64, as its tests need them: h (B, H), W_out (V, H), targets, negatives and log_q."""

    def __init__(self, V: int, H: int, B: int, K: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.V, self.K = V, K
        self.h, self.W = rng.standard_normal((B, H)), rng.standard_normal((V, H))
        self.target = rng.integers(V, size=B)
        self.log_q = np.log(K * rng.dirichlet(np.ones(V)))
        self.shared = rng.integers(V, size=K)
        self.own = (self.target[:, None] + rng.integers(1, V, size=(B, K))) % V
        self.tree = huffman(np.sort(rng.integers(1, 50, size=V).astype(float))[::-1])

    def arguments(self, kernel: str) -> list[Any]:
        """What an objective's implementations take."""
        of_words: dict[str, list[Any]] = {
            "softmax": [],
            "negative-sampling": [self.own],
            "shared-negatives": [self.shared],
            "sampled-softmax": [self.shared, self.log_q[self.target], self.log_q[self.shared]],
            "nce": [self.shared, self.log_q[self.target], self.log_q[self.shared]],
            "hierarchical": [self.tree],
        }
        W = self.W[:-1] if kernel == "hierarchical" else self.W
        return [self.h, W, self.target, *of_words[kernel]]


LENGTHS = (1, 4, 5)
"""Of rows: a compiled function fills vector registers with them in part, whole, and with a rest. It is compiled for each."""
layers = st.builds(
    Layer, st.integers(3, 9), st.sampled_from(LENGTHS), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32)
)

Result = tuple[float, Array, Array]


def computed(implementation: Implementation, h: Array, W: Array, *rest: Any) -> Result:
    """Loss, dh and the gradient of W_out, dense and copied out of any buffer."""
    if lacking := missing(implementation):
        pytest.skip(f"needs {', '.join(lacking)}")
    arguments = [h, W, *rest]
    workspace: list[Any] = []
    if implementation.prepare is not None:
        V, H = W.shape
        inputs = dict(zip(implementation.kernel.parameters, arguments, strict=True))
        K = inputs["negatives"].shape[-1] if "negatives" in inputs else 0
        size = Size(V + ("tree" in inputs), H, len(h), K, dtype=f"f{8 * h.itemsize}")
        workspace = [implementation.prepare(Problem(size, inputs, [tuple(arguments)], 1.0))]
    loss, dh, gradient = implementation(*arguments, *workspace)
    dense = np.zeros_like(W)
    if isinstance(gradient, tuple):
        np.add.at(dense, gradient[0], gradient[1])
    else:
        dense += gradient
    return float(loss), np.array(dh), dense


def same(one: Result, other: Result) -> None:
    """Equal but for rounding in float64."""
    nearly(one, other, rtol=1e-11, atol=1e-12)


def nearly(one: Result, other: Result, rtol: float, atol: float) -> None:
    assert one[0] == pytest.approx(other[0], rel=rtol, abs=atol)
    np.testing.assert_allclose(one[1], other[1], rtol=rtol, atol=atol)
    np.testing.assert_allclose(one[2], other[2], rtol=rtol, atol=atol)


# slopes


def slopes(loss: Callable[[], float], at: Array) -> Array:
    """Central differences of a loss by every entry of an array, which is put back."""
    result = np.empty(at.shape)
    for place in np.ndindex(*at.shape):
        middle, ends = at[place], []
        for step in (1e-5, -1e-5):
            at[place] = middle + step
            ends.append(loss())
        at[place] = middle
        result[place] = (ends[0] - ends[1]) / 2e-5
    return result


@pytest.mark.parametrize("implementation", [*SOFTMAX, *SAMPLES, *HIERARCHICAL])
@settings(max_examples=4, deadline=None)
@given(layer=layers)
def test_gradients_are_slopes_of_the_loss(implementation: Implementation, layer: Layer) -> None:
    """By every entry of h and W_out. Targets and negatives repeat, and shared negatives hit targets."""
    arguments = layer.arguments(implementation.kernel.name.removeprefix("output."))
    h, W = arguments[:2] = [arguments[0].copy(), arguments[1].copy()]
    _, dh, dW = computed(implementation, *arguments)
    for gradient, at in ((dh, h), (dW, W)):
        measured = slopes(lambda: computed(implementation, *arguments)[0], at)
        np.testing.assert_allclose(gradient, measured, rtol=1e-6, atol=1e-8)


# the full softmax


@pytest.mark.parametrize("implementation", SOFTMAX)
@ordinary
@given(layer=layers)
def test_softmax_is_minus_the_mean_log_probability_of_the_targets(implementation: Implementation, layer: Layer) -> None:
    loss, dh, dW = computed(implementation, *layer.arguments("softmax"))
    logs = log_softmax(layer.h @ layer.W.T, axis=1)
    d = np.exp(logs) - np.eye(layer.V)[layer.target]
    B = len(layer.h)
    same((loss, dh, dW), (-logs[np.arange(B), layer.target].mean(), d @ layer.W / B, d.T @ layer.h / B))


@pytest.mark.parametrize("implementation", SOFTMAX)
@ordinary
@given(layer=layers)
def test_softmax_moves_probability_between_words_and_makes_none(implementation: Implementation, layer: Layer) -> None:
    """The gradient by the scores adds up to zero over the words, for each row of h."""
    _, _, dW = computed(implementation, *layer.arguments("softmax"))
    np.testing.assert_allclose(dW.sum(axis=0), 0, atol=1e-13)
    alike = np.broadcast_to(layer.W[0], layer.W.shape).copy()
    loss, dh, _ = computed(implementation, layer.h, alike, layer.target)
    np.testing.assert_allclose(dh, 0, atol=1e-13)
    assert loss == pytest.approx(log(layer.V))


@pytest.mark.parametrize("implementation", SOFTMAX)
@ordinary
@given(layer=layers, shift=st.floats(-20, 20))
def test_adding_the_same_row_to_all_words_changes_no_probability(
    implementation: Implementation, layer: Layer, shift: float
) -> None:
    loss, _, dW = computed(implementation, *layer.arguments("softmax"))
    moved, _, moved_dW = computed(implementation, layer.h, layer.W + shift * layer.W[0], layer.target)
    assert moved == pytest.approx(loss, rel=1e-9, abs=1e-11)
    np.testing.assert_allclose(moved_dW, dW, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("implementation", SOFTMAX)
@ordinary
@given(layer=layers, seed=st.integers(0, 99))
def test_renaming_the_words_changes_nothing_but_their_names(
    implementation: Implementation, layer: Layer, seed: int
) -> None:
    new_name = np.random.default_rng(seed).permutation(layer.V)
    W = np.empty_like(layer.W)
    W[new_name] = layer.W
    loss, dh, dW = computed(implementation, *layer.arguments("softmax"))
    renamed = computed(implementation, layer.h, W, new_name[layer.target])
    same((renamed[0], renamed[1], renamed[2][new_name]), (loss, dh, dW))


@pytest.mark.parametrize("implementation", SOFTMAX)
@ordinary
@given(layer=layers)
def test_two_words_are_one_question(implementation: Implementation, layer: Layer) -> None:
    """Slide 16: over two words, softmax is the sigmoid cross-entropy of the difference of their scores."""
    W, target = layer.W[:2], layer.target % 2
    difference = layer.h @ (W[1] - W[0])
    loss = -np.where(target == 1, log_expit(difference), log_expit(-difference)).mean()
    dscore = ((expit(difference) - target) / len(layer.h))[:, None]
    same(
        computed(implementation, layer.h, W, target),
        (
            float(loss),
            dscore * (W[1] - W[0]),
            np.array([-(dscore * layer.h).sum(axis=0), (dscore * layer.h).sum(axis=0)]),
        ),
    )


@pytest.mark.parametrize("implementation", SOFTMAX)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_a_thousand_do_not_overflow(implementation: Implementation, dtype: str) -> None:
    """exp(1000) is infinite in either dtype; the loss of a hopeless target is the distance of the scores."""
    h, W = np.ones((2, 1), dtype), np.array([[1000.0], [-1000.0], [0.0]], dtype)
    loss, dh, dW = computed(implementation, h, W, np.array([0, 0]))
    assert loss == 0
    assert not dh.any()
    assert not dW.any()
    if implementation.slug != "full":  # as in the book, it takes the logarithm of a probability that has become 0
        assert computed(implementation, h, W, np.array([1, 1]))[0] == 2000


@pytest.mark.parametrize("implementation", SOFTMAX)
def test_vocabularies_longer_than_a_block_are_whole(implementation: Implementation) -> None:
    """Targets in the first, the middle and the last block, and blocks that do not divide the vocabulary."""
    rng = np.random.default_rng(0)
    h, W = rng.standard_normal((4, 3)), rng.standard_normal((10_001, 3))
    target = np.array([0, 4095, 4096, 10_000])
    logs = log_softmax(h @ W.T, axis=1)
    d = np.exp(logs) - np.eye(10_001)[target]
    same(computed(implementation, h, W, target), (-logs[np.arange(4), target].mean(), d @ W / 4, d.T @ h / 4))


# negative sampling


@pytest.mark.parametrize("implementation", OWN)
@ordinary
@given(layer=layers)
def test_negative_sampling_is_k_plus_one_yes_or_no_questions(implementation: Implementation, layer: Layer) -> None:
    """Slides 15 to 24: one sigmoid cross-entropy for the target, answered yes, and K for the negatives, answered no."""
    loss, dh, dW = 0.0, np.zeros_like(layer.h), np.zeros_like(layer.W)
    B = len(layer.h)
    for words, answer in [(layer.target, 1), *((column, 0) for column in layer.own.T)]:
        score = (layer.h * layer.W[words]).sum(axis=1)
        loss -= (answer * log_expit(score) + (1 - answer) * log_expit(-score)).mean()
        dscore = ((expit(score) - answer) / B)[:, None]
        dh += dscore * layer.W[words]
        np.add.at(dW, words, dscore * layer.h)
    same(computed(implementation, *layer.arguments("negative-sampling")), (loss, dh, dW))


@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize("own", OWN)
@ordinary
@given(layer=layers)
def test_shared_negatives_are_the_same_negatives_for_every_row(
    shared: Implementation, own: Implementation, layer: Layer
) -> None:
    copied = np.tile(layer.shared, (len(layer.h), 1))
    same(computed(shared, *layer.arguments("shared-negatives")), computed(own, layer.h, layer.W, layer.target, copied))


@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize("nce", NCE)
@ordinary
@given(layer=layers)
def test_nce_without_a_noise_law_is_negative_sampling(
    nce: Implementation, shared: Implementation, layer: Layer
) -> None:
    """With log_q = 0, NCE's scores are those of shared negatives."""
    zero_target, zero = np.zeros(len(layer.h)), np.zeros(layer.K)
    same(
        computed(nce, layer.h, layer.W, layer.target, layer.shared, zero_target, zero),
        computed(shared, *layer.arguments("shared-negatives")),
    )


@pytest.mark.parametrize("implementation", NCE)
@ordinary
@given(layer=layers)
def test_nce_asks_whether_a_word_is_of_the_text_or_of_the_noise(implementation: Implementation, layer: Layer) -> None:
    """P(text | w) = exp(s_w) / (exp(s_w) + K q_w), in these very terms (Gutmann and Hyvärinen 2010)."""
    text, noise = np.exp(layer.h @ layer.W.T), np.exp(layer.log_q)
    of_text = text / (text + noise)
    per_row = np.log(of_text[np.arange(len(layer.h)), layer.target]) + np.log(1 - of_text[:, layer.shared]).sum(axis=1)
    assert computed(implementation, *layer.arguments("nce"))[0] == pytest.approx(-per_row.mean(), rel=1e-9)


# sampled softmax


@pytest.mark.parametrize("sampled", SAMPLED)
@pytest.mark.parametrize("full", SOFTMAX)
@ordinary
@given(layer=layers, constant=st.floats(-10, 10))
def test_sampled_softmax_over_all_words_is_the_full_softmax(
    sampled: Implementation, full: Implementation, layer: Layer, constant: float
) -> None:
    """Every word once as a negative: each row leaves its target out, and a constant log_q cancels."""
    every, log_q = np.arange(layer.V), np.full(layer.V, constant)
    got = computed(sampled, layer.h, layer.W, layer.target, every, log_q[layer.target], log_q)
    same(got, computed(full, layer.h, layer.W, layer.target))


@pytest.mark.parametrize("implementation", SAMPLED)
@ordinary
@given(layer=layers)
def test_sampled_softmax_corrects_scores_by_how_often_words_are_sampled(
    implementation: Implementation, layer: Layer
) -> None:
    """Jean et al. 2015: softmax of s - log(K q) over the target and the negatives that are not the target."""
    losses = []
    for row, target in zip(layer.h, layer.target.tolist(), strict=True):
        words = [target, *(word for word in layer.shared.tolist() if word != target)]
        losses.append(-log_softmax(layer.W[words] @ row - layer.log_q[words])[0])
    assert computed(implementation, *layer.arguments("sampled-softmax"))[0] == pytest.approx(
        np.mean(losses), rel=1e-10, abs=1e-12
    )


# hierarchical softmax


def paths(tree: Tree) -> Iterator[list[tuple[int, int]]]:
    """Each word's path from the root on: nodes and turns."""
    for begin, end in pairwise(tree.offsets.tolist()):
        yield list(zip(tree.nodes[begin:end].tolist(), tree.turns[begin:end].tolist(), strict=True))[::-1]


counts_of_words = st.lists(st.integers(1, 1000), min_size=2, max_size=40).map(
    lambda counts: np.array(sorted(counts, reverse=True), float)
)


@pytest.mark.parametrize("implementation", HIERARCHICAL)
@ordinary
@given(counts=counts_of_words.filter(lambda counts: len(counts) <= 12), seed=st.integers(0, 2**32))
def test_probabilities_of_all_words_add_up_to_one(implementation: Implementation, counts: Array, seed: int) -> None:
    rng = np.random.default_rng(seed)
    V = len(counts)
    h, W, tree = rng.standard_normal((1, 4)), rng.standard_normal((V - 1, 4)), huffman(counts)
    losses = [computed(implementation, h, W, np.array([word]), tree)[0] for word in range(V)]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1)
    together = computed(implementation, np.repeat(h, V, axis=0), W, np.arange(V), tree)[0]
    assert together == pytest.approx(np.mean(losses))


@pytest.mark.parametrize("implementation", HIERARCHICAL)
@ordinary
@given(layer=layers)
def test_a_word_is_reached_by_its_turns(implementation: Implementation, layer: Layer) -> None:
    """Its probability is the product of the sigmoids along its path (Mikolov et al. 2013, equation 3)."""
    of_words = list(paths(layer.tree))
    logs = [
        sum(log_expit(turn * (layer.W[node] @ row)) for node, turn in of_words[word])
        for row, word in zip(layer.h, layer.target.tolist(), strict=True)
    ]
    assert computed(implementation, *layer.arguments("hierarchical"))[0] == pytest.approx(-np.mean(logs))


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
    V, tree = len(counts), huffman(counts)
    of_words = list(paths(tree))
    assert sum(2.0 ** -len(path) for path in of_words) == 1
    place: dict[int, tuple[int, ...]] = {}
    for path in of_words:
        turns = tuple(turn for _, turn in path)
        assert set(turns) <= {1, -1}
        for depth, (node, _) in enumerate(path):
            assert place.setdefault(node, turns[:depth]) == turns[:depth]
    assert sorted(place) == list(range(V - 1))
    assert len({tuple(turn for _, turn in path) for path in of_words}) == len(set(place.values())) + 1 == V


@given(counts_of_words)
def test_frequent_words_have_paths_no_longer_than_rare_ones(counts: Array) -> None:
    lengths = np.diff(huffman(counts).offsets)
    rarer = counts[:, None] > counts[None, :]
    assert np.all((lengths[:, None] <= lengths[None, :])[rarer])


def test_the_most_lopsided_tree_is_one_long_path() -> None:
    """Counts that double: each word but the last two has a length of its own."""
    assert np.diff(huffman(np.exp2(np.arange(20.0))[::-1]).offsets).tolist() == [*range(1, 20), 19]
    assert np.diff(huffman(np.ones(16)).offsets).tolist() == [4] * 16


# all sampled objectives


@pytest.mark.parametrize("implementation", [*SAMPLES, *SOFTMAX, *HIERARCHICAL])
@ordinary
@given(layer=layers, seed=st.integers(0, 99))
def test_the_order_of_a_batch_does_not_matter(implementation: Implementation, layer: Layer, seed: int) -> None:
    name = implementation.kernel.name.removeprefix("output.")
    loss, dh, dW = computed(implementation, *layer.arguments(name))
    order = np.random.default_rng(seed).permutation(len(layer.h))
    layer.h, layer.target, layer.own = layer.h[order], layer.target[order], layer.own[order]
    same(computed(implementation, *layer.arguments(name)), (loss, dh[order], dW))


@pytest.mark.parametrize("implementation", [*SAMPLES, *SOFTMAX, *HIERARCHICAL])
@ordinary
@given(layer=layers)
def test_float32_stays_float32_and_near_float64(implementation: Implementation, layer: Layer) -> None:
    arguments = layer.arguments(implementation.kernel.name.removeprefix("output."))
    single = [
        part.astype(np.float32) if isinstance(part, np.ndarray) and part.dtype == np.float64 else part
        for part in arguments
    ]
    result = computed(implementation, *single)
    assert result[1].dtype == np.float32
    assert result[2].dtype == np.float32
    nearly(result, computed(implementation, *arguments), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("implementation", [p for p in SAMPLES if "sampled-softmax" not in str(p.id)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sure_answers_cost_nothing_and_wrong_ones_their_score(implementation: Implementation, dtype: str) -> None:
    """Scores of 500: exp(500) overflows float32, yet the loss is 500 for each answer that is wrong and 0 for each that is right."""
    h, W, target = np.ones((1, 1), dtype), np.array([[500.0], [-500.0]], dtype), np.array([0])
    negatives = np.array([[1]]) if implementation.kernel.name == "output.negative-sampling" else np.array([1])
    rest = [np.zeros(1, dtype), np.zeros(1, dtype)] if implementation.kernel.name == "output.nce" else []
    assert computed(implementation, h, W, target, negatives, *rest)[0] == pytest.approx(0)
    assert computed(implementation, -h, W, target, negatives, *rest)[0] == 1000
