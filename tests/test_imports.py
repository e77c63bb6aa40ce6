"""The rooms of the house: who may import whom. Read from the sources, so that nothing needs to be installed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("impls", "bench", "reports")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def imports(source: str, package: str) -> Iterator[str]:
    """Full names of what a module of a package imports, in functions and ``if TYPE_CHECKING`` too; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            # what a relative import climbs to, so that it cannot leave its room
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            yield "." + ".".join([*above, node.module or ""]).strip(".")
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if name in ("import_module", "__import__", "importing") and isinstance(first, ast.Constant):
                yield str(first.value)


def imported_by(file: Path) -> list[str]:
    package = ".".join(file.relative_to(ROOT).parent.parts)
    return list(imports(file.read_text(encoding="utf-8"), package))


def room_of(name: str) -> str:
    return name.lstrip(".").split(".")[0]


def in_room(room: str) -> list[Path]:
    return [file for file in FILES if file.relative_to(ROOT).parts[0] == room]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_the_reader_of_imports_sees_every_kind() -> None:
    source = """
import bench.plans.run
from reports import page as p
from ..case import Size
from . import words
from ... import outside
def late():
    from impls.lookup import lookup
    import_module("torch")
"""
    found = list(imports(source, "impls.output"))
    assert found == ["bench.plans.run", "reports", ".impls.case", ".impls.output", ".", "impls.lookup", "torch"]


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_is_empty(room: str) -> None:
    assert in_room(room)


@pytest.mark.parametrize("file", in_room("impls"), ids=named)
def test_implementations_import_each_other_only_relatively_and_nothing_else_of_ours(file: Path) -> None:
    """Two revisions of impls are loaded side by side under two names: an absolute import would mix them."""
    for name in imported_by(file):
        if name.startswith("."):
            assert room_of(name) == "impls", f"{named(file)} climbs out of impls: {name}"
        else:
            assert room_of(name) not in ROOMS, f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", in_room("reports"), ids=named)
def test_reports_need_nothing_but_a_result_file(file: Path) -> None:
    for name in imported_by(file):
        assert room_of(name) not in ("impls", "bench"), f"{named(file)} imports {name}"


def test_only_bench_imports_both() -> None:
    both = {file for file in FILES if {"impls", "reports"} <= {room_of(name) for name in imported_by(file)}}
    assert both
    assert all(file.relative_to(ROOT).parts[0] == "bench" for file in both)


FLOORS = ("commands", "plans", "engine")
"""The folders of ``bench``, from the top: each imports itself and what stands below it."""


@pytest.mark.parametrize("file", in_room("bench"), ids=named)
def test_commands_import_plans_and_plans_the_engine_and_nothing_goes_back(file: Path) -> None:
    floor = file.relative_to(ROOT / "bench").parts[0]
    above = FLOORS[: FLOORS.index(floor)] if floor in FLOORS else ()
    for name in imported_by(file):
        if name.lstrip(".").startswith("bench."):
            assert name.lstrip(".").split(".")[1] not in above, f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_modules_are_named_after_what_they_hold(file: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "common", "misc"} & set(
        file.relative_to(ROOT).with_suffix("").parts
    )


def test_implementations_import_optional_packages_only_when_they_run() -> None:
    """``w2vbench list`` works without them: at the top of a module stand the standard library, NumPy and our own."""
    for file in in_room("impls"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            for name in imports(ast.unparse(node), "impls") if isinstance(node, ast.Import | ast.ImportFrom) else ():
                assert name.startswith(".") or room_of(name) in {*sys.stdlib_module_names, "numpy"}, (
                    f"{named(file)}: {name}"
                )
