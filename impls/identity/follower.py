"""Follows values through a tree of sources, and describes functions, classes and objects as nested tuples and texts.

The description, or form, is equal for two copies of the same code, wherever they are and whatever names their variables,
helpers and modules have. It begins with the kind of value, and is a number for a value that was described before. The file is
long because each kind of value may hold any other, so that one class describes all.
"""

from __future__ import annotations

import functools
import hashlib
import operator
import sys
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .bytecode import ATTRIBUTE, Step, arguments, steps
from .named_imports import names_imported_by
from .trees import Tree
from .values import attributes, closure_values, default_factory, hides_state, is_implementation, named_ufunc, slots

PLAIN_TYPES = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.dtype, np.generic, range)
EXACT_TYPES = {bool, int, float, complex, str, bytes, type(None)}
CONTAINERS = (tuple, list, dict, set, frozenset, np.ndarray)
SCALARS = (str, bytes, int, float, complex)
MODULE_NAMES = ("__name__", "__file__", "__package__", "__spec__", "__path__", "__loader__")
"""Names of a module that differ between two copies of a tree, and mean nothing else."""
OPEN_ENDED = ("globals", "locals", "vars", "eval", "exec", "compile")
"""Built-in functions whose use cannot be followed."""
IGNORED_ATTRIBUTES = (
    *("__doc__", "__module__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__"),
    *("__dataclass_fields__", "__dataclass_params__", "__orig_bases__"),  # what they refer to is found elsewhere
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    "__classdictcell__",  # Python 3.14 leaves it in named tuples
)
"""Attributes of a class that no call depends on."""
RUN_FACTS = ("function", "prepare", "adapt", "jit", "one_thread", "requires")
"""Facts of an implementation that change how it runs."""
STAND_IN = "stand_in_identity"
"""A module with a function of this name is described by its result. For modules that generate code."""
GETTERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)


