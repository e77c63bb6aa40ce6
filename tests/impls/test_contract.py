"""The contract: every implementation passes it or is marked wrong, and nothing that is wrong gets through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from w2vbench.bench import pytest_front as front
from w2vbench.bench.engine.protocol import Status, Verdict
from w2vbench.bench.engine.worker.checking.contract import check_contract
from w2vbench.bench.plans.run import session
from w2vbench.impls.catalogue.discovery import missing, own
from w2vbench.impls.corpus.texts import encode
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Kernel
from w2vbench.impls.sampling.without_replacement import gumbel_top_k

from tests.impls.calling import verdict_of

FOUND = list(own())
BASELINES = [i for i in FOUND if i.baseline]
EXACT = [i for i in BASELINES if not i.kernel.name.startswith(("sampling", "training"))]
"""The baseline of each kernel whose results are numbers, not draws or models."""
OUTPUTS = [i for i in EXACT if i.kernel.name.startswith("output")]


def key(implementation: Implementation) -> str:
    return implementation.key


def given(baselines: list[Implementation], names: Callable[[Kernel], Sequence[str]]) -> list[Any]:
    """Parameters: each baseline with each of some arguments of its kernel."""
    return [pytest.param(i, name, id=f"{i.key}-{name}") for i in baselines for name in names(i.kernel)]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """Of all implementations, in processes of their own on all CPUs: most of the time is compilation."""
    return session.check_implementations(FOUND, front.corpus(), (), front.CHECK_LIMIT_S)


@pytest.mark.parametrize("implementation", FOUND, ids=key)
def test_every_implementation_is_right_or_marked_wrong(
    implementation: Implementation, verdicts: dict[str, Verdict]
) -> None:
    verdict = verdicts[implementation.key]
    if verdict.status == "skipped":
        assert all(package in verdict.reason for package in missing(implementation))
        pytest.skip(verdict.reason)
    assert verdict == (Verdict(Status.WRONG, implementation.wrong) if implementation.wrong else Verdict(Status.OK))


Fares = Callable[[Implementation, Callable[..., Any]], Verdict]


@pytest.fixture
def fares(corpus: Corpus) -> Fares:
    """How a function fares in the contract in place of an implementation."""
    return lambda baseline, function: verdict_of(baseline.kernel, function, corpus, prepare=baseline.prepare)


def test_a_right_sampler_is_right_on_a_lopsided_text() -> None:
    """In a text of one's own one word may come a hundred thousand times, and the others once or twice."""
    lopsided = encode("lopsided", ["the " * 100_000 + "cat sat on a mat mat"])
    assert check_contract(gumbel_top_k, lopsided) == Verdict(Status.OK)


# every way to spoil a result


def with_part(result: Any, number: int, spoil: Callable[[Array], Array]) -> tuple[Any, str]:
    """A result with one of its arrays spoilt, and the kinds of all its arrays, however nested."""
    kinds: list[str] = []

    def walk(piece: Any) -> Any:
        if isinstance(piece, tuple):
            return tuple(map(walk, piece))
        if not isinstance(piece, np.ndarray):
            return piece
        kinds.append(piece.dtype.kind)
        return spoil(piece) if len(kinds) == number + 1 else piece

    return walk(result), "".join(kinds)


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

ARRAYS = {
    "lookup": "f",
    "lookup.bag": "f",
    "scatter.rows": "if",
    "output.softmax": "ff",
    "output.negative-sampling": "ff",
}
"""Kinds of the arrays in a baseline's result; the other outputs have a gradient of h, and rows and values for that of W_out."""


def spoilable() -> Iterator[Any]:
    for baseline in (i for i in EXACT if not i.kernel.mutates):
        for number, kind in enumerate(ARRAYS.get(baseline.kernel.name, "fif")):
            for name in SPOILS:
                if kind == "f" or name not in FLOATS_ONLY:
                    yield pytest.param(baseline, number, name, id=f"{baseline.kernel.name}-{number}-{name}")


