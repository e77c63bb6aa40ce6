"""The contract: every implementation passes it or is marked wrong, and nothing that is wrong gets through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from math import inf
from typing import Any

import numpy as np
import pytest

from bench.commands import pytest_front as front
from bench.engine.contract import Verdict, check_contract
from impls.catalogue import missing, own
from impls.interface import Array, Implementation, Kernel
from impls.lookup import gather, lookup
from impls.output.negative_sampling import einsum_rows, negative_sampling
from impls.output.softmax import full, softmax
from impls.sampling.with_replacement import with_replacement
from impls.sampling.without_replacement import cdf_redraw, gumbel_top_k, without_replacement
from impls.scatter import accumulate, dense, rows, scalar
from impls.words import Corpus, encode

FOUND = list(own())
BASELINES = [i for i in FOUND if i.baseline]
EXACT = [i for i in BASELINES if not i.kernel.name.startswith(("sampling", "training"))]
"""The baseline of each kernel whose results are numbers, not draws or models."""
OUTPUTS = [i for i in EXACT if i.kernel.name.startswith("output")]


def key(implementation: Implementation) -> str:
    return implementation.key


@pytest.fixture(autouse=True)
def check_slow_calls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine any call may be slow, and only one batch would be checked."""
    monkeypatch.setattr("bench.engine.contract.SLOW_CALL_S", inf)


def status_of(kernel: Kernel, function: Callable[..., Any], corpus: Corpus, **facts: Any) -> Verdict:
    """How a function fares as an implementation of a kernel."""
    return check_contract(kernel.implementation("tested", "the tested function", **facts)(function), corpus)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """Of all implementations, in processes of their own on all CPUs: most of the time is compilation."""
    return front.verdicts(FOUND, ())


@pytest.mark.parametrize("implementation", FOUND, ids=key)
def test_every_implementation_is_right_or_marked_wrong(
    implementation: Implementation, verdicts: dict[str, Verdict]
) -> None:
    verdict = verdicts[implementation.key]
    if verdict.status == "skipped":
        assert all(package in verdict.reason for package in missing(implementation))
        pytest.skip(verdict.reason)
    assert verdict == (Verdict("wrong", implementation.wrong) if implementation.wrong else Verdict("ok"))


def test_a_right_sampler_is_right_on_a_lopsided_text() -> None:
    """In a text of one's own one word may come a hundred thousand times, and the others once or twice."""
    lopsided = encode("lopsided", ["the " * 100_000 + "cat sat on a mat mat"])
    assert check_contract(gumbel_top_k, lopsided) == Verdict("ok")


# every way to spoil a result


def parts(result: Any) -> Iterator[Array]:
    """The arrays of a result, however nested."""
    if isinstance(result, tuple):
        for part in result:
            yield from parts(part)
    elif isinstance(result, np.ndarray):
        yield result


def with_part(result: Any, number: int, spoil: Callable[[Array], Array]) -> Any:
    """A result with one of its arrays spoilt."""
    at = iter(range(100))

    def walk(piece: Any) -> Any:
        if isinstance(piece, tuple):
            return tuple(walk(inner) for inner in piece)
        return spoil(piece) if isinstance(piece, np.ndarray) and next(at) == number else piece

    return walk(result)


