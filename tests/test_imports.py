"""The floors of the house: who may import whom. Read from the sources, so that nothing needs to be installed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "impls": (
        *("messages", "identity", "compiling", "interface", "catalogue", "choosing", "corpus", "parts"),
        *("lookup", "lookup_bag", "scatter", "output", "sampling", "update", "training", "layers"),
    ),
    "reports": ("statistics", "file", "drawing", "findings", "compare", "deck", "run", "others"),
    "bench": (
        *("engine.protocol", "engine.machine", "engine.pool"),
        *("engine.worker.variants", "engine.worker.checking", "engine.worker.timing", "engine.worker.profiling"),
        *("engine.worker", "plans.run", "plans.tune", "plans.compare", "plans.packages", "plans.calibrate"),
        *("plans.cluster", "plans.book", "plans.train", "commands.terminal", "commands"),
    ),
    "w2vbench": (),
}
"""The floors of each room, from the ground up: a module imports those of its own floor and of those below it. What is on no
floor is the room's roof, which imports what it likes and is imported by nothing below it."""
MAY_IMPORT = {"impls": (), "reports": (), "bench": ("impls", "reports"), "w2vbench": ("impls", "reports", "bench")}
"""The other rooms that a room may import. ``import w2vbench`` alone, the package that holds all of them, is free."""
FILES = sorted(
    file for room in FLOORS for file in (ROOT / room).rglob("*.py") if not {"__pycache__", "out"} & set(file.parts)
)
MOST_FILES, MOST_LINES = 16, 400


def imports(source: str, package: str) -> Iterator[str]:
    """Full names of what a module of a package imports, in functions and ``if TYPE_CHECKING`` too; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            base = "." + resolve_name(name, package) if node.level else name
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if name in ("import_module", "__import__", "importing", "find_spec") and isinstance(first, ast.Constant):
                yield str(first.value)


def module_of(file: Path) -> str:
    """A file's module, without ``w2vbench``: ``impls.lookup``."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(file): file for file in FILES}


@cache
def imported_by(module: str) -> frozenset[str]:
    """The modules of ours that a module imports."""
    file = MODULES[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for name in imports(file.read_text(encoding="utf-8"), package):
        name = name.lstrip(".").removeprefix("w2vbench.")
        found |= {next(filter(MODULES.__contains__, (name, name.rpartition(".")[0])), "")}
    return frozenset(found - {"", module})


def floor_of(module: str) -> int:
    """The floor of a module in its room: the highest that its name begins with, or the roof."""
    room, _, place = module.partition(".")
    under = [floor for floor in FLOORS[room] if f"{place}.".startswith(f"{floor}.")]
    return FLOORS[room].index(max(under, key=len)) if under else len(FLOORS[room])


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_the_reader_of_imports_sees_every_kind() -> None:
    source = """
import w2vbench.bench.plans.run.run
from w2vbench.reports import page as p
from ..case import Size
def late():
    from w2vbench.impls.lookup import lookup
    import_module("torch")
"""
    assert set(imports(source, "impls.output")) == {
        *("w2vbench.bench.plans.run.run", "w2vbench.reports.page", ".impls.case.Size"),
        *("w2vbench.impls.lookup.lookup", "torch"),
    }
    assert "impls.interface.case" in imported_by("bench.engine.pool.context")


@pytest.mark.parametrize("module", MODULES)
def test_data_goes_one_way(module: str) -> None:
    """Whoever writes an implementation needs no engine, whoever draws a figure needs only a result file."""
    room = module.partition(".")[0]
    for name in imported_by(module):
        to = name.partition(".")[0]
        assert to == room or to in MAY_IMPORT[room] or name == "w2vbench", f"{module} imports {name}"
        if to == room:
            assert floor_of(name) <= floor_of(module), f"{module} imports {name}, which is on a floor above it"


def test_no_module_imports_itself_through_others() -> None:
    # a package is not counted where one of its modules imports another: its __init__.py has been imported by then
    graph = {module: {name for name in imported_by(module) if not module.startswith(name)} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")


@pytest.mark.parametrize("file", [file for file in FILES if named(file).startswith("impls")], ids=named)
def test_two_revisions_of_the_implementations_can_be_loaded_under_two_names(file: Path) -> None:
    """An absolute import of our own would mix them."""
    package = module_of(file.parent)
    assert not [name for name in imports(file.read_text(encoding="utf-8"), package) if name.startswith("w2vbench")]


def test_a_folder_can_be_overlooked_and_a_file_read() -> None:
    folders = {named(file.parent): len(list(file.parent.glob("*.py"))) for file in FILES}
    assert not {folder: count for folder, count in folders.items() if count > MOST_FILES + 1}  # and its __init__.py
    lines = {named(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert not {file: count for file, count in lines.items() if count > MOST_LINES}


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
    for name in imports("\n".join(map(ast.unparse, tops)), module_of(file.parent)):
        assert name.startswith(".") or name.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}
