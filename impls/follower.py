"""Values followed through a tree of sources: each function, class and object written as nested tuples and texts.

Equal for two copies of the same code, wherever they stand and whatever their variables, helpers and modules are called.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import operator
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .bytecode import ATTRIBUTE, Step, arguments, steps
from .trees import Tree

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.dtype, np.generic, range)
EXACTLY = {bool, int, float, complex, str, bytes, type(None)}
ITSELF = ("__name__", "__file__", "__package__", "__spec__", "__path__", "__loader__")
"""Names of a module that tell the two copies of a tree apart, and nothing else."""
OPEN_ENDED = ("globals", "locals", "vars", "eval", "exec", "compile")
"""Built-in functions after which code cannot be followed."""
IMPORTING = ("import_module", "__import__")
UNTIMED = (
    *("__doc__", "__module__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__"),
    *("__dataclass_fields__", "__dataclass_params__", "__orig_bases__"),  # what they lead to stands elsewhere
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__match_args__"),
)
"""Attributes of a class that no call depends on."""
TIMED = ("function", "prepare", "adapt", "jit", "one_thread", "requires")
"""Facts of an implementation that change how it runs."""
STAND_IN = "stand_in_identity"
"""A function of this name in a module gives what stands for the module's functions: for code that writes code."""
FETCHERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)


