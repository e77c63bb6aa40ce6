"""What an implementation's time depends on, as a short text: equal where only comments, names or places have changed.

A function is followed from its compiled code through every function, class and constant that it uses and that its own
tree defines. What the tree does not define stands by its name. Where code cannot be followed, the text of all files of
the tree takes its place, so that a change is raced rather than missed.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import os
import sys
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.dtype, np.generic, range, slice)
UNTIMED = (
    "__doc__",
    "__module__",
    "__dict__",
    "__weakref__",
    "__qualname__",
    "__firstlineno__",
    "__static_attributes__",
)
"""Attributes of a class that no call depends on."""


def fingerprint(implementation: Any, root: Path) -> tuple[str, list[str]]:
    """A digest of an implementation's function and of its set-up, and what it imports of its tree only when called.

    root: the tree that it belongs to.
    """
    follower = Follower(root)
    form = follower.form((implementation.function, implementation.prepare))
    return hashlib.sha256(repr(form).encode()).hexdigest()[:16], follower.late


class Follower:
    """Follows values through one tree. Each function and class is described once, and referred to by number from then on."""

    def __init__(self, root: Path) -> None:
        self.root = str(root.resolve()) + "/"
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no other value gets the identity of one that was met
        self.late: list[str] = []  # modules of the tree that are imported by their full name when a function is called

    def form(self, value: Any) -> Any:
        """A value as nested tuples and texts."""
        if isinstance(value, PLAIN):
            return repr(value)
        if isinstance(value, tuple | list):
            return (type(value).__name__, *map(self.form, value))
        if isinstance(value, set | frozenset):
            return ("set", *sorted(map(repr, map(self.form, value))))
        if isinstance(value, dict):
            return ("dict", *((self.form(key), self.form(item)) for key, item in value.items()))
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return ("array", repr(value.dtype), value.shape, hashlib.sha256(value.tobytes()).hexdigest())
        if id(value) in self.met:
            return ("met", self.met[id(value)])
        self.met[id(value)] = len(self.met)
        self.kept.append(value)
        return self.defined(value)

    def defined(self, value: Any) -> Any:
        """A value that is met for the first time."""
        if isinstance(value, FunctionType):
            return self.function(value) if self.mine(value.__code__.co_filename) else outside(value)
        if isinstance(value, MethodType):
            return ("method", self.form(value.__func__), self.form(value.__self__))
        if isinstance(value, functools.partial):
            return ("partial", self.form(value.func), self.form(value.args), self.form(value.keywords))
        if isinstance(value, ModuleType):
            return (
                self.everything() if self.mine(getattr(value, "__file__", None) or "") else ("module", value.__name__)
            )
        if isinstance(value, type):
            return self.klass(value) if self.belongs(value) else outside(value)
        if hasattr(value, "interface_version") and hasattr(value, "function"):  # an implementation that calls another
            return ("implementation", self.form(value.function), self.form(value.prepare))
        compiled = getattr(value, "py_func", None) or getattr(value, "__wrapped__", None)
        if isinstance(compiled, FunctionType):  # numba's dispatchers with their options; caches and other wrappers
            return ("compiled", type(value).__name__, repr(getattr(value, "targetoptions", "")), self.form(compiled))
        if self.belongs(type(value)):
            return ("instance", self.form(type(value)), self.form(getattr(value, "__dict__", {})))
        if callable(value):
            return outside(value)
        return ("opaque", type(value).__qualname__, self.everything())

    def function(self, function: FunctionType) -> Any:
        cells = tuple(self.cell(cell) for cell in function.__closure__ or ())
        return (
            "function",
            self.code(function.__code__, function.__globals__),
            self.form(function.__defaults__),
            self.form(function.__kwdefaults__),
            cells,
        )

    def cell(self, cell: Any) -> Any:
        try:
            return self.form(cell.cell_contents)
        except ValueError:
            return "empty"

    def code(self, code: CodeType, names: dict[str, Any]) -> Any:
        """Compiled code without lines, places and the names of variables; what it refers to by name is followed."""
        steps: list[Any] = [code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags]
        instructions = list(dis.get_instructions(code))
        for at, step in enumerate(instructions):
            payload: Any = step.arg
            if step.opcode in dis.hasconst:
                # KW_NAMES has a constant that dis does not look up
                constant = code.co_consts[step.arg or 0] if step.opname == "KW_NAMES" else step.argval
                payload = self.code(constant, names) if isinstance(constant, CodeType) else self.form(constant)
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                payload = self.used(step.argval, names, instructions[at + 1 : at + 3])
            elif step.opcode in dis.hasname:
                payload = step.argval
            if step.opname == "IMPORT_NAME" and (not step.argval or step.argval.partition(".")[0] in self.modules):
                payload = (step.argval, self.everything())
                if instructions[at - 2].argval == 0:  # not a relative import, which finds its own tree
                    self.late.append(step.argval)
            steps.append((step.opname, payload))
        return (tuple(steps), code.co_exceptiontable)

    def used(self, name: str, names: dict[str, Any], after: list[dis.Instruction]) -> Any:
        """What a global name stands for; of a module of the tree, only the attribute that is taken."""
        if name not in names:
            return ("builtin", name)
        value = names[name]
        own = isinstance(value, ModuleType) and self.mine(getattr(value, "__file__", None) or "")
        attribute = next((step.argval for step in after if step.opname in ("LOAD_ATTR", "LOAD_METHOD")), None)
        if own and attribute is not None and hasattr(value, attribute):
            return ("attribute", self.form(getattr(value, attribute)))
        return self.form(value)

    def klass(self, value: type) -> Any:
        own = {name: item for name, item in vars(value).items() if name not in UNTIMED}
        return ("class", self.form(value.__bases__), *((name, self.member(item)) for name, item in own.items()))

    def member(self, item: Any) -> Any:
        if isinstance(item, staticmethod | classmethod):
            return (type(item).__name__, self.form(item.__func__))
        if isinstance(item, property):
            return ("property", self.form(item.fget), self.form(item.fset))
        return self.form(item)

    def belongs(self, kind: type) -> bool:
        module = sys.modules.get(kind.__module__)
        return self.mine(getattr(module, "__file__", None) or "")

    @functools.cached_property
    def modules(self) -> set[str]:
        """Names by which modules and packages of the tree could be imported."""
        return {file.stem for file in python_files(self.root)} | {file.parent.name for file in python_files(self.root)}

    def mine(self, file: str) -> bool:
        return bool(file) and str(Path(file).resolve()).startswith(self.root)

    def everything(self) -> Any:
        return ("tree", tree_digest(self.root))


def outside(value: Any) -> Any:
    """Something that the tree does not define: by its name."""
    return (
        "outside",
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", None) or type(value).__qualname__,
    )


@functools.cache
def tree_digest(root: str) -> str:
    """A digest of all Python files of a tree, without comments and docstrings."""
    digest = hashlib.sha256()
    for file in python_files(root):
        digest.update(str(file.relative_to(root)).encode())
        digest.update(without_docstrings(file).encode())
    return digest.hexdigest()


@functools.cache
def python_files(root: str) -> list[Path]:
    """A tree's Python files, but for those in hidden folders, such as a virtual environment."""
    found = []
    for folder, below, names in os.walk(root):
        below[:] = sorted(
            name for name in below if not name.startswith(".") and not Path(folder, name, "pyvenv.cfg").exists()
        )
        found += [Path(folder, name) for name in sorted(names) if name.endswith(".py")]
    return found


def without_docstrings(file: Path) -> str:
    """A file's syntax tree as text; the file itself where it is no Python."""
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
