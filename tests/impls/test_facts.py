"""Facts of a kernel and of an implementation are checked where they are given, not in the middle of a run."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.plans.run_result import source
from impls import catalogue
from impls.case import BadName
from impls.catalogue import CatalogueError, from_file
from impls.interface import BadImplementation, Implementation, has_attribute
from impls.lookup import gather, lookup


def mine(W: Any, idx: Any) -> Any:
    return W[idx]


class Callable:
    """Can be called, and has no code of its own."""

    def __call__(self, W: Any, idx: Any) -> Any:
        return W[idx]


class Hostile:
    """Raises whatever it is asked."""

    def __call__(self, W: Any, idx: Any) -> Any:
        return W[idx]

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"title": None}, "title is None, not a text"),
        ({"title": ""}, "title is '', not a text that is not empty"),
        ({"title": "half \ud800"}, "title is"),
        ({"temporaries": "Q"}, "temporaries is 'Q', not dimensions of arrays"),
        ({"temporaries": "VH32"}, "temporaries is 'VH32'"),
        ({"temporaries": "VH+"}, "temporaries is"),
        ({"temporaries": "-8V"}, "temporaries is"),
        ({"temporaries": "9" * 5000 + "V"}, "temporaries is"),
        ({"temporaries": None}, "temporaries is None"),
        ({"shares": "V H"}, "shares is"),
        ({"requires": ("..x",)}, r"requires is \('..x',\), not a tuple of full module names"),
        ({"requires": ("scikit-learn",)}, "requires is"),
        ({"requires": ("",)}, "requires is"),
        ({"requires": "numba"}, "requires is 'numba'"),
        ({"requires": (None,)}, "requires is"),
        ({"requires": None}, "requires is None"),
        ({"slide": "6"}, "slide is '6'"),
        ({"baseline": "yes"}, "baseline is 'yes', not True or False"),
        ({"jit": 1}, "jit is 1"),
        ({"one_thread": None}, "one_thread is None"),
        ({"grows_with": "X"}, "grows_with is 'X'"),
        ({"grows_with": None}, "grows_with is None"),
        ({"summary": None}, "summary is None"),
        ({"wrong": True}, "wrong is True, not a text"),
        ({"prepare": "now"}, "prepare is 'now', not a function"),
        ({"traffic": 3}, "traffic is 3"),
        ({"source_functions": mine}, "source_functions is"),
        ({"source_functions": (np.take,)}, "source_functions is"),
    ],
)
def test_what_cannot_be_is_refused_by_name(facts: dict[str, Any], complaint: str) -> None:
    options = {"title": "mine", **facts}
    with pytest.raises(BadImplementation, match=complaint) as refusal:
        lookup.implementation("mine", **options)(mine)
    assert str(refusal.value).startswith("lookup/mine: ")
    assert len(str(refusal.value)) < 300


NO_FUNCTIONS: dict[str, Any] = {
    "an object": Callable(),
    "a hostile one": Hostile(),
    "a class": Callable,
    "a part": functools.partial(mine),
    "numpy's": np.take,
    "built in": len,
    "nothing": None,
    "a name": "mine",
}


@pytest.mark.parametrize("name", NO_FUNCTIONS)
def test_what_has_no_code_of_its_own_is_no_function_to_measure(name: str) -> None:
    with pytest.raises(BadImplementation, match="not a plain function"):
        lookup.implementation("mine", "mine")(NO_FUNCTIONS[name])


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "x" * 101, None, 5])
def test_a_slug_must_stand_in_a_cases_name(slug: Any) -> None:
    with pytest.raises(BadName, match="a slug has"):
        lookup.implementation(slug, "mine")


def test_what_is_no_kernel_is_refused() -> None:
    with pytest.raises(BadImplementation, match="its kernel is 'lookup', not a Kernel"):
        Implementation(kernel="lookup", slug="mine", title="mine", function=mine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"name": "a b"}, "a kernel's name"),
        ({"title": ""}, "title is ''"),
        ({"parameters": ("W", "not this")}, "parameters is"),
        ({"mutates": ("dW",)}, "mutates is"),
        ({"inputs": "VQ"}, "inputs is 'VQ'"),
        ({"checks": None}, "checks is None"),
    ],
)
def test_a_kernels_facts_are_checked_too(facts: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(lookup, **facts)


def test_a_compiled_function_may_be_measured() -> None:
    numba = pytest.importorskip("numba")
    made = lookup.implementation("mine", "mine")(numba.njit(mine))
    assert catalogue.source(made).startswith(__file__)


# what a value is goes by its type: an object may answer to every name

TRICKS = """
from impls.lookup import lookup