def first_entry(change: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """Spoil one entry, the first, of arrays that have one."""

    def spoil(array: Array) -> Array:
        array = array.copy()
        if array.size:
            array.flat[0] = change(array.flat[0])
        return array

    return spoil


SPOILS: dict[str, Callable[[Array], Array]] = {
    "one NaN": first_entry(lambda x: np.nan),
    "one infinity": first_entry(lambda x: np.inf),
    "one entry off by 1e-3": first_entry(lambda x: x + 1e-3),
    "wrong sign": lambda array: -array,
    "twice as much": lambda array: 2 * array,
    "float64 for float32": lambda array: array.astype(np.float64),
    "float16 for float32": lambda array: array.astype(np.float16),
    "one row too many": lambda array: np.concatenate([array, np.zeros((1, *array.shape[1:]), array.dtype)]),
    "one row missing": lambda array: array[:-1],
    "one axis too many": lambda array: array[None],
    "rows the wrong way round": lambda array: array[::-1].copy(),
    "nothing but zeros": lambda array: np.zeros_like(array),
}

FLOATS_ONLY = ("one NaN", "one infinity", "one entry off by 1e-3")

ARRAYS = {"lookup": "f", "scatter.rows": "if", "output.softmax": "ff", "output.negative-sampling": "ff"}
"""Kinds of the arrays in a baseline's result; the other outputs have a gradient of h, and rows and values for that of W_out."""


def spoilable() -> Iterator[Any]:
    for baseline in (i for i in EXACT if not i.kernel.mutates):
        for number, kind in enumerate(ARRAYS.get(baseline.kernel.name, "fif")):
            for name in SPOILS:
                if kind == "f" or name not in FLOATS_ONLY:
                    yield pytest.param(baseline, number, name, id=f"{baseline.kernel.name}-{number}-{name}")


@pytest.mark.parametrize(("baseline", "number", "name"), list(spoilable()))
def test_a_spoilt_result_is_found_wrong(baseline: Implementation, number: int, name: str, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        result = baseline(*arguments)
        assert "".join(part.dtype.kind for part in parts(result)) == ARRAYS.get(baseline.kernel.name, "fif")
        return with_part(result, number, SPOILS[name])

    verdict = status_of(baseline.kernel, function, corpus, prepare=baseline.prepare)
    assert verdict.status in ("wrong", "error")
    assert "AssertionError" not in verdict.reason


@pytest.mark.parametrize(
    "name", [name for name in SPOILS if "float" not in name and "axis" not in name and "row " not in name]
)
@pytest.mark.parametrize(
    ("baseline", "array"),
    [pytest.param(i, name, id=f"{i.key}-{name}") for i in EXACT for name in i.kernel.mutates],
)
def test_a_spoilt_result_in_place_is_found_wrong(
    baseline: Implementation, array: str, name: str, corpus: Corpus
) -> None:
    def function(*arguments: Any) -> None:
        baseline(*arguments)
        spoilt = arguments[baseline.kernel.parameters.index(array)]
        spoilt[...] = SPOILS[name](spoilt)

    assert status_of(baseline.kernel, function, corpus, prepare=baseline.prepare).status == "wrong"


@pytest.mark.parametrize("factor", [np.nan, -1.0, 1.001])
@pytest.mark.parametrize("baseline", OUTPUTS, ids=key)
def test_a_spoilt_loss_is_found_wrong(baseline: Implementation, factor: float, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        return (loss * loss.dtype.type(factor), *gradients)

    assert status_of(baseline.kernel, function, corpus, prepare=baseline.prepare).status == "wrong"


@pytest.mark.parametrize(
    ("baseline", "name"),
    [
        pytest.param(i, name, id=f"{i.key}-{name}")
        for i in BASELINES
        for name in i.kernel.parameters
        if name not in (*i.kernel.mutates, "K", "lr", "t")
    ],
)
def test_changing_an_input_is_found_wrong(baseline: Implementation, name: str, corpus: Corpus) -> None:
    """A changed weight or index would make every later implementation compute something else."""

    def function(*arguments: Any) -> Any:
        result = baseline(*arguments)
        given = arguments[baseline.kernel.parameters.index(name)]
        array = given[-1] if isinstance(given, tuple) else given
        if array.size:
            array.reshape(-1)[-1] += 1
        return result

    verdict = status_of(baseline.kernel, function, corpus, prepare=baseline.prepare)
    assert verdict.status == "wrong"
    assert name in verdict.reason


@pytest.mark.parametrize("baseline", BASELINES, ids=key)
def test_an_exception_is_an_error_with_its_line(baseline: Implementation, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        raise ValueError("no luck\ntoday")

    verdict = status_of(baseline.kernel, function, corpus)
    assert verdict.status == "error"
    assert "ValueError: no luck today" in verdict.reason
    assert "test_contract.py:" in verdict.reason


@pytest.mark.parametrize("baseline", BASELINES, ids=key)
def test_a_result_of_nothing_is_refused(baseline: Implementation, corpus: Corpus) -> None:
    assert status_of(baseline.kernel, lambda *arguments: None, corpus).status in ("wrong", "error")


@pytest.mark.parametrize("baseline", EXACT, ids=key)
def test_failing_on_an_empty_batch_alone_is_found(baseline: Implementation, corpus: Corpus) -> None:
    """A filtered batch can be empty in training; the usual fault is a division by its length."""
    of_a_row = next(at for at, name in enumerate(baseline.kernel.parameters) if name in ("idx", "h", "rows"))

    def raises(*arguments: Any) -> Any:
        if len(arguments[of_a_row]) == 0:
            raise ZeroDivisionError
        return baseline(*arguments)

    assert status_of(baseline.kernel, raises, corpus, prepare=baseline.prepare).status == "error"


@pytest.mark.parametrize("baseline", OUTPUTS, ids=key)
def test_a_loss_that_is_divided_by_the_length_of_an_empty_batch_is_found(
    baseline: Implementation, corpus: Corpus
) -> None:
    def divides(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        return (loss if len(arguments[0]) else np.float32(np.nan), *gradients)

    assert status_of(baseline.kernel, divides, corpus, prepare=baseline.prepare).status == "wrong"


# the textbook's mistakes


def overwrites(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    dW[idx] = dout


def adds_once(dout: Array, idx: Array, dW: Array) -> None:
    dW[idx] += dout


def keeps_the_last_of_each(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, last = np.unique(idx[::-1], return_index=True)
    return words, dout[::-1][last]


def looks_up_the_first_of_each(W: Array, idx: Array) -> Array:
    out = np.zeros((len(idx), W.shape[1]), W.dtype)
    words, first = np.unique(idx, return_index=True)
    out[first] = W[words]
    return out


def does_not_zero(dout: Array, idx: Array, dW: Array) -> None:
    np.add.at(dW, idx, dout)


def zeroes(dout: Array, idx: Array, dW: Array) -> None:
    dense.add_at(dout, idx, dW)


def returns_another_array(dout: Array, idx: Array, dW: Array) -> Array:
    """np.zeros is free until it is touched: a returned array would hide the V × H zeros that are being measured."""
    made = np.zeros_like(dW)
    np.add.at(made, idx, dout)
    return made


def names_rows_by_floats(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, sums = rows.unique_add_at(dout, idx)
    return words.astype(np.float64), sums


def names_rows_in_another_order(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, sums = rows.unique_add_at(dout, idx)
    return words[::-1], sums[::-1]


def sums_the_loss(h: Array, W_out: Array, target: Array) -> Any:
    loss, dh, dW = full(h, W_out, target)
    return loss * len(h), dh * len(h), dW * len(h)


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


def crashes(W: Array, idx: Array) -> Array:
    raise ValueError


def imports_what_is_missing(W: Array, idx: Array) -> Array:
    return np.asarray(import_module("nonexistent_pkg_xyz").take(W, idx))


@pytest.mark.parametrize(
    ("kernel", "function", "facts", "status"),
    [
        (dense.dense, overwrites, {}, "wrong"),
        (accumulate.accumulate, adds_once, {}, "wrong"),
        (scalar.scalar, adds_once, {}, "wrong"),
        (rows.rows, keeps_the_last_of_each, {}, "wrong"),
        (lookup, looks_up_the_first_of_each, {}, "wrong"),
        (dense.dense, does_not_zero, {}, "wrong"),
        (accumulate.accumulate, zeroes, {}, "wrong"),
        (dense.dense, returns_another_array, {}, "wrong"),
        (rows.rows, names_rows_by_floats, {}, "wrong"),
        (rows.rows, names_rows_in_another_order, {}, "ok"),
        (softmax, sums_the_loss, {}, "wrong"),
        (negative_sampling, leaves_out_the_negatives_gradient, {}, "wrong"),
        (lookup, goes_stale, {"prepare": lambda problem: []}, "wrong"),
        (lookup, warns, {}, "ok"),
        (lookup, crashes, {"wrong": "wrong is not the same as broken"}, "error"),
        (lookup, imports_what_is_missing, {}, "error"),
        (lookup, gather.function, {"wrong": "so they say"}, "error"),
        (lookup, gather.function, {"requires": ("nonexistent_pkg_xyz",)}, "skipped"),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_the_contract_tells_right_from_wrong(
    kernel: Kernel, function: Callable[..., Any], facts: dict[str, Any], status: str, corpus: Corpus
) -> None:
    assert status_of(kernel, function, corpus, **facts).status == status


@pytest.mark.parametrize("baseline", [i for i in OUTPUTS if i.kernel is not softmax], ids=key)
def test_overwriting_repeated_words_in_an_output_layer_is_found_wrong(baseline: Implementation, corpus: Corpus) -> None:
    as_rows = einsum_rows if baseline.kernel is negative_sampling else baseline

    def function(h: Array, W_out: Array, *rest: Any) -> Any:
        loss, dh, (words, values) = as_rows(h, W_out, *rest)
        gradient = np.zeros_like(W_out)
        gradient[words] = values
        return loss, dh, gradient

    assert status_of(baseline.kernel, function, corpus).status == "wrong"


def test_a_wrong_implementation_that_is_marked_is_wrong_for_the_reason_given(corpus: Corpus) -> None:
    assert check_contract(dense.assign, corpus) == Verdict("wrong", dense.assign.wrong)


def test_a_workspace_that_cannot_be_made_is_an_error_of_prepare(corpus: Corpus) -> None:
    def prepare(problem: Any) -> Any:
        raise OSError("no table")

    verdict = status_of(lookup, lambda W, idx, workspace: W[idx], corpus, prepare=prepare)
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
    assert status_of(kernel, sampler(kernel), corpus) == Verdict("ok")


def without_one_word(p: Array) -> Array:
    """A word in the middle: the mean log-probability hardly moves, the counts do."""
    return np.where(np.arange(len(p)) == 8, 0, p) if len(p) == 30 else p


@SAMPLERS
@pytest.mark.parametrize(
    ("change", "slant"),
    [
        (lambda p: np.ones_like(p), "rare words"),
        (lambda p: 0.9 * p + 0.1 / len(p), "rare words"),
        (lambda p: p ** (0.7 / 0.75), "rare words"),
        (lambda p: p ** (0.8 / 0.75), "frequent words"),
        (lambda p: p ** (1 / 0.75), "frequent words"),
        (without_one_word, ""),
    ],
    ids=["uniform", "a tenth uniform", "power 0.70", "power 0.80", "power 1", "without one word"],
)
def test_a_sampler_of_another_law_is_found_wrong(
    kernel: Kernel, change: Callable[[Array], Array], slant: str, corpus: Corpus
) -> None:
    """Powers as near as 0.70 and 0.75 train different vectors; the check says in which direction the draws lean."""
    verdict = status_of(kernel, sampler(kernel, change), corpus)
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
        (lambda drawn, targets: drawn.astype(np.float64), "dtype"),
        (lambda drawn, targets: drawn + 1000, "outside"),
        (lambda drawn, targets: -drawn - 1, "outside"),
        (lambda drawn, targets: np.broadcast_to(drawn[:1], drawn.shape), ""),
        (with_a_target, "target"),
    ],
    ids=["transposed", "too few", "float", "too high", "negative", "the same for all rows", "the target"],
)
def test_draws_that_no_sampler_may_return_are_found_wrong(
    kernel: Kernel, spoil: Callable[[Array, Array], Array], complaint: str, corpus: Corpus
) -> None:
    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        return spoil(sampler(kernel)(targets, K, p, rng), targets)

    verdict = status_of(kernel, function, corpus)
    assert verdict.status in ("wrong", "error")
    assert complaint in verdict.reason


def test_neither_sampling_law_passes_for_the_other(corpus: Corpus) -> None:
    """One repeats a negative; without replacement, frequent words are drawn less often than their share."""
    verdict = status_of(without_replacement, sampler(with_replacement), corpus)
    assert verdict.status == "wrong"
    assert "same negative twice" in verdict.reason
    assert status_of(with_replacement, sampler(without_replacement), corpus).status in ("wrong", "error")
