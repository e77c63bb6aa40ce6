"""Facts of a kernel and of an implementation are checked where they are given, not in the middle of a run."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.plans.run.rows import source
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import BadImplementation, Implementation
from w2vbench.impls.interface.case import BadName, Size
from w2vbench.impls.interface.facts import has_attribute, printable
from w2vbench.impls.lookup import gather, lookup
from w2vbench.impls.training.implementations import cbow, skip_gram


def mine(W: Any, idx: Any) -> Any:
    return W[idx]


class Hostile:
    """Can be called, has no code of its own, and raises whatever it is asked."""

    __call__ = staticmethod(mine)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("no")


NO_FACTS: dict[str, list[Any]] = {
    "title": [None, "", "half \ud800"],
    "temporaries": ["Q", "VH32", "VH+", "-8V", "9" * 5000 + "V", None],
    "shares": ["V H"],
    "requires": [("..x",), ("scikit-learn",), ("",), "numba", (None,), None],
    "slide": ["6"],
    "baseline": ["yes"],
    "jit": [1],
    "one_thread": [None],
    "grows_with": ["X", None],
    "summary": [None],
    "wrong": [True],
    "prepare": ["now"],
    "traffic": [3],
    "source_functions": [mine, (np.take,)],
}


@pytest.mark.parametrize(
    ("fact", "value"),
    [pytest.param(fact, value, id=f"{fact}-{at}") for fact in NO_FACTS for at, value in enumerate(NO_FACTS[fact])],
)
def test_what_cannot_be_is_refused_by_name(fact: str, value: Any) -> None:
    options = {"title": "mine", fact: value}
    with pytest.raises(BadImplementation, match=f"^lookup/mine: {fact} is ") as refusal:
        Implementation(kernel=lookup, slug="mine", function=mine, **options)
    assert printable(value) in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "value",
    [Hostile(), Hostile, functools.partial(mine), np.take, len, None, "mine"],
    ids=["a hostile object", "a class", "a part", "numpy's", "built in", "nothing", "a name"],
)
def test_what_has_no_code_of_its_own_is_no_function_to_measure(value: Any) -> None:
    with pytest.raises(BadImplementation, match="not a plain function"):
        lookup.implementation("mine", "mine")(value)


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "a@b", "a,b\n", "x" * 101, None, 5])
def test_a_slug_must_stand_in_a_cases_name(slug: Any) -> None:
    with pytest.raises(BadName, match="a slug has"):
        lookup.implementation(slug, "mine")


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        *(("name", "a b"), ("title", ""), ("parameters", ("W", "not this"))),
        *(("mutates", ("dW",)), ("inputs", "VQ"), ("checks", None)),
    ],
)
def test_a_kernels_facts_are_checked_too(fact: str, value: Any) -> None:
    with pytest.raises(ValueError, match=fact):
        replace(lookup, **{fact: value})


def test_what_is_no_kernel_is_refused() -> None:
    with pytest.raises(BadImplementation, match="its kernel is 'lookup', not a Kernel"):
        Implementation(kernel="lookup", slug="mine", title="mine", function=mine)  # type: ignore[arg-type]


def test_a_compiled_function_may_be_measured() -> None:
    numba = pytest.importorskip("numba")
    made = lookup.implementation("mine", "mine")(numba.njit(mine))
    assert catalogue.source(made).startswith(__file__)


class Model:
    __slots__ = ("slotted",)
    at_once = 8

    def feed(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "name", "stands_there"),
    [
        (Model(), "feed", True),
        (Model(), "at_once", True),
        (Model(), "stages", False),
        (type("Config", (dict,), {"__getattr__": dict.get})(feed=1), "feed", False),
        (Hostile(), "feed", False),
    ],
    ids=["a method", "a class attribute", "none", "an entry", "a hostile answer"],
)
def test_an_attribute_is_one_that_stands_there(value: Any, name: str, stands_there: bool) -> None:
    """An object may answer to every name."""
    assert has_attribute(value, name) is stands_there


def test_a_function_without_a_source_is_measured_and_shown_without() -> None:
    scope: dict[str, Any] = {}
    exec("def made(W, idx):\n    return W[idx]", scope)
    shown = source(lookup.implementation("made", "made by exec")(scope["made"]))
    assert shown.code.startswith("# no source to show: ")
    assert source(gather).code.startswith("@lookup.implementation")


# how much a call covers


def step(*arguments: Any) -> None:
    """Stands for an implementation, of which only its facts are looked at."""


def test_an_implementation_may_cover_less_than_its_kernel_by_the_kernels_names() -> None:
    size = Size(10_000, 100, 300, 5, index="i32")
    mine = skip_gram.implementation("mine", "its own windows", covers=lambda size: {"pairs": 1325.0, "lines": 3.0})
    assert mine(step).covered(size) == {"pairs": 1325.0, "words": 300.0}
    assert cbow.implementation("plain", "plain")(step).covered(size) == {"pairs": 2970.0, "words": 300.0}
    other = lookup.implementation("mine", "mine", covers=lambda size: {"pairs": 1.0})(step)
    assert other.covered(size) == {}


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf"), "many", None])
def test_what_a_call_cannot_cover_is_refused_where_it_is_written(number: Any) -> None:
    """It would be found out when a run is over, and its file could not be written."""
    mine = skip_gram.implementation("mine", "mine", covers=lambda size: {"pairs": number})
    with pytest.raises(BadImplementation, match=r"covers is .*, not a function of a size that returns numbers by name"):
        mine(step)
    with pytest.raises(BadImplementation, match="covers"):
        skip_gram.implementation("mine", "mine", covers=lambda size: 1 / 0)(step)  # type: ignore[arg-type, return-value]