class Follower:
    """Follows values through one tree. It describes a value once, and refers to it by number after that."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.numbers: dict[int, int] = {}  # of values described before, by id
        self.values: list[Any] = []  # these values, so that no other value gets the id of one
        self.outside_files: set[str] = set()
        self.late_imports: list[str] = []
        self.files: set[str] = set()  # files of the tree whose code was followed
        self.texts: set[str] = set()
        self.names: set[str] = set()  # global names and attributes
        self.packages: set[str] = set()
        self.keywords: set[str] = set()  # names by which arguments may be passed
        self.incomplete = False

    def form(self, value: Any) -> Any:
        """Return a value as nested tuples and texts, or its number if it was described before."""
        if type(value) in EXACT_TYPES or (isinstance(value, PLAIN_TYPES) and not self.in_tree(type(value))):
            return self.plain(value)
        if id(value) in self.numbers:
            return self.numbers[id(value)]
        self.numbers[id(value)] = len(self.numbers)
        self.values.append(value)
        if type(value) in CONTAINERS:
            return (type(value), *self.items(value))
        if type(value) is slice:
            return (slice, *map(self.form, (value.start, value.stop, value.step)))
        return self.defined(value)

    def plain(self, value: Any) -> str:
        if type(value) is not str:
            return repr(value)
        self.texts.add(value)
        if value.isidentifier():
            self.keywords.add(value)
        return repr(value.replace(str(self.tree.root), "<the tree>") if self.tree.root else value)

    def items(self, value: Any) -> tuple[Any, ...]:
        """Return the forms of what a container holds, or a number or a text is, also one of a class of its own."""
        if isinstance(value, dict):
            pairs = ((self.form(key), self.form(item)) for key, item in dict.items(value))
            return (*pairs, *map(self.form, default_factory(value)))
        if isinstance(value, tuple):
            return tuple(map(self.form, tuple.__iter__(value)))
        if isinstance(value, list):
            return tuple(map(self.form, list.__iter__(value)))
        if isinstance(value, set | frozenset):
            return tuple(sorted(map(self.independent_form, value)))
        if isinstance(value, np.ndarray):
            return self.array(value)
        base = next((kind for kind in SCALARS if isinstance(value, kind)), None)
        return (base.__repr__(value),) if base else ()

    def array(self, value: Any) -> tuple[Any, ...]:
        """Return an array's bits, dtype, shape and memory layout."""
        items = np.asarray(value)
        flags = items.flags.aligned, items.flags.writeable
        bits = (
            self.form(items.tolist())
            if items.dtype.hasobject
            else hashlib.sha256(np.ascontiguousarray(items).data).hexdigest()
        )
        return repr(items.dtype), items.shape, items.strides, flags, bits

    def independent_form(self, value: Any) -> str:
        """Return a value's form as if it were the first. Items of sets need it: they have no order to number them in."""
        numbers, values = self.numbers, self.values
        self.numbers, self.values = {}, []
        try:
            return repr(self.form(value))
        finally:
            self.numbers, self.values = numbers, values + self.values

    def defined(self, value: Any) -> Any:
        """Describe a function, class, module or other object for the first time."""
        if isinstance(value, FunctionType):
            return self.function(value)
        if isinstance(value, MethodType | BuiltinMethodType) and not isinstance(
            value.__self__, ModuleType | type(None)
        ):
            called = value.__func__ if isinstance(value, MethodType) else value.__name__
            return (type(value), self.form(called), self.form(value.__self__))
        if isinstance(value, functools.partial):
            return (functools.partial, self.form(value.func), self.form(value.args), self.form(value.keywords))
        if isinstance(value, GETTERS):
            return (type(value), self.form(value.__reduce__()[1]))
        if isinstance(value, ModuleType):
            return self.whole_tree() if self.in_tree(value) else (ModuleType, self.foreign_module(value))
        if is_implementation(value):
            return tuple(self.form(getattr(value, name, None)) for name in RUN_FACTS)
        if compiled := self.compiled(value):
            return compiled
        if isinstance(value, type):
            return self.own_class(value) if self.in_tree(value) else self.foreign(value)
        if self.in_tree(type(value)):
            return (self.form(type(value)), *self.content(value), self.hidden(value))
        if isinstance(value, BuiltinMethodType) or (isinstance(value, np.ufunc) and named_ufunc(value)):
            self.add_package(getattr(value, "__module__", None))
            return by_name(value)
        if isinstance(value, functools._lru_cache_wrapper):
            return (type(value), repr(sorted(value.cache_parameters().items())), self.form(value.__wrapped__))
        if isinstance(attributes(value).get("__wrapped__"), FunctionType):
            return (self.foreign(type(value)), *self.content(value))
        if type(value).__dictoffset__:
            return (self.foreign(type(value)), *self.content(value), self.hidden(value))
        return (self.foreign(type(value)), self.whole_tree())

    def compiled(self, value: Any) -> Any:
        """Describe a function compiled by numba: its options, explicit signatures, and the function. None for anything else."""
        if "numba" not in sys.modules:
            return None
        from numba.core.ccallback import CFunc
        from numba.core.dispatcher import Dispatcher
        from numba.extending import _Intrinsic
        from numba.np.ufunc.dufunc import DUFunc
        from numba.np.ufunc.gufunc import GUFunc

        kind = type(value)
        its: Any = value  # numba's types leave out what it keeps for itself
        if isinstance(value, Dispatcher):
            # one that compiles on calls gains signatures over time
            given = () if its._can_compile else tuple(map(str, its.signatures))
            return (kind, self.form({**its.targetoptions}), given, repr(its.locals), self.form(its.py_func))
        if isinstance(value, DUFunc):
            given, made = tuple(its.types) if its._frozen else (), its._dispatcher
            return (kind, given, repr(its.identity), self.form({**made.targetoptions}), self.form(made.py_func))
        if isinstance(value, GUFunc):
            builder = value.gufunc_builder
            given = () if value.is_dynamic else tuple(its.types)
            return (kind, builder.signature, given, self.form({**builder.targetoptions}), self.form(builder.py_func))
        if isinstance(value, CFunc):
            options = self.form({**its._compiler.targetoptions}), repr(its._compiler.locals)
            return (kind, str(its._sig), options, self.form(its._pyfunc))
        if isinstance(value, _Intrinsic):
            return (kind, self.form(value._defn))
        if isinstance(value, type) and kind.__name__ == "JitClassType":
            class_type = vars(value)["class_type"]
            return (
                kind,
                repr(class_type.struct),
                self.form({**class_type.jit_methods}),
                self.form({**class_type.jit_static_methods}),
            )
        return None

    def foreign(self, kind: type) -> Any:
        """Describe a class of another package."""
        self.outside_files |= {
            item.__code__.co_filename for item in vars(kind).values() if isinstance(item, FunctionType)
        }
        self.add_package(kind.__module__)
        return by_name(kind)

    def foreign_module(self, module: ModuleType) -> str:
        if file := attributes(module).get("__file__"):  # modules built into Python have none
            self.outside_files.add(str(file))
        self.add_package(module.__name__)
        return module.__name__

    def add_package(self, module: str | None) -> None:
        if module:
            self.packages.add(module.partition(".")[0])

    def version_of(self, package: str) -> str:
        """Return another package's name and version; empty if it has none."""
        module = sys.modules.get(package)
        if module is None or self.in_tree(module) or "__version__" not in vars(module):
            return ""
        return f"{package} {vars(module)['__version__']}"

    def content(self, value: Any) -> tuple[Any, ...]:
        """Return the forms of an object's attributes and slots, and of its items or value if it is a container or a number."""
        fields = {**attributes(value), **slots(value)}
        return (
            self.form(
                {name: item for name, item in fields.items() if name not in (*IGNORED_ATTRIBUTES, *MODULE_NAMES)}
            ),
            *self.items(value),
        )

    def function(self, function: FunctionType) -> Any:
        """Describe a function.

        A function of the tree, or one of generated code without a file (a dataclass's), is described in full; one of
        another package by its name, with what it wraps.
        """
        wrapped = attributes(function).get("__wrapped__")
        around = (tuple(map(self.form, closure_values(function))), self.form(wrapped))
        defaults = (self.form(function.__defaults__), self.form(function.__kwdefaults__))
        code = function.__code__
        if self.tree.has_file(code.co_filename):
            stand_in = function.__globals__.get(STAND_IN)
            if stand_in is not None and stand_in.__module__ == function.__globals__.get("__name__"):
                return self.form(stand_in())
            self.files.add(code.co_filename)
        elif not code.co_filename.startswith("<"):
            self.outside_files.add(code.co_filename)
            self.add_package(function.__module__)
            return (Path(code.co_filename).name, code.co_name, around, defaults)
        extra = {name: item for name, item in attributes(function).items() if name not in MODULE_NAMES}
        return (
            FunctionType,
            self.code(code, function.__globals__),
            defaults,
            around,
            self.form(extra),
            self.imports_by_name(function),
        )

    def imports_by_name(self, function: FunctionType) -> Any:
        """Describe what ``import_module`` and the like may load: the whole tree, or nothing of it."""
        names = names_imported_by(function)
        own = None if names is None else [name for name in names if self.imports_own(name)]
        self.late_imports += [
            name for name in own or () if not name.startswith(".")
        ]  # a relative one finds its own tree
        return () if own == [] else self.whole_tree()

    def code(self, code: CodeType, names: dict[str, Any]) -> Any:
        """Describe bytecode, with the values of the names that it uses."""
        parts: list[Any] = [
            ArgumentNames(arguments(code), self.keywords),
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
        ]
        all_steps = steps(code)
        followed = 0  # attributes that were followed together with the global name before them
        for at, step in enumerate(all_steps):
            payload: Any = step.value
            if step.kind == "constant":
                payload = self.constant(step.value, names)
            elif step.kind == "global":
                payload, followed = self.global_value(step.value, names, all_steps[at + 1 :])
            elif step.kind in ("name", "import"):
                self.names.add(step.value)
                payload, followed = (None if followed else step.value), max(0, followed - 1)
            if step.kind == "import":
                self.add_package(step.value)
                if self.imports_own(step.value):
                    payload = self.whole_tree()
                    if all_steps[at - 2].value == 0:  # not a relative import, which finds its own tree
                        self.late_imports.append(step.value)
            parts.append((step.name, payload))
        return (code.co_flags & 0xFF, tuple(parts), code.co_exceptiontable)

    def constant(self, value: Any, names: dict[str, Any]) -> Any:
        if isinstance(value, CodeType):
            return self.code(value, names)
        if type(value) is tuple:
            return (tuple, *(self.constant(item, names) for item in value))
        return self.form(value)

    def global_value(self, name: str, names: dict[str, Any], after: tuple[Step, ...]) -> tuple[Any, int]:
        """Return the form of a global name's value, and how many of its attributes were followed.

        Of a module of the tree, only the attribute that the code uses is followed. Its name does not matter.
        """
        self.names.add(name)
        if name in MODULE_NAMES:
            return name, 0
        if name not in names:
            return (name, 0) if name not in OPEN_ENDED else (self.whole_tree(), 0)
        value, followed = names[name], 0
        while isinstance(value, ModuleType) and self.in_tree(value):
            step = after[followed]  # there is one, since code ends with a return
            if step.name not in ATTRIBUTE or step.value not in vars(value):
                break
            value, followed = vars(value)[step.value], followed + 1
        return self.form(value), followed

    def imports_own(self, name: str) -> bool:
        return not name or name.partition(".")[0] in self.tree.modules or name.startswith(".")

    def own_class(self, value: type) -> Any:
        own = {name: item for name, item in vars(value).items() if name not in IGNORED_ATTRIBUTES}
        kinds = self.form(type(value)), self.form(value.__bases__)
        return (type, *kinds, *((name, self.member(item)) for name, item in own.items()))

    def member(self, item: Any) -> Any:
        if isinstance(item, staticmethod | classmethod):
            return (type(item), self.form(item.__func__))
        if isinstance(item, property):
            return (property, *map(self.form, (item.fget, item.fset, item.fdel)))
        return None if type(item).__name__ in ("member_descriptor", "_tuplegetter") else self.form(item)

    def in_tree(self, value: type | ModuleType) -> bool:
        """Whether a class or a module is defined in the tree."""
        if isinstance(value, ModuleType):
            folders = attributes(value).get("__path__")  # torch.classes has one that is not a list
            files = [attributes(value).get("__file__"), *(f"{at}/." for at in folders or () if isinstance(at, str))]
            return any(self.tree.has_file(file) for file in files if file)
        functions = [item.__code__.co_filename for item in vars(value).values() if isinstance(item, FunctionType)]
        if any(map(self.tree.has_file, functions)):
            return True
        module = sys.modules.get(value.__module__)
        return module is None or self.in_tree(module)  # a module imported by a file is removed from sys.modules

    def value_of(self, file: str, name: str) -> Any:
        """Return the value of a name in a file's module, if a function of that file was followed."""
        for value in self.values:
            if isinstance(value, FunctionType) and value.__code__.co_filename == file:
                return value.__globals__.get(name)
        return None

    def hidden(self, value: Any) -> Any:
        """Describe what code in C may keep in an object."""
        return self.whole_tree() if hides_state(type(value)) else ()

    def whole_tree(self) -> Any:
        """Describe all files of the tree, because something cannot be followed."""
        self.incomplete = True
        return self.tree.digest


@dataclass(frozen=True)
class ArgumentNames:
    """Names of a function's arguments, which count only if some followed code passes an argument by that name.

    Which names these are is known once everything was followed. ``repr`` must not run before.
    """

    arguments: tuple[str, ...]
    keywords: set[str]

    def __repr__(self) -> str:
        return repr([name in self.keywords and name for name in self.arguments])


def by_name(value: Any) -> Any:
    """Describe a value of another package by its name."""
    return (
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", value.__name__),
    )
