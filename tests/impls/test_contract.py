"""The contract: every implementation passes it or is marked wrong, and nothing that is wrong gets through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from bench.commands import pytest_front as front
from bench.engine.contract import Verdict, check_contract
from impls.catalogue import missing, own
from impls.interface import Array, Implementation
from impls.sampling.without_replacement import gumbel_top_k
from impls.texts import encode
from impls.words import Corpus
from tests.impls.calling import verdict_of

FOUND = list(own())
BASELINES = [i for i in FOUND if i.baseline]
EXACT = [i for i in BASELINES if not i.kernel.name.startswith(("sampling", "training"))]
"""The baseline of each kernel whose results are numbers, not draws or models."""
OUTPUTS = [i for i in EXACT if i.kernel.name.startswith("output")]


def key(implementation: Implementation) -> str:
    return implementation.key


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

    verdict = verdict_of(baseline.kernel, function, corpus, prepare=baseline.prepare)
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

    assert verdict_of(baseline.kernel, function, corpus, prepare=baseline.prepare).status == "wrong"


@pytest.mark.parametrize("factor", [np.nan, -1.0, 1.001])
@pytest.mark.parametrize("baseline", OUTPUTS, ids=key)
def test_a_spoilt_loss_is_found_wrong(baseline: Implementation, factor: float, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        return (loss * loss.dtype.type(factor), *gradients)

    assert verdict_of(baseline.kernel, function, corpus, prepare=baseline.prepare).status == "wrong"


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

    verdict = verdict_of(baseline.kernel, function, corpus, prepare=baseline.prepare)
    assert verdict.status == "wrong"
    assert name in verdict.reason


@pytest.mark.parametrize("baseline", BASELINES, ids=key)
def test_an_exception_is_an_error_with_its_line(baseline: Implementation, corpus: Corpus) -> None:
    def function(*arguments: Any) -> Any:
        raise ValueError("no luck\ntoday")

    verdict = verdict_of(baseline.kernel, function, corpus)
    assert verdict.status == "error"
    assert "ValueError: no luck today" in verdict.reason
    assert "test_contract.py:" in verdict.reason


@pytest.mark.parametrize("baseline", BASELINES, ids=key)
def test_a_result_of_nothing_is_refused(baseline: Implementation, corpus: Corpus) -> None:
    assert verdict_of(baseline.kernel, lambda *arguments: None, corpus).status in ("wrong", "error")


@pytest.mark.parametrize("baseline", EXACT, ids=key)
def test_failing_on_an_empty_batch_alone_is_found(baseline: Implementation, corpus: Corpus) -> None:
    """A filtered batch can be empty in training; the usual fault is a division by its length."""
    of_a_row = next(at for at, name in enumerate(baseline.kernel.parameters) if name in ("idx", "h", "rows"))

    def raises(*arguments: Any) -> Any:
        if len(arguments[of_a_row]) == 0:
            raise ZeroDivisionError
        return baseline(*arguments)

    assert verdict_of(baseline.kernel, raises, corpus, prepare=baseline.prepare).status == "error"


@pytest.mark.parametrize("baseline", OUTPUTS, ids=key)
def test_a_loss_that_is_divided_by_the_length_of_an_empty_batch_is_found(
    baseline: Implementation, corpus: Corpus
) -> None:
    def divides(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        return (loss if len(arguments[0]) else np.float32(np.nan), *gradients)

    assert verdict_of(baseline.kernel, divides, corpus, prepare=baseline.prepare).status == "wrong"
