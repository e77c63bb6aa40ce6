"""The contract finds the textbook's mistakes, and samplers of another law."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine.protocol import Status, Verdict
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Kernel
from w2vbench.impls.lookup import gather, lookup
from w2vbench.impls.output.negative_sampling import einsum_rows, negative_sampling
from w2vbench.impls.output.softmax import softmax
from w2vbench.impls.sampling.with_replacement import with_replacement
from w2vbench.impls.sampling.without_replacement import cdf_redraw, without_replacement
from w2vbench.impls.scatter import accumulate, dense, rows, scalar

from tests.impls.calling import verdict_of


def keeps_the_last_of_each(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, last = np.unique(idx[::-1], return_index=True)
    return words, dout[::-1][last]


def looks_up_the_first_of_each(W: Array, idx: Array) -> Array:
    out = np.zeros((len(idx), W.shape[1]), W.dtype)
    words, first = np.unique(idx, return_index=True)
    out[first] = W[words]
    return out


def returns_another_array(dout: Array, idx: Array, dW: Array) -> Array:
    """np.zeros is free until it is touched: a returned array would hide the V × H zeros that are being measured."""
    made = np.zeros_like(dW)
    np.add.at(made, idx, dout)
    return made


def names_rows_in_another_order(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, sums = rows.unique_add_at(dout, idx)
    return words[::-1], sums[::-1]


def leaves_out_the_negatives_gradient(h: Array, W_out: Array, target: Array, negatives: Array) -> Any:
    loss, dh, (words, values) = einsum_rows(h, W_out, target, negatives)
    return loss, dh, (words[: len(target)], values[: len(target)])


def goes_stale(W: Array, idx: Array, kept: list[Array]) -> Array:
    """The usual mistake with prepare: right on the first call, and for ever the first call's answer."""
    if not kept:
        kept.append(W[idx])
    return kept[0]


def warns(W: Array, idx: Array) -> Array:
    np.log(np.zeros(1))
    return np.asarray(W[idx])


def imports_what_is_missing(W: Array, idx: Array) -> Array:
    return np.asarray(import_module("nonexistent_pkg_xyz").take(W, idx))


