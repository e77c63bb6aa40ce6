"""The rooms of the house: who may import whom. Read from the sources, so that nothing needs to be installed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("impls", "bench", "reports", "w2vbench")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def imports(source: str, package: str) -> Iterator[str]:
    """Full names of what a module of a package imports, in functions and ``if TYPE_CHECKING`` too; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield "." + resolve_name(name, package) if node.level else name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if name in ("import_module", "__import__", "importing", "find_spec") and isinstance(first, ast.Constant):
                yield str(first.value)


def imported_by(file: Path) -> list[str]:
    package = ".".join(file.relative_to(ROOT).parent.parts)
    return list(imports(file.read_text(encoding="utf-8"), package))


def place_of(name: str) -> tuple[str, str]:
    """The room, and the folder or module of it, that a full name stands for."""
    room, _, rest = name.lstrip(".").partition(".")
    return room, rest.partition(".")[0]


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_the_reader_of_imports_sees_every_kind() -> None:
    source = """
import bench.plans.run
from reports import page as p
from ..case import Size
from . import words
def late():
    from impls.lookup import lookup
    import_module("torch")
"""
    assert {named(file).partition("/")[0] for file in FILES} == set(ROOMS)
    found = list(imports(source, "impls.output"))
    assert found == ["bench.plans.run", "reports", ".impls.case", ".impls.output", "impls.lookup", "torch"]


FLOORS = ("commands", "plans", "engine")
"""The folders of ``bench``, from the top: each imports itself and what stands below it."""


@pytest.mark.parametrize("file", FILES, ids=named)
def test_data_goes_one_way(file: Path) -> None:
    """Whoever writes an implementation needs no engine, whoever draws a figure needs only a result file.

    Two revisions of impls are loaded side by side under two names: an absolute import would mix them.
    """
    room, floor = file.relative_to(ROOT).parts[:2]
    above = FLOORS[: FLOORS.index(floor)] if floor in FLOORS else ()
    for name in imported_by(file):
        to_room, to_floor = place_of(name)
        ours = to_room in ROOMS
        match room:
            case "impls":
                allowed = to_room == "impls" if name.startswith(".") else not ours
            case "reports":
                allowed = to_room == "reports" or not ours
            case "w2vbench":  # the public face: users import it, and nothing of ours does
                allowed = True
            case _:
                allowed = to_room != "w2vbench" and (to_room != "bench" or to_floor not in above)
        assert allowed, f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_modules_are_named_after_what_they_hold(file: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "common", "misc"} & set(
        file.relative_to(ROOT).with_suffix("").parts
    )


@pytest.mark.parametrize("file", [file for file in FILES if named(file).startswith("impls")], ids=named)
def test_implementations_import_optional_packages_only_when_they_run(file: Path) -> None:
    """``w2vbench list`` works without them: at the top of a module stand the standard library, NumPy and our own."""
    tops = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    for name in imports("\n".join(map(ast.unparse, tops)), "impls.output"):
        assert name.startswith(".") or place_of(name)[0] in {*sys.stdlib_module_names, "numpy"}
