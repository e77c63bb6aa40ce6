"""What an implementation's time depends on, as a short text: equal where only comments, names or places have changed.

A function is followed from its compiled code through every function, class and value that it uses, as far as its own
tree defines them. What another package defines stands by its name. Where something cannot be followed, the text of all
files of the tree takes its place, so that a change is raced rather than missed.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import functools
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.dtype, np.generic, range)
ITSELF = ("__name__", "__file__", "__package__", "__spec__", "__path__", "__loader__")
"""Names of a module that tell the two copies of a tree apart, and nothing else."""
TWO_IN_ONE = re.compile("((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
"""Instructions of Python 3.13 and later that do two things with two variables."""
OPEN_ENDED = ("globals", "locals", "vars", "eval", "exec", "compile", "open")
"""Built-in functions after which code cannot be followed."""
UNTIMED = (
    *("__doc__", "__module__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__"),
    *("__dataclass_fields__", "__dataclass_params__", "__orig_bases__"),  # what they lead to stands elsewhere
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__match_args__"),
)
"""Attributes of a class that no call depends on."""


def fingerprint(implementation: Any, root: Path) -> tuple[str, list[str], set[str]]:
    """A digest of an implementation's function and of its set-up, what it imports of its tree only when called, and the
    files outside of it whose functions it was seen to use.

    root: the tree that it belongs to.
    """
    beside = Path(implementation.function.__code__.co_filename).parent
    follower = Follower(root, (root, root / "src", beside))
    try:
        form = follower.form((implementation.function, implementation.prepare))
    except RecursionError:
        form = follower.everything()
    return hashlib.sha256(repr(form).encode("utf-8", "replace")).hexdigest()[:16], follower.late, follower.outside


class Follower:
    """Follows values through one tree. Each is described once, and referred to by number from then on.

    importable: folders that the tree's own modules are imported from by their full names.
    """

    def __init__(self, root: Path, importable: Iterable[Path] = ()) -> None:
        self.root = root.resolve()
        self.modules = {
            name for folder in importable for name in importable_from(str(folder.resolve()), str(self.root))
        }
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no other value gets the identity of one that was met
        self.outside: set[str] = set()  # files of functions and modules that the tree does not define
        self.late: list[str] = []  # modules of the tree that are imported by their full name when a function is called

    def form(self, value: Any) -> Any:
        """A value as nested tuples and texts."""
        if isinstance(value, PLAIN):
            return repr(value.replace(str(self.root), "<the tree>") if type(value) is str else value)
        if id(value) in self.met:
            return ("met", self.met[id(value)])
        self.met[id(value)] = len(self.met)
        self.kept.append(value)
        return self.container(value) or self.defined(value)

    def container(self, value: Any) -> Any:
        """The forms of what a plain container holds; None for anything else, and for classes derived from one."""
        kind = type(value)
        if kind in (tuple, list):
            return (kind.__name__, *map(self.form, value))
        if kind is dict:
            return ("dict", *((self.form(key), self.form(item)) for key, item in value.items()))
        if kind in (set, frozenset):
            return ("set", *sorted(map(self.apart, value)))
        if kind is slice:
            return ("slice", *map(self.form, (value.start, value.stop, value.step)))
        if kind is np.ndarray and not value.dtype.hasobject:
            layout = value.flags.c_contiguous, value.flags.f_contiguous
            return ("array", repr(value.dtype), value.shape, layout, hashlib.sha256(value.tobytes()).hexdigest())
        return None

    def apart(self, value: Any) -> str:
        """The form of a value as if it were met alone: sets have no order in which to number what they hold."""
        alone = Follower(self.root)
        alone.modules = self.modules
        form = repr(alone.form(value))
        self.late += alone.late
        self.outside |= alone.outside
        return form

    def defined(self, value: Any) -> Any:
        """A function, class, module or other object that is met for the first time."""
        if isinstance(value, FunctionType):
            return self.function(value)
        if isinstance(value, MethodType | BuiltinMethodType) and not isinstance(
            value.__self__, ModuleType | type(None)
        ):
            called = value.__func__ if isinstance(value, MethodType) else value.__name__
            return ("method", self.form(called), self.form(value.__self__))
        if isinstance(value, functools.partial):
            return ("partial", self.form(value.func), self.form(value.args), self.form(value.keywords))
        if isinstance(value, ModuleType):
            if self.mine(value):
                return self.everything()
            self.outside.add(str(getattr(value, "__file__", None) or ""))
            return ("module", value.__name__)
        if isinstance(value, type):
            return self.klass(value) if self.mine(value) else self.foreign(value)
        if hasattr(value, "interface_version") and hasattr(value, "function"):  # an implementation that calls another
            return ("implementation", self.form(value.function), self.form(value.prepare))
        if self.mine(type(value)):
            return ("instance", self.form(type(value)), *self.content(value))
        if isinstance(value, BuiltinMethodType) or (isinstance(value, np.ufunc) and named_ufunc(value)):
            return outside(value)
        compiled = getattr(value, "py_func", None) or getattr(value, "__wrapped__", None)
        if isinstance(compiled, FunctionType):  # numba's dispatchers with their options; caches with their sizes
            options = getattr(value, "targetoptions", None) or getattr(value, "cache_parameters", dict)()
            return ("compiled", type(value).__name__, repr(options), self.form(compiled))
        if vars_of(value):
            return ("foreign", self.foreign(type(value)), *self.content(value))
        self.foreign(type(value))
        return ("opaque", type(value).__qualname__, self.everything())

    def foreign(self, kind: type) -> Any:
        """A class that the tree does not define."""
        self.outside |= {item.__code__.co_filename for item in vars(kind).values() if isinstance(item, FunctionType)}
        return outside(kind)

    def content(self, value: Any) -> tuple[Any, ...]:
        """What an object holds: its attributes, its slots, and its items if it is a container too."""
        slots = {name: getattr(value, name, None) for kind in type(value).__mro__ for name in slots_of(kind)}
        items: Any = ()
        if isinstance(value, dict):
            items = (*dict.items(value), getattr(value, "default_factory", None))
        elif isinstance(value, tuple | list):
            items = (*value,)
        elif isinstance(value, set | frozenset | np.ndarray):
            items = repr(value)
        return (self.form({**vars_of(value), **slots}), self.form(items))

    def function(self, function: FunctionType) -> Any:
        """A function of the tree, or made by code that has no file (a dataclass's), in full; of another package's by its
        name, with what it was wrapped around."""
        wrapped = getattr(function, "__wrapped__", None)
        around = (tuple(map(self.cell, function.__closure__ or ())), self.form(wrapped))
        defaults = (self.form(function.__defaults__), self.form(function.__kwdefaults__))
        code = function.__code__
        if not (self.own_file(code.co_filename) or code.co_filename.startswith("<")):
            self.outside.add(code.co_filename)
            return ("outside", Path(code.co_filename).name, code.co_name, around, defaults)
        extra = {name: item for name, item in vars(function).items() if name not in ("__wrapped__", *ITSELF)}
        imports = self.imports_by_text(code, function)
        return ("function", self.code(code, function.__globals__), defaults, around, self.form(extra), imports)

    def imports_by_text(self, code: CodeType, function: FunctionType) -> Any:
        """What ``import_module`` and the like may load: nothing of the tree, if every text that the function has is the name
        of something else."""
        if not {"import_module", "__import__"} & {*code.co_names}:
            return ()
        texts = [text for text in (*code.co_consts, *held(function)) if isinstance(text, str)]
        own = [text for text in texts if self.imports_own(text)]
        self.late += own
        return self.everything() if own or not texts else ()

    def cell(self, cell: Any) -> Any:
        try:
            return self.form(cell.cell_contents)
        except ValueError:
            return "empty"

    def code(self, code: CodeType, names: dict[str, Any]) -> Any:
        """Compiled code without lines, places and the names of variables; what it refers to by name is followed."""
        passed = keywords(str(self.root))
        arguments = [name in passed and name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]]
        steps: list[Any] = [*arguments, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFF]
        instructions = list(dis.get_instructions(code))
        taken = 0  # attributes that were followed with the name before them
        for at, step in enumerate(instructions):
            payload: Any = step.arg
            if step.opcode in dis.hasconst:
                # KW_NAMES has a constant that dis does not look up
                constant = code.co_consts[step.arg or 0] if step.opname == "KW_NAMES" else step.argval
                payload = self.code(constant, names) if isinstance(constant, CodeType) else self.form(constant)
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                payload, taken = self.used(step.argval, names, instructions[at + 1 :])
            elif step.opcode in dis.hasname:
                payload, taken = ("of a module" if taken else step.argval), max(0, taken - 1)
            if step.opname == "IMPORT_NAME" and self.imports_own(step.argval):
                payload = self.everything()
                if instructions[at - 2].argval == 0:  # not a relative import, which finds its own tree
                    self.late.append(step.argval)
            if pair := TWO_IN_ONE.fullmatch(step.opname):  # written so only where both stand on one line
                steps += [(pair[1], payload >> 4), (pair[2], payload & 15)]
                continue
            steps.append((step.opname, payload))
        return (tuple(steps), code.co_exceptiontable)

    def used(self, name: str, names: dict[str, Any], after: list[dis.Instruction]) -> tuple[Any, int]:
        """What a global name stands for, and how many attributes were taken of it: of a module of the tree, the one thing
        that the code takes, whatever it is called."""
        if name in ITSELF:
            return ("itself", name), 0
        if name not in names:
            return (("builtin", name), 0) if name not in OPEN_ENDED else (self.everything(), 0)
        value, taken = names[name], 0
        while isinstance(value, ModuleType) and self.mine(value) and taken < len(after):
            step = after[taken]
            if step.opname not in ("LOAD_ATTR", "LOAD_METHOD") or not hasattr(value, step.argval):
                break
            value, taken = getattr(value, step.argval), taken + 1
        return self.form(value), taken

    def imports_own(self, name: str) -> bool:
        return not name or name.partition(".")[0] in self.modules or name.startswith(".")

    def klass(self, value: type) -> Any:
        own = {name: item for name, item in vars(value).items() if name not in UNTIMED}
        kind = () if type(value) is type else self.form(type(value))
        return ("class", kind, self.form(value.__bases__), *((name, self.member(item)) for name, item in own.items()))

    def member(self, item: Any) -> Any:
        if isinstance(item, staticmethod | classmethod):
            return (type(item).__name__, self.form(item.__func__))
        if isinstance(item, property):
            return ("property", self.form(item.fget), self.form(item.fset))
        slots = ("member_descriptor", "getset_descriptor", "_tuplegetter")
        return "slot" if type(item).__name__ in slots else self.form(item)

    def mine(self, value: type | ModuleType) -> bool:
        """Whether a class or a module is defined in the tree."""
        if isinstance(value, ModuleType):
            folders = getattr(value, "__path__", None)  # torch.classes has one that is no list
            places = [getattr(value, "__file__", None), *(folders if isinstance(folders, Iterable) else ())]
            return any(self.own_file(place) or self.own_folder(place) for place in places if place)
        if value.__module__ == "builtins":
            return False
        functions = [item.__code__.co_filename for item in vars(value).values() if isinstance(item, FunctionType)]
        if any(map(self.own_file, functions)):
            return True
        module = sys.modules.get(value.__module__)
        return module is None or self.mine(module)  # a neighbour of a file is forgotten once it has been imported

    def own_file(self, file: str) -> bool:
        return str(Path(file).resolve()) in python_files(str(self.root))

    def own_folder(self, folder: str) -> bool:
        inside = str(Path(folder).resolve()) + os.sep
        return any(file.startswith(inside) for file in python_files(str(self.root)))

    def everything(self) -> Any:
        return ("tree", tree_digest(str(self.root)))


def outside(value: Any) -> Any:
    """Something that the tree does not define: by its name."""
    return (
        "outside",
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", getattr(value, "__name__", "")),
    )


def held(function: FunctionType) -> Iterable[Any]:
    """What a function's closure holds."""
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # empty
            yield cell.cell_contents


def named_ufunc(value: Any) -> bool:
    """Whether a ufunc is one of NumPy's or SciPy's, and not made of somebody's function."""
    return any(getattr(sys.modules.get(name), value.__name__, None) is value for name in ("numpy", "scipy.special"))


def vars_of(value: Any) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", None) or {})


def slots_of(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return tuple(
        name for name in ((slots,) if isinstance(slots, str) else slots) if name not in ("__dict__", "__weakref__")
    )


@functools.cache
def importable_from(folder: str, root: str) -> frozenset[str]:
    """Names of modules and packages that a folder of the tree offers to ``import``."""
    inside = [Path(file).relative_to(folder).parts for file in python_files(root) if Path(file).is_relative_to(folder)]
    return frozenset(parts[0].removesuffix(".py") for parts in inside)


@functools.cache
def tree_digest(root: str) -> str:
    """A digest of all Python files of a tree, without comments and docstrings."""
    digest = hashlib.sha256()
    for file in sorted(python_files(root)):
        digest.update(Path(file).relative_to(root).as_posix().encode("utf-8", "replace"))
        digest.update(without_docstrings(Path(file)).encode("utf-8", "replace"))
    return digest.hexdigest()


@functools.cache
def keywords(root: str) -> frozenset[str]:
    """Names by which arguments are passed anywhere in a tree: of others, a function's arguments may be called anything."""
    found: set[str] = set()
    for file in python_files(root):
        try:
            tree = ast.parse(Path(file).read_text(encoding="utf-8", errors="replace"))
        except (SyntaxError, ValueError):
            continue
        found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return frozenset(found)


@functools.cache
def python_files(root: str) -> frozenset[str]:
    """A tree's Python files, but for those in hidden folders and in virtual environments."""
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [
            name for name in below if not name.startswith(".") and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        found += [str(Path(folder, name)) for name in names if name.endswith(".py")]
    return frozenset(found)


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