@pytest.mark.parametrize(("baseline", "number", "name"), list(spoilable()))
def test_a_spoilt_result_is_found_wrong(baseline: Implementation, number: int, name: str, fares: Fares) -> None:
    def function(*arguments: Any) -> Any:
        spoilt, kinds = with_part(baseline(*arguments), number, SPOILS[name])
        assert kinds == ARRAYS.get(baseline.kernel.name, "fif")
        return spoilt

    verdict = fares(baseline, function)
    assert verdict.status in ("wrong", "error")
    assert "AssertionError" not in verdict.reason


@pytest.mark.parametrize("name", [name for name in SPOILS if not re.search("float|axis|row ", name)])
@pytest.mark.parametrize(("baseline", "array"), given(EXACT, lambda kernel: kernel.mutates))
def test_a_spoilt_result_in_place_is_found_wrong(baseline: Implementation, array: str, name: str, fares: Fares) -> None:
    def function(*arguments: Any) -> None:
        baseline(*arguments)
        spoilt = arguments[baseline.kernel.parameters.index(array)]
        spoilt[...] = SPOILS[name](spoilt)

    assert fares(baseline, function).status == "wrong"


@pytest.mark.parametrize(("factor", "empty"), [(np.nan, False), (-1.0, False), (1.001, False), (np.nan, True)])
@pytest.mark.parametrize("baseline", OUTPUTS, ids=key)
def test_a_spoilt_loss_is_found_wrong(baseline: Implementation, factor: float, empty: bool, fares: Fares) -> None:
    """Of any batch; or of an empty one alone, by whose length it is divided."""

    def function(*arguments: Any) -> Any:
        loss, *gradients = baseline(*arguments)
        spoilt = not empty or len(arguments[0]) == 0
        return (loss * loss.dtype.type(factor) if spoilt else loss, *gradients)

    assert fares(baseline, function).status == "wrong"


@pytest.mark.parametrize(
    ("baseline", "name"),
    given(
        BASELINES, lambda kernel: [name for name in kernel.parameters if name not in (*kernel.mutates, "K", "lr", "t")]
    ),
)
def test_changing_an_input_is_found_wrong(baseline: Implementation, name: str, fares: Fares) -> None:
    """A changed weight or index would make every later implementation compute something else."""

    def function(*arguments: Any) -> Any:
        result = baseline(*arguments)
        given = arguments[baseline.kernel.parameters.index(name)]
        array = given[-1] if isinstance(given, tuple) else given
        if array.size:
            array.reshape(-1)[-1] += 1
        return result

    verdict = fares(baseline, function)
    assert verdict.status == "wrong"
    assert name in verdict.reason


@pytest.mark.parametrize("baseline", BASELINES, ids=key)
def test_an_exception_is_an_error_with_its_line_and_nothing_is_no_result(
    baseline: Implementation, fares: Fares
) -> None:
    def function(*arguments: Any) -> Any:
        raise ValueError("no luck\ntoday")

    verdict = fares(baseline, function)
    assert verdict.status == "error"
    assert "ValueError: no luck today" in verdict.reason
    assert "test_contract.py:" in verdict.reason
    assert fares(baseline, lambda *arguments: None).status in ("wrong", "error")


@pytest.mark.parametrize("baseline", EXACT, ids=key)
def test_failing_on_an_empty_batch_alone_is_found(baseline: Implementation, fares: Fares) -> None:
    """A filtered batch can be empty in training; the usual fault is a division by its length."""
    of_a_row = next(at for at, name in enumerate(baseline.kernel.parameters) if name in ("idx", "h", "rows"))

    def function(*arguments: Any) -> Any:
        if len(arguments[of_a_row]) == 0:
            raise ZeroDivisionError
        return baseline(*arguments)

    assert fares(baseline, function).status == "error"