class Config(dict):
    __getattr__ = {get}

class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("working outside of a context")

    def __getattr__(self, name):
        raise RuntimeError(name)

config, proxy = Config(), Proxy()
pair = (config, proxy)

@lookup.implementation("mine", "mine")
def mine(W, idx):
    return W[idx]
"""


@pytest.mark.parametrize("get", ["dict.get", "dict.__getitem__"])
def test_an_object_that_answers_to_every_name_is_no_implementation(tmp_path: Path, get: str) -> None:
    (tmp_path / "mine.py").write_text(TRICKS.format(get=get))
    assert [i.key for i in from_file(tmp_path / "mine.py")] == ["lookup/mine"]


class Config(dict[str, Any]):
    __getattr__ = dict.get


class Model:
    __slots__ = ("slotted",)
    at_once = 8

    def feed(self) -> None: ...


def test_an_attribute_is_one_that_stands_there() -> None:
    assert has_attribute(Model(), "feed")
    assert has_attribute(Model(), "at_once")
    assert not has_attribute(Model(), "stages")
    assert not has_attribute(Config(feed=1), "feed")
    assert not has_attribute(Hostile(), "feed")
    assert has_attribute(gather, "prepare") is (gather.prepare is not None)


class Announced:
    """An entry point, as an installed package has it."""

    name, value, dist = "theirs", "theirs:config", None

    def __init__(self, loaded: Any) -> None:
        self.loaded = loaded

    def load(self) -> Any:
        if isinstance(self.loaded, BaseException):
            raise self.loaded
        return self.loaded


class Versioned(dict[str, Any]):
    """Says of itself what an implementation would."""

    interface_version = gather.interface_version


NO_IMPLEMENTATIONS = {
    "config": Config(),
    "versioned": Versioned(),
    "hostile": Hostile(),
    "list": [Versioned()],
    "none": None,
}


@pytest.mark.parametrize("name", NO_IMPLEMENTATIONS)
def test_an_entry_point_that_names_something_else_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Announced(NO_IMPLEMENTATIONS[name])])
    with pytest.raises(CatalogueError, match="not an implementation of interface version"):
        catalogue.from_packages()


# a file from outside may raise what it likes


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("class Out(BaseException): pass\nraise Out('gone')", "line 2: Out: gone"),
        ("raise GeneratorExit", "line 1: GeneratorExit"),
        ("raise SystemExit(3)", "line 1: SystemExit: 3"),
        (
            "class Bad(Exception):\n    def __str__(self): raise OSError\nraise Bad",
            "line 3: Bad: .its message cannot be read",
        ),
        ("raise Exception('\\udcff')", r"line 1: Exception: \\udcff"),
        ("import sys; sys.path.clear(); sys.modules.pop(__name__); raise ValueError('x')", "line 1: ValueError: x"),
        (
            "from impls.lookup import lookup\nlookup.implementation('a', 'b')(print)",
            "line 2: BadImplementation: lookup/a",
        ),
    ],
)
def test_whatever_a_file_raises_is_one_line(
    tmp_path: Path, body: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mine.py").write_text(body)
    with pytest.raises(CatalogueError, match=complaint) as refusal:
        from_file(tmp_path / "mine.py")
    assert "\n" not in str(refusal.value)


def test_ctrl_c_while_a_file_is_loaded_is_no_fault_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        from_file(tmp_path / "mine.py")


def test_a_function_without_a_source_is_measured_and_shown_without() -> None:
    scope: dict[str, Any] = {}
    exec("def made(W, idx):\n    return W[idx]", scope)
    shown = source(lookup.implementation("made", "made by exec")(scope["made"]))
    assert shown.code.startswith("# no source to show: ")
    assert source(gather).code.startswith("@lookup.implementation")
