"""Names in comprehensions, which Python 3.12.0 to 3.12.3 confuse (python/cpython#118513).

If one comprehension of a function binds a name, and another one means the global of that name, these versions raise
UnboundLocalError in the second. Of a name of an enclosing function, all versions from 3.12 on do (python/cpython#156664).
"""

from __future__ import annotations

import symtable
import sys
from collections.abc import Iterator

import pytest

from tests.test_imports import ROOT, named

INLINED = ("listcomp", "setcomp", "dictcomp")
"""What Python 3.12 and later compile into the function around it."""
FILES = sorted(
    file
    for room in ("impls", "bench", "reports", "w2vbench", "tests", "examples")
    for file in (ROOT / room).rglob("*.py")
)


def scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """The module or function, and all that is defined in it."""
    yield table
    for child in table.get_children():
        yield from scopes(child)


def comprehensions(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Those that are compiled into a function, nested ones too."""
    for child in table.get_children():
        if child.get_name() in INLINED:
            yield child
            yield from comprehensions(child)


def confused(source: str) -> list[tuple[str, str]]:
    """Each function with a name that one of its comprehensions binds, and that another one has from outside the function."""
    found = []
    for scope in scopes(symtable.symtable(source, "", "exec")):
        inside = [] if scope.get_name() in INLINED else list(comprehensions(scope))
        bound = {name.get_name() for one in inside for name in one.get_symbols() if name.is_local()}
        outer = {name.get_name() for name in scope.get_symbols() if name.is_free()}
        used = {
            name.get_name()
            for one in inside
            for name in one.get_symbols()
            if name.is_global() or (name.is_free() and name.get_name() in outer)
        }
        found += [(scope.get_name(), name) for name in sorted(used & bound)]
    return found


pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="symtable shows comprehensions up to Python 3.11 only; the sources are the same"
)


def test_no_comprehension_binds_a_name_that_another_has_from_outside() -> None:
    found = {named(file): confused(file.read_text(encoding="utf-8")) for file in FILES}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("a = [row for row in b]; return [row(c) for c in b]", ["row"]),
        ("a = {row for row in b}; return {c: [row(d) for d in c] for c in b}", ["row"]),
        ("a = [x for x in b]; return [x for c in b]", ["x"]),
        ("row = len; a = [row for row in b]; return [row(c) for c in b]", []),
        ("a = [row for row in b]; return [row(c) for c in b for row in c]", []),
        ("a = [row for row in b]; return row(b)", []),
        ("a = [row for row in b]; return sum(row(c) for c in b)", []),
        ("return [[row for c in row] for row in b]", []),
    ],
)
def test_confused_names_are_seen(body: str, names: list[str]) -> None:
    source = f"def row(c): ...\ndef outer(x):\n    def f(b):\n        {body}\n"
    assert confused(source) == [("f", name) for name in names]