class Follower:
    """Follows values through one tree. Each is described once, and referred to by number from then on."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no other value gets the identity of one that was met
        self.outside: set[str] = set()
        self.late: list[str] = []
        self.files: set[str] = set()  # of the tree, whose code was met
        self.texts: set[str] = set()
        self.names: set[str] = set()  # global names and attributes
        self.packages: set[str] = set()
        self.passed: set[str] = set()  # names by which arguments may be passed
        self.lost = False

    def form(self, value: Any) -> Any:
        """A value as nested tuples and texts."""
        if type(value) in EXACTLY or (isinstance(value, PLAIN) and not self.mine(type(value))):
            return self.plain(value)
        if id(value) in self.met:
            return ("met", self.met[id(value)])
        self.met[id(value)] = len(self.met)
        self.kept.append(value)
        return self.container(value) or self.defined(value)

    def plain(self, value: Any) -> str:
        if type(value) is not str:
            return repr(value)
        self.texts.add(value)
        if value.isidentifier():
            self.passed.add(value)
        return repr(value.replace(str(self.tree.root), "<the tree>") if self.tree.root else value)

    def container(self, value: Any) -> Any:
        """The forms of what a plain container holds; None for anything else, and for classes derived from one."""
        kind = type(value)
        if kind in (tuple, list):
            return (kind.__name__, *map(self.form, value))
        if kind is dict:
            return ("dict", *((self.form(key), self.form(item)) for key, item in value.items()))
        if kind in (set, frozenset):
            return ("set", *sorted(map(self.alone, value)))
        if kind is slice:
            return ("slice", *map(self.form, (value.start, value.stop, value.step)))
        if kind is np.ndarray:
            return ("array", *self.array(value))
        return None

    def array(self, value: Any) -> tuple[Any, ...]:
        """An array to the last bit, and how it lies in memory."""
        items = np.asarray(value)
        flags = items.flags.aligned, items.flags.writeable
        bits = (
            self.form(items.tolist())
            if items.dtype.hasobject
            else hashlib.sha256(np.ascontiguousarray(items).data).hexdigest()
        )
        return repr(items.dtype), items.shape, items.strides, flags, bits

    def alone(self, value: Any) -> str:
        """The form of a value as if it were met alone: sets have no order in which to number what they hold."""
        met, kept = self.met, self.kept
        self.met, self.kept = {}, []
        try:
            return repr(self.form(value))
        finally:
            kept.append(self.kept)
            self.met, self.kept = met, kept

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
        if isinstance(value, FETCHERS):
            return ("fetcher", type(value).__name__, self.form(value.__reduce__()[1]))
        if isinstance(value, ModuleType):
            return self.everything() if self.mine(value) else ("module", self.foreign_module(value))
        if is_implementation(value):
            return ("implementation", *(self.form(getattr(value, name, None)) for name in TIMED))
        if compiled := self.compiled(value):
            return compiled
        if isinstance(value, type):
            return self.klass(value) if self.mine(value) else self.foreign(value)
        if self.mine(type(value)):
            return ("instance", self.form(type(value)), *self.content(value))
        if isinstance(value, BuiltinMethodType) or (isinstance(value, np.ufunc) and named_ufunc(value)):
            self.met_package(getattr(value, "__module__", None))
            return named(value)
        if isinstance(value, functools._lru_cache_wrapper):
            return ("cache", repr(sorted(value.cache_parameters().items())), self.form(value.__wrapped__))
        if isinstance(wrapped := attributes(value).get("__wrapped__"), FunctionType):
            return ("wrapper", self.foreign(type(value)), self.form(wrapped), *self.content(value))
        if attributes(value) or isinstance(value, np.ndarray) or written_in_python(type(value)):
            return ("foreign", self.foreign(type(value)), *self.content(value))
        self.foreign(type(value))
        return ("opaque", type(value).__qualname__, self.everything())

    def compiled(self, value: Any) -> Any:
        """What numba made of a function: its options, explicit signatures, and the function; None for anything else."""
        if "numba" not in sys.modules:
            return None
        from numba.core.ccallback import CFunc
        from numba.core.dispatcher import Dispatcher
        from numba.extending import _Intrinsic
        from numba.np.ufunc.dufunc import DUFunc
        from numba.np.ufunc.gufunc import GUFunc

        kind = type(value).__name__
        if isinstance(value, Dispatcher):
            # one that compiles as it is called gains signatures by and by
            given = () if getattr(value, "_can_compile", True) else tuple(map(str, value.signatures))
            return (kind, self.form({**value.targetoptions}), given, repr(value.locals), self.form(value.py_func))
        if isinstance(value, DUFunc):
            given = tuple(value.types) if getattr(value, "_frozen", False) else ()
            return (kind, given, repr(value.identity), self.form(value._dispatcher))
        if isinstance(value, GUFunc):
            made = value.gufunc_builder
            given = () if value.is_dynamic else tuple(value.types)
            return (kind, made.signature, given, self.form({**made.targetoptions}), self.form(made.py_func))
        if isinstance(value, CFunc):
            held = attributes(value)
            return (kind, str(held.get("_sig")), self.form(held.get("_pyfunc")))
        if isinstance(value, _Intrinsic):
            return (kind, self.form(value._defn))
        if isinstance(value, type) and type(value).__name__ == "JitClassType":
            made = vars(value)["class_type"]
            return (
                "jitclass",
                repr(made.struct),
                self.form({**made.jit_methods}),
                self.form({**made.jit_static_methods}),
            )
        return None

    def foreign(self, kind: type) -> Any:
        """A class that the tree does not define."""
        self.outside |= {item.__code__.co_filename for item in vars(kind).values() if isinstance(item, FunctionType)}
        self.met_package(kind.__module__)
        return named(kind)

    def foreign_module(self, module: ModuleType) -> str:
        if file := attributes(module).get("__file__"):  # those built into Python have none
            self.outside.add(str(file))
        self.met_package(module.__name__)
        return module.__name__

    def met_package(self, module: str | None) -> None:
        self.packages.add((module or "").partition(".")[0])

    def version_of(self, package: str) -> str:
        """A foreign package's name and version; empty where it tells none."""
        module = sys.modules.get(package)
        if module is None or self.mine(module) or "__version__" not in vars(module):
            return ""
        return f"{package} {vars(module)['__version__']}"

    def content(self, value: Any) -> tuple[Any, ...]:
        """What an object holds: its attributes, its slots, and its items or its number if it is a container or number too."""
        items: Any = ()
        if isinstance(value, dict):
            items = (*dict.items(value), *factory(value))
        elif isinstance(value, tuple):
            items = (*tuple.__iter__(value),)
        elif isinstance(value, list):
            items = (*list.__iter__(value),)
        elif isinstance(value, set | frozenset):
            items = tuple(sorted(map(self.alone, value)))
        elif isinstance(value, np.ndarray):
            items = self.array(value)
        elif isinstance(value, str | bytes | int | float | complex):
            base = next(kind for kind in (str, bytes, int, float, complex) if isinstance(value, kind))
            items = base.__repr__(value)
        held = {**attributes(value), **slots(value)}
        return (
            self.form({name: item for name, item in held.items() if name not in (*UNTIMED, *ITSELF)}),
            self.form(items),
        )

    def function(self, function: FunctionType) -> Any:
        """A function of the tree, or made by code that has no file (a dataclass's), in full; of another package's by its
        name, with what it was wrapped around."""
        wrapped = attributes(function).get("__wrapped__")
        around = (tuple(map(self.cell, function.__closure__ or ())), self.form(wrapped))
        defaults = (self.form(function.__defaults__), self.form(function.__kwdefaults__))
        code = function.__code__
        if self.tree.has_file(code.co_filename):
            stand_in = function.__globals__.get(STAND_IN)
            if stand_in is not None and stand_in.__module__ == function.__globals__.get("__name__"):
                return ("stands for", self.form(stand_in()))
            self.files.add(code.co_filename)
        elif not code.co_filename.startswith("<"):
            self.outside.add(code.co_filename)
            self.met_package(function.__module__)
            return ("outside", Path(code.co_filename).name, code.co_name, around, defaults)
        extra = {name: item for name, item in attributes(function).items() if name not in ("__wrapped__", *ITSELF)}
        imports = self.imports_by_text(code, function)
        return ("function", self.code(code, function.__globals__), defaults, around, self.form(extra), imports)

    def imports_by_text(self, code: CodeType, function: FunctionType) -> Any:
        """What ``import_module`` and the like may load: nothing of the tree, if every text that the function has is the name
        of something else."""
        if not set(IMPORTING).intersection(code.co_names):
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
        """Compiled code; what it refers to by name is followed."""
        found: list[Any] = [Names(arguments(code), self.passed), code.co_posonlyargcount, code.co_kwonlyargcount]
        every = steps(code)
        taken = 0  # attributes that were followed with the name before them
        for at, step in enumerate(every):
            payload: Any = step.value
            if step.kind == "constant":
                payload = self.constant(step.value, names)
            elif step.kind == "global":
                payload, taken = self.used(step.value, names, every[at + 1 :])
            elif step.kind in ("name", "import"):
                self.names.add(step.value)
                payload, taken = ("of a module" if taken else step.value), max(0, taken - 1)
            if step.kind == "import":
                self.met_package(step.value)
                if self.imports_own(step.value):
                    payload = self.everything()
                    if every[at - 2].value == 0:  # not a relative import, which finds its own tree
                        self.late.append(step.value)
            found.append((step.name, payload))
        return (code.co_flags & 0xFF, tuple(found), code.co_exceptiontable)

    def constant(self, value: Any, names: dict[str, Any]) -> Any:
        if isinstance(value, CodeType):
            return self.code(value, names)
        if type(value) is tuple:
            self.passed.update(item for item in value if type(item) is str)
            return ("tuple", *(self.constant(item, names) for item in value))
        return self.form(value)

    def used(self, name: str, names: dict[str, Any], after: tuple[Step, ...]) -> tuple[Any, int]:
        """What a global name stands for, and how many attributes were taken of it: of a module of the tree, the one thing
        that the code takes, whatever it is called."""
        self.names.add(name)
        if name in ITSELF:
            return ("itself", name), 0
        if name not in names:
            return (("builtin", name), 0) if name not in OPEN_ENDED else (self.everything(), 0)
        value, taken = names[name], 0
        while isinstance(value, ModuleType) and self.mine(value) and taken < len(after):
            step = after[taken]
            if step.name not in ATTRIBUTE or step.value not in vars(value):
                break
            value, taken = vars(value)[step.value], taken + 1
        return self.form(value), taken

    def imports_own(self, name: str) -> bool:
        return not name or name.partition(".")[0] in self.tree.modules or name.startswith(".")

    def klass(self, value: type) -> Any:
        own = {name: item for name, item in vars(value).items() if name not in UNTIMED}
        kind = () if type(value) is type else self.form(type(value))
        return ("class", kind, self.form(value.__bases__), *((name, self.member(item)) for name, item in own.items()))

    def member(self, item: Any) -> Any:
        if isinstance(item, staticmethod | classmethod):
            return (type(item).__name__, self.form(item.__func__))
        if isinstance(item, property):
            return ("property", self.form(item.fget), self.form(item.fset))
        descriptors = ("member_descriptor", "getset_descriptor", "_tuplegetter")
        return "slot" if type(item).__name__ in descriptors else self.form(item)

    def mine(self, value: type | ModuleType) -> bool:
        """Whether a class or a module is defined in the tree."""
        if isinstance(value, ModuleType):
            folders = attributes(value).get("__path__")  # torch.classes has one that is no list
            files = [attributes(value).get("__file__"), *(f"{at}/." for at in folders or () if isinstance(at, str))]
            return any(self.tree.has_file(file) for file in files if file)
        if value.__module__ == "builtins":
            return False
        functions = [item.__code__.co_filename for item in vars(value).values() if isinstance(item, FunctionType)]
        if any(map(self.tree.has_file, functions)):
            return True
        module = sys.modules.get(value.__module__)
        return module is None or self.mine(module)  # a neighbour of a file is forgotten once it has been imported

    def named(self, file: str, name: str) -> Any:
        """What a name of a file's module stands for, if a function of it was met."""
        for value in self.kept:
            if isinstance(value, FunctionType) and value.__code__.co_filename == file:
                return value.__globals__.get(name)
        return None

    def everything(self) -> Any:
        self.lost = True
        return ("tree", self.tree.digest)


