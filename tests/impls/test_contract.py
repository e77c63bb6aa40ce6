"""The contract: every implementation passes it or is marked wrong, and nothing that is wrong gets through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.commands import pytest_front as front
from bench.engine.contract import Verdict, check_contract
from impls.catalogue import missing, own
from impls.interface import Implementation, Kernel
from impls.lookup import gather, lookup
from impls.output.negative_sampling import einsum_rows, negative_sampling
from impls.output.softmax import full, softmax
from impls.sampling.with_replacement import alias, with_replacement
from impls.sampling.without_replacement import cdf_redraw, gumbel_top_k, without_replacement
from impls.scatter import accumulate, dense, rows, scalar
from impls.words import Corpus, builtin, encode

Array = NDArray[Any]

FOUND = list(own())
EXACT = [i for i in FOUND if i.baseline and not i.kernel.name.startswith(("sampling", "training"))]
"""The baseline of each kernel whose results are numbers, not draws or models."""

SAMPLERS = {"with": with_replacement, "without": without_replacement}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return builtin()


def key(implementation: Implementation) -> str:
    return implementation.key


def status_of(kernel: Kernel, function: Callable[..., Any], corpus: Corpus, **facts: Any) -> Verdict:
    """How a function fares as an implementation of a kernel."""
    verdict = check_contract(kernel.implementation("tested", "the tested function", **facts)(function), corpus)
    assert "\n" not in verdict.reason
    return verdict


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
@pytest.mark.parametrize("baseline", [i for i in EXACT if i.kernel.name.startswith("output")], ids=key)
def test_a_spoilt_loss_is_found_wrong(baseline: Implementation, factor: float, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        return (loss * loss.dtype.type(factor), *gradients)

    assert status_of(baseline.kernel, function, corpus, prepare=baseline.prepare).status == "wrong"


def arguments_to_keep() -> Iterator[Any]:
    for baseline in (i for i in FOUND if i.baseline):
        for number, name in enumerate(baseline.kernel.parameters):
            if name not in (*baseline.kernel.mutates, "K", "lr", "t"):
                yield pytest.param(baseline, number, id=f"{baseline.kernel.name}-{name}")


@pytest.mark.parametrize(("baseline", "number"), list(arguments_to_keep()))
def test_changing_an_input_is_found_wrong(baseline: Implementation, number: int, corpus: Corpus) -> None:
    """A changed weight or index would make every later implementation compute something else."""

    def function(*arguments: Any) -> Any:
        result = baseline(*arguments)
        given = arguments[number]
        array = given[-1] if isinstance(given, tuple) else given
        if array.size:
            array.reshape(-1)[-1] += 1
        return result

    verdict = status_of(baseline.kernel, function, corpus, prepare=baseline.prepare)
    assert verdict.status == "wrong"
    assert baseline.kernel.parameters[number] in verdict.reason


@pytest.mark.parametrize("baseline", [i for i in FOUND if i.baseline], ids=key)
def test_an_exception_is_an_error_with_its_line(baseline: Implementation, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        raise ValueError("no luck\ntoday")

    verdict = status_of(baseline.kernel, function, corpus)
    assert verdict.status == "error"
    assert "ValueError: no luck today" in verdict.reason
    assert "test_contract.py:" in verdict.reason


@pytest.mark.parametrize("baseline", [i for i in FOUND if i.baseline], ids=key)
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

    def divides(*arguments: Any) -> Any:
        result = baseline(*arguments)
        if isinstance(result, tuple) and len(result) == 3 and len(arguments[0]) == 0:
            return np.float32(np.nan), *result[1:]
        return result

    expected = "wrong" if baseline.kernel.name.startswith("output") else "ok"
    assert status_of(baseline.kernel, divides, corpus, prepare=baseline.prepare).status == expected


# the textbook's mistakes


def test_overwriting_repeated_words_is_found_wrong(corpus: Corpus) -> None:
    """Slide 12, in each form that a scatter comes in."""

    def overwrite(dout: Array, idx: Array, dW: Array) -> None:
        dW[...] = 0
        dW[idx] = dout

    def add_once(dout: Array, idx: Array, dW: Array) -> None:
        dW[idx] += dout

    def last_of_each(dout: Array, idx: Array) -> tuple[Array, Array]:
        words, last = np.unique(idx[::-1], return_index=True)
        return words, dout[::-1][last]

    assert status_of(dense.dense, overwrite, corpus).status == "wrong"
    assert status_of(accumulate.accumulate, add_once, corpus).status == "wrong"
    assert status_of(scalar.scalar, add_once, corpus).status == "wrong"
    assert status_of(rows.rows, last_of_each, corpus).status == "wrong"


@pytest.mark.parametrize(
    "baseline", [i for i in EXACT if i.kernel.name.startswith("output") and i.kernel.name != "output.softmax"], ids=key
)
def test_overwriting_repeated_words_in_an_output_layer_is_found_wrong(baseline: Implementation, corpus: Corpus) -> None:
    (as_rows,) = [
        i
        for i in FOUND
        if i.key in (baseline.key, "output.negative-sampling/einsum-rows")
        and i.kernel == baseline.kernel
        and not i.prepare
    ]

    def function(h: Array, W_out: Array, *rest: Any) -> Any:
        loss, dh, (words, values) = as_rows(h, W_out, *rest)
        gradient = np.zeros_like(W_out)
        gradient[words] = values
        return loss, dh, gradient

    assert status_of(baseline.kernel, function, corpus).status == "wrong"


def test_a_lookup_wrong_for_repeated_words_only_is_found_wrong(corpus: Corpus) -> None:
    def function(W: Array, idx: Array) -> Array:
        out = np.zeros((len(idx), W.shape[1]), W.dtype)
        words, first = np.unique(idx, return_index=True)
        out[first] = W[words]
        return out

    assert status_of(lookup, function, corpus).status == "wrong"


def test_not_zeroing_a_dense_gradient_is_found_wrong(corpus: Corpus) -> None:
    assert status_of(dense.dense, lambda dout, idx, dW: np.add.at(dW, idx, dout), corpus).status == "wrong"


def test_zeroing_a_gradient_that_is_accumulated_into_is_found_wrong(corpus: Corpus) -> None:
    assert status_of(accumulate.accumulate, lambda dout, idx, dW: dense.add_at(dout, idx, dW), corpus).status == "wrong"


def test_a_gradient_elsewhere_than_in_the_buffer_is_found_wrong(corpus: Corpus) -> None:
    """np.zeros is free until it is touched: a returned array would hide the V × H zeros that are being measured."""

    def function(dout: Array, idx: Array, dW: Array) -> Array:
        made = np.zeros_like(dW)
        np.add.at(made, idx, dout)
        return made

    assert status_of(dense.dense, function, corpus).status == "wrong"


@pytest.mark.parametrize("row_type", [np.float64, np.float32])
def test_rows_that_cannot_index_are_found_wrong(row_type: type, corpus: Corpus) -> None:
    def function(dout: Array, idx: Array) -> tuple[Array, Array]:
        words, sums = rows.unique_add_at(dout, idx)
        return words.astype(row_type), sums

    assert status_of(rows.rows, function, corpus).status == "wrong"


def test_rows_in_any_order_are_right(corpus: Corpus) -> None:
    def function(dout: Array, idx: Array) -> tuple[Array, Array]:
        words, sums = rows.unique_add_at(dout, idx)
        return words[::-1], sums[::-1]

    assert status_of(rows.rows, function, corpus).status == "ok"


def test_a_loss_that_is_summed_instead_of_averaged_is_found_wrong(corpus: Corpus) -> None:
    def function(h: Array, W_out: Array, target: Array) -> Any:
        loss, dh, dW = full(h, W_out, target)
        return loss * len(h), dh * len(h), dW * len(h)

    assert status_of(softmax, function, corpus).status == "wrong"


def test_a_loss_and_gradients_that_do_not_belong_together_are_found_wrong(corpus: Corpus) -> None:
    def function(h: Array, W_out: Array, target: Array, negatives: Array) -> Any:
        loss, dh, (words, values) = einsum_rows(h, W_out, target, negatives)
        return loss, dh, (words[: len(target)], values[: len(target)])

    assert status_of(negative_sampling, function, corpus).status == "wrong"


# marks, workspaces and optional packages


def test_a_right_implementation_that_is_marked_wrong_is_an_error(corpus: Corpus) -> None:
    verdict = check_contract(replace(gather, wrong="so they say"), corpus)
    assert verdict.status == "error"
    assert "marked wrong" in verdict.reason


def test_a_wrong_implementation_that_is_marked_is_wrong_for_the_reason_given(corpus: Corpus) -> None:
    assert check_contract(dense.assign, corpus) == Verdict("wrong", dense.assign.wrong)


def test_a_marked_implementation_that_crashes_is_an_error(corpus: Corpus) -> None:
    """Wrong is not the same as broken."""

    def function(W: Array, idx: Array) -> Array:
        raise ValueError

    assert status_of(lookup, function, corpus, wrong="on purpose").status == "error"


def test_a_workspace_that_cannot_be_made_is_an_error(corpus: Corpus) -> None:
    def prepare(problem: Any) -> Any:
        raise OSError("no table")

    verdict = status_of(lookup, lambda W, idx, workspace: W[idx], corpus, prepare=prepare)
    assert verdict.status == "error"
    assert "prepare: OSError: no table" in verdict.reason


def test_a_missing_package_skips_with_the_command_that_installs_it(corpus: Corpus) -> None:
    verdict = status_of(lookup, lambda W, idx: W[idx], corpus, requires=("nonexistent_pkg_xyz",))
    assert verdict.status == "skipped"
    assert "pip install nonexistent_pkg_xyz" in verdict.reason


def test_another_import_error_is_an_error_and_no_skip(corpus: Corpus) -> None:
    def function(W: Array, idx: Array) -> Array:
        return np.asarray(import_module("nonexistent_pkg_xyz").take(W, idx))

    assert status_of(lookup, function, corpus).status == "error"


def test_a_warning_of_an_implementation_does_not_hide_its_result(corpus: Corpus) -> None:
    def function(W: Array, idx: Array) -> Array:
        np.log(np.zeros(1))
        return np.asarray(W[idx])

    assert status_of(lookup, function, corpus).status == "ok"


# samplers


def sampler(law: str, change: Callable[[Array], Array]) -> Callable[..., Array]:
    """A sampler whose noise law is not the one that was asked for."""
    choice = cdf_redraw if law == "without" else alias

    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        q = change(p)
        q = q / q.sum()
        if law == "without":
            return np.asarray(choice(targets, K, p, rng, np.cumsum(q)))
        negatives = rng.choice(len(q), size=(len(targets), K), p=q)
        while (hit := negatives == targets[:, None]).any():
            negatives[hit] = rng.choice(len(q), size=int(hit.sum()), p=q)
        return np.asarray(negatives)

    return function


@pytest.mark.parametrize("law", SAMPLERS)
def test_a_sampler_of_the_right_law_is_right(law: str, corpus: Corpus) -> None:
    assert status_of(SAMPLERS[law], sampler(law, lambda p: p), corpus) == Verdict("ok")


@pytest.mark.parametrize("law", SAMPLERS)
@pytest.mark.parametrize(
    ("change", "slant"),
    [
        (lambda p: np.ones_like(p), "rare"),
        (lambda p: 0.9 * p + 0.1 / len(p), "rare"),
        (lambda p: p ** (0.7 / 0.75), "rare"),
        (lambda p: p ** (0.8 / 0.75), "frequent"),
        (lambda p: p ** (1 / 0.75), "frequent"),
    ],
    ids=["uniform", "a tenth uniform", "power 0.70", "power 0.80", "power 1"],
)
def test_a_sampler_of_another_law_is_found_wrong(
    law: str, change: Callable[[Array], Array], slant: str, corpus: Corpus
) -> None:
    """Powers as near as 0.70 and 0.75 train different vectors; the check says in which direction the draws lean."""
    verdict = status_of(SAMPLERS[law], sampler(law, change), corpus)
    assert verdict.status == "wrong"
    assert f"{slant} words" in verdict.reason


@pytest.mark.parametrize("law", SAMPLERS)
def test_a_sampler_that_never_draws_some_word_is_found_wrong(law: str, corpus: Corpus) -> None:
    """A word in the middle: the mean log-probability hardly moves, the counts do."""

    def change(p: Array) -> Array:
        q = p.copy()
        if len(q) == 30:
            q[8] = 0
        return q

    assert status_of(SAMPLERS[law], sampler(law, change), corpus).status == "wrong"


@pytest.mark.parametrize("law", SAMPLERS)
def test_a_sampler_that_returns_a_target_is_found_wrong(law: str, corpus: Corpus) -> None:
    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        negatives = sampler(law, lambda p: p)(targets, K, p, rng)
        if rng.random() < 0.1:
            negatives[:1, :1] = targets[:1, None]
        return negatives

    verdict = status_of(SAMPLERS[law], function, corpus)
    assert verdict.status == "wrong"
    assert "target" in verdict.reason


def test_a_sampler_that_repeats_a_negative_is_wrong_where_they_must_differ(corpus: Corpus) -> None:
    verdict = status_of(without_replacement, sampler("with", lambda p: p), corpus)
    assert verdict.status == "wrong"
    assert "same negative twice" in verdict.reason


def test_different_negatives_are_wrong_where_they_must_be_independent(corpus: Corpus) -> None:
    """Without replacement, frequent words are drawn less often than their share."""
    assert status_of(with_replacement, sampler("without", lambda p: p), corpus).status in ("wrong", "error")


@pytest.mark.parametrize("law", SAMPLERS)
@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda drawn: drawn.T, "shape"),
        (lambda drawn: drawn[:, :-1], "shape"),
        (lambda drawn: drawn.astype(np.float64), "dtype"),
        (lambda drawn: drawn + 1000, "outside"),
        (lambda drawn: -drawn - 1, "outside"),
        (lambda drawn: np.broadcast_to(drawn[:1], drawn.shape), ""),
    ],
    ids=["transposed", "too few", "float", "too high", "negative", "the same for all rows"],
)
def test_draws_of_another_shape_or_range_are_found_wrong(
    law: str, spoil: Callable[[Array], Array], complaint: str, corpus: Corpus
) -> None:
    def function(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        return spoil(sampler(law, lambda p: p)(targets, K, p, rng))

    verdict = status_of(SAMPLERS[law], function, corpus)
    assert verdict.status in ("wrong", "error")
    assert complaint in verdict.reason


def test_a_workspace_that_goes_stale_is_found_wrong(corpus: Corpus) -> None:
    """The usual mistake with prepare: right on the first call, and for ever the first call's answer."""

    def stale(W: NDArray[Any], idx: NDArray[Any], kept: list[NDArray[Any]]) -> NDArray[Any]:
        if not kept:
            kept.append(W[idx])
        return kept[0]

    assert status_of(lookup, stale, corpus, prepare=lambda problem: []).status == "wrong"