@pytest.mark.parametrize(
    ("kernel", "function", "facts", "status"),
    [
        (scalar.scalar, accumulate.assign.function, {}, "wrong"),
        (rows.rows, keeps_the_last_of_each, {}, "wrong"),
        (lookup, looks_up_the_first_of_each, {}, "wrong"),
        (dense.dense, accumulate.add_at.function, {}, "wrong"),  # does not zero
        (accumulate.accumulate, dense.add_at.function, {}, "wrong"),
        (dense.dense, returns_another_array, {}, "wrong"),
        (rows.rows, names_rows_in_another_order, {}, "ok"),
        (negative_sampling, leaves_out_the_negatives_gradient, {}, "wrong"),
        (lookup, goes_stale, {"prepare": lambda problem: []}, "wrong"),
        (lookup, warns, {}, "ok"),
        (lookup, imports_what_is_missing, {"wrong": "wrong is not the same as broken"}, "error"),
        (lookup, imports_what_is_missing, {}, "error"),
        (lookup, gather.function, {"wrong": "so they say"}, "error"),
        (lookup, gather.function, {"requires": ("nonexistent_pkg_xyz",)}, "skipped"),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_the_contract_tells_right_from_wrong(
    kernel: Kernel, function: Callable[..., Any], facts: dict[str, Any], status: str, corpus: Corpus
) -> None:
    assert verdict_of(kernel, function, corpus, **facts).status == status


@pytest.mark.parametrize(
    "baseline",
    [i for i in own() if i.baseline and i.kernel.name.startswith("output") and i.kernel is not softmax],
    ids=lambda implementation: implementation.key,
)
def test_overwriting_repeated_words_in_an_output_layer_is_found_wrong(baseline: Implementation, corpus: Corpus) -> None:
    as_rows = einsum_rows if baseline.kernel is negative_sampling else baseline

    def function(h: Array, W_out: Array, *rest: Any) -> Any:
        loss, dh, (words, values) = as_rows(h, W_out, *rest)
        gradient = np.zeros_like(W_out)
        gradient[words] = values
        return loss, dh, gradient

    assert verdict_of(baseline.kernel, function, corpus).status == "wrong"


def test_a_workspace_that_cannot_be_made_is_an_error_of_prepare(corpus: Corpus) -> None:
    def prepare(problem: Any) -> Any:
        raise OSError("no table")

    verdict = verdict_of(lookup, lambda W, idx, workspace: W[idx], corpus, prepare=prepare)
    assert (verdict.status, verdict.reason.startswith("prepare: OSError")) == ("error", True)


# samplers

SAMPLERS = pytest.mark.parametrize("kernel", [with_replacement, without_replacement], ids=lambda kernel: kernel.name)


def sampler(kernel: Kernel, change: Callable[[Array], Array] = lambda p: p) -> Callable[..., Array]:
    """A sampler whose noise law may not be the one that was asked for."""

    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        q = change(p)
        q = q / q.sum()
        if kernel is without_replacement:
            return np.asarray(cdf_redraw(targets, K, p, rng, np.cumsum(q)))
        negatives = rng.choice(len(q), size=(len(targets), K), p=q)
        while (hit := negatives == targets[:, None]).any():
            negatives[hit] = rng.choice(len(q), size=int(hit.sum()), p=q)
        return np.asarray(negatives)

    return function


@SAMPLERS
def test_a_sampler_of_the_right_law_is_right(kernel: Kernel, corpus: Corpus) -> None:
    assert verdict_of(kernel, sampler(kernel), corpus) == Verdict(Status.OK)


def to_the_power(power: float) -> Callable[[Array], Array]:
    """The law of a text's words by another power of their counts than 0.75."""
    return lambda p: p ** (power / 0.75)


def without_one_word(p: Array) -> Array:
    """A word in the middle: the mean log-probability hardly moves, the counts do."""
    return np.where(np.arange(len(p)) == 8, 0, p) if len(p) == 30 else p


@SAMPLERS
@pytest.mark.parametrize(
    ("change", "slant"),
    [
        (to_the_power(0), "rare words"),
        (to_the_power(0.7), "rare words"),
        (to_the_power(0.8), "frequent words"),
        (to_the_power(1), "frequent words"),
        (lambda p: 0.9 * p + 0.1 / len(p), "rare words"),
        (without_one_word, ""),
    ],
    ids=["uniform", "power 0.70", "power 0.80", "power 1", "a tenth uniform", "without one word"],
)
def test_a_sampler_of_another_law_is_found_wrong(
    kernel: Kernel, change: Callable[[Array], Array], slant: str, corpus: Corpus
) -> None:
    """Powers as near as 0.70 and 0.75 train different vectors; the check says in which direction the draws lean."""
    verdict = verdict_of(kernel, sampler(kernel, change), corpus)
    assert verdict.status == "wrong"
    assert slant in verdict.reason


def with_a_target(drawn: Array, targets: Array) -> Array:
    drawn[:1, :1] = targets[:1, None]
    return drawn


@SAMPLERS
@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda drawn, targets: drawn.T, "shape"),
        (lambda drawn, targets: drawn[:, :-1], "shape"),
        (lambda drawn, targets: drawn + 1000, "outside"),
        (lambda drawn, targets: -drawn - 1, "outside"),
        (lambda drawn, targets: drawn.astype(np.float64), "dtype"),
        (lambda drawn, targets: np.broadcast_to(drawn[:1], drawn.shape), ""),
        (with_a_target, "target"),
    ],
    ids=["transposed", "too few", "too high", "negative", "float", "the same for all rows", "the target"],
)
def test_draws_that_no_sampler_may_return_are_found_wrong(
    kernel: Kernel, spoil: Callable[[Array, Array], Array], complaint: str, corpus: Corpus
) -> None:
    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        return spoil(sampler(kernel)(targets, K, p, rng), targets)

    verdict = verdict_of(kernel, function, corpus)
    assert verdict.status in ("wrong", "error")
    assert complaint in verdict.reason


def test_neither_sampling_law_passes_for_the_other(corpus: Corpus) -> None:
    """One repeats a negative; without replacement, frequent words are drawn less often than their share."""
    verdict = verdict_of(without_replacement, sampler(with_replacement), corpus)
    assert verdict.status == "wrong"
    assert "same negative twice" in verdict.reason
    assert verdict_of(with_replacement, sampler(without_replacement), corpus).status in ("wrong", "error")