def is_implementation(value: Any) -> bool:
    """Whether a value is an Implementation, of this copy of the package or of another: its class says so, whatever attributes it claims."""
    return "interface_version" in vars(type(value)).get("__dataclass_fields__", {})


@dataclass(frozen=True)
class Names:
    """Arguments as their function names them, as far as any of the code followed passes arguments by name: the others may
    be called anything. Which these are is known once everything has been followed, when this is written out."""

    arguments: tuple[str, ...]
    passed: set[str]

    def __repr__(self) -> str:
        return repr([name in self.passed and name for name in self.arguments])


def named(value: Any) -> Any:
    """Something that the tree does not define: by its name."""
    return (
        "outside",
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", getattr(value, "__name__", "")),
    )


HEAP_TYPE = 1 << 9


def written_in_python(kind: type) -> bool:
    """Whether a class comes from a class statement, so that its objects hold nothing but attributes and slots."""
    return bool(kind.__flags__ & HEAP_TYPE) and "__dict__" in vars(kind)


def held(function: FunctionType) -> Iterable[Any]:
    """What a function's closure holds."""
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # empty
            yield cell.cell_contents


def factory(value: Any) -> tuple[Any, ...]:
    """What a dict makes for a key that it has not."""
    return (value.default_factory,) if isinstance(value, defaultdict) else ()


def named_ufunc(value: Any) -> bool:
    """Whether a ufunc is one of NumPy's or SciPy's, and not made of somebody's function."""
    return any(
        vars(sys.modules[name]).get(value.__name__) is value
        for name in ("numpy", "scipy.special")
        if name in sys.modules
    )


def attributes(value: Any) -> dict[str, Any]:
    """What an object holds under names, without asking the object, which may answer anything (``__getattr__ = dict.get``)."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def slots(value: Any) -> dict[str, Any]:
    """What an object holds in slots."""
    return {name: item for kind in type(value).__mro__ for name, item in filled(value, kind)}


def filled(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    declared = vars(kind).get("__slots__", ())
    for name in (declared,) if isinstance(declared, str) else declared:
        descriptor: Callable[..., Any] | None = getattr(vars(kind).get(name), "__get__", None)
        if name not in ("__dict__", "__weakref__") and descriptor:
            with contextlib.suppress(AttributeError):  # empty
                yield name, descriptor(value)
