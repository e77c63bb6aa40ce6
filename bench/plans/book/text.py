"""A reader's file as Python's text: a module, or the code cells of a notebook, one after another.

Of a notebook, only what it defines is run: imports, functions, classes and constants. Its experiments would take minutes, and
draw pictures. Lines that are IPython's and not Python's (``%matplotlib inline``, ``!pip install``) are replaced by ``pass``.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source
from pathlib import Path
from typing import Any

NOTEBOOK = ".ipynb"
MOST_BYTES = {".py": 1 << 20, NOTEBOOK: 64 << 20}
"""Of a file. Most of a notebook are its pictures."""
MAGIC = re.compile(r"(\s*)(?:[%!?].*|.*\?)$")
"""A line for IPython, where a cell is not Python: a magic, a shell's command, or a question."""
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
PLAIN = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Dict, ast.Set),
    *(ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator, ast.expr_context),
)
"""What a constant is made of."""


class Unreadable(ValueError):
    """A file that has no Python text. The message is one line, without the file's name, and says what to do."""


@dataclass(frozen=True)
class Text:
    """A file's Python text."""

    code: str  # the text
    cells: tuple[int, ...] = ()  # the number of the first line of each of a notebook's code cells; empty for a module
    magics: int = 0  # how many lines of a notebook are IPython's

    @cached_property
    def tree(self) -> ast.Module:
        """The text's syntax tree. Raises SyntaxError and others of ast.parse."""
        return ast.parse(self.code)

    @cached_property
    def run(self) -> ast.Module:
        """What of a notebook is run."""
        known, body = set(dir(builtins)), []
        for node in self.tree.body:
            if defines(node, known):
                known |= names_of(node)
                body.append(node)
        return ast.Module(body, [])

    @property
    def left_out(self) -> int:
        """How many of a notebook's statements are not run."""
        run = {id(node) for node in self.run.body}
        return sum(
            id(node) not in run
            and not isinstance(node, ast.Pass)
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            for node in self.tree.body
        )

    def in_cell(self, line: int) -> tuple[int, int]:
        """Return the number of a line's code cell, from 1, and its number there; cell 0 in a module."""
        cell = bisect_right(self.cells, line)
        return cell, line - self.cells[cell - 1] + 1 if cell else line

    def place(self, line: int) -> str:
        """Return where a line stands, in words: ``line 5``, or ``code cell 3, line 5``."""
        cell, number = self.in_cell(line)
        return f"code cell {cell}, line {number}" if cell else f"line {line}"


def defines(node: ast.stmt, known: set[str]) -> bool:
    """Whether a statement is an import, a definition, or the assignment of a constant made of known names."""
    if isinstance(node, ast.Try):  # as in: try: import cupy, except ImportError
        return all(defines(one, known) for one in node.body)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
        parts = list(ast.walk(node.value))
        names = {one.id for one in parts if isinstance(one, ast.Name)}
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return (
            all(isinstance(one, PLAIN) for one in parts)
            and names <= known
            and all(isinstance(one, ast.Name | ast.Tuple) for one in targets)
        )
    return isinstance(node, DEFINITIONS)


def names_of(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds, and others that stand in it."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.alias):
            found.add((one.asname or one.name).partition(".")[0])
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(one.name)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found.add(one.id)
    return found


def read_text(file: Path) -> Text:
    """Return a file's text, which has Python's syntax. Raises Unreadable."""
    if file.is_dir():
        raise Unreadable(": a folder, not a file: name the file with your layers")
    if not file.is_file():
        raise Unreadable(": no such file")
    if file.suffix not in MOST_BYTES:
        raise Unreadable(f": neither a Python file nor a notebook (its name must end in .py or {NOTEBOOK})")
    if file.stat().st_size > MOST_BYTES[file.suffix]:
        raise Unreadable(f": larger than {MOST_BYTES[file.suffix] >> 20} MB: name the file with your layers")
    source = file.read_bytes()
    if not source.strip():
        raise Unreadable(": empty")
    if b"\0" in source:
        raise Unreadable(": binary, not Python's text")
    text = Text("")
    try:
        if file.suffix != NOTEBOOK:
            ast.parse(source)  # whose message about an encoding names the line
        text = text_of_notebook(source) if file.suffix == NOTEBOOK else Text(decode_source(source))
        _ = text.tree
    except SyntaxError as error:
        where = f", {text.place(error.lineno)}" if error.lineno else ""
        raise Unreadable(f"{where}: SyntaxError: {error.msg}") from error
    except Unreadable:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f": not Python's text: {error or type(error).__name__}") from error
    return text


def text_of_notebook(content: bytes) -> Text:
    """Return the code cells of a notebook as one text. Raises Unreadable."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(": no notebook: it is not JSON") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise Unreadable(": no notebook of today's format: it has no list of cells (open it in Jupyter and save it)")
    lines: list[str] = []
    firsts, magics = [], 0
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source")
        parts: list[Any] = source if isinstance(source, list) else [source]
        if not all(isinstance(part, str) for part in parts):
            raise Unreadable(": no notebook: the source of a cell is not text")
        firsts.append(len(lines) + 1)
        python, skipped = as_python("".join(parts).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n"))
        lines += python
        magics += skipped
    if not firsts:
        raise Unreadable(": a notebook without code")
    code = "\n".join(lines) + "\n"
    if len(code) > MOST_BYTES[".py"]:
        raise Unreadable(": a notebook with too much code: name one with your layers")
    return Text(code, tuple(firsts), magics)


def as_python(cell: str) -> tuple[list[str], int]:
    """Return a cell's lines without what is IPython's, and how many lines that is."""
    lines = cell.split("\n")
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        ast.parse(cell)
        return lines, 0
    if next((line for line in lines if line.strip()), "").startswith("%%"):  # all of the cell is another program's
        return ["pass"] * len(lines), len(lines)
    python = [MAGIC.sub(r"\1pass", line) for line in lines]
    return python, sum(one != other for one, other in zip(lines, python, strict=True))
