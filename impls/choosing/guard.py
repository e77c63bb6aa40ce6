"""The function that a program calls: it makes sure that the arguments are those that an implementation is ready for.

It is generated for each kernel, as the engine's timing loop is, so that nothing but comparisons comes before the call: they
take some 200 ns. Machine code is called by address and must never get an array of another dtype, shape or layout.
"""

from __future__ import annotations

import numbers
import sys
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..interface import Kernel
from .lending import ALONE, other

PLAIN, SHARED, LENT, POOLED = range(4)
"""What an implementation is called with: no workspace; one that all calls share; a lent array; a free workspace."""


@dataclass
class Prepared:
    """An implementation that is ready for arguments of one size.

    Attributes
    ----------
    slug
        The implementation.
    function
        What is called.
    how
        One of the constants above.
    workspace
        The workspace that all calls share.
    free
        Workspaces that no call is using. A call takes one out and puts it back, so that no two threads use one. They are
        arrays where ``how`` is LENT, and Lenders where the implementation returns parts of its workspace.
    make
        Makes another workspace, for a thread that finds none free.
    lends
        Whether they are Lenders.
    compiled
        Whether the arrays that it reads must be contiguous and aligned.
    seed
        Makes the workspace again, with a generator from a call's; None where it has had one.
    """

    slug: str
    function: Callable[..., Any]
    how: int = PLAIN
    workspace: Any = None
    free: deque[Any] = field(default_factory=deque)
    make: Callable[[], Any] = lambda: None
    lends: bool = False
    compiled: bool = False
    seed: Callable[[Any], None] | None = None

    @property
    def fields(self) -> tuple[Any, ...]:
        """What the guard needs after the expected arguments: the function, and if it takes more than those, the rest."""
        if self.how == PLAIN and not self.compiled:
            return self.function, None
        return self.function, (self.compiled, self.how, self.workspace, self.free, self.make, self.lends)


Ready = tuple[Any, ...]
"""What the guard compares arguments with, one value or two for each, and then ``Prepared.fields``. A tuple is read fastest."""


def guarded(
    kernel: Kernel, seen: dict[Any, Ready], find: Callable[..., Ready], copied: Callable[..., Any]
) -> Callable[..., Any]:
    """Generate the function that a program calls, with the kernel's signature.

    Parameters
    ----------
    kernel
        Its shapes say what is compared.
    seen
        What is ready for arguments other than the last call's, by ``key``.
    find
        Given arguments that are new, returns what is ready for them, or raises TypeError or ValueError.
    copied
        Called instead, if a call could not use an array as it lies in memory: one that it changes must be contiguous,
        aligned and writeable, since NumPy's ``reshape`` gives a copy of another. Machine code needs all of them so.
    """
    parameters = ", ".join(kernel.parameters)
    its = compared(kernel)
    fields = ", ".join([*(name for one in its for name in one.names), "function, rest"])
    changed = " and ".join(layouts(kernel, changed=True))
    refuse_changed = f"if not ({changed}):\n            return copied({parameters})\n        " if changed else ""
    source = f"""
def make(seen, find, copied, other, getrefcount, last):
    def call({parameters}):
        nonlocal last
        {fields} = last
        try:
            if not ({" and ".join(one.alike for one in its)}):
                {fields} = last = seen[{", ".join(one.key for one in its)}]
        except (AttributeError, KeyError, TypeError):
            {fields} = last = find({parameters})
        {refuse_changed}if rest is None:
            return function({parameters})
        compiled, how, workspace, free, make, lends = rest
        if compiled and not ({" and ".join(layouts(kernel, changed=False))}):
            return copied({parameters})
        if how == {PLAIN}:
            return function({parameters})
        if how == {LENT}:
            try:
                base = free.popleft()
            except IndexError:
                base = make()
            if getrefcount(base) != {ALONE}:
                base = other(free, base)
            result = function({parameters}, base.view())
            free.append(base)
            return result
        if how == {SHARED}:
            return function({parameters}, workspace)
        try:
            mine = free.popleft()
        except IndexError:
            mine = make()
        result = function({parameters}, mine.lend() if lends else mine)
        free.append(mine)
        return result
    return call
"""
    scope: dict[str, Any] = {}
    exec(compile(source, f"<call of {kernel.name}>", "exec"), scope)
    blank = *(None for one in its for _ in one.names), *Prepared("", lambda: None).fields
    return scope["make"](seen, find, copied, other, sys.getrefcount, blank)  # type: ignore[no-any-return]


ANY_LENGTH = "({0}.ndim, (len({0}) - 1).bit_length())"
"""What is compared of an array whose length differs from call to call: all lengths up to a power of two are alike."""
RAGGED = {"iB": ANY_LENGTH, "BH": "({0}.shape[1:], len({0}) == len(rows))"}
"""What is compared of the arrays of a ragged kernel, whose word ids are called rows."""


def at_most(rows: int) -> int:
    """Return what is prepared for where the number of rows differs from call to call: the next power of two."""
    return 1 << int((rows - 1).bit_length())


@dataclass(frozen=True)
class Compared:
    """How a parameter is compared with the last call's. The three expressions must tell the same arguments apart.

    Attributes
    ----------
    names
        Names of what it is compared with.
    expected
        Expression of that, one value for each name.
    alike
        Expression that is true if an argument is as before.
    key
        Expression of its part of a key.
    """

    names: tuple[str, ...]
    expected: str
    alike: str
    key: str


def compared(kernel: Kernel) -> list[Compared]:
    """Return how each parameter is compared."""
    return [
        how_compared(kernel, name, shape, at)
        for at, (name, shape) in enumerate(zip(kernel.parameters, kernel.shapes, strict=True))
    ]


def how_compared(kernel: Kernel, name: str, shape: str, at: int) -> Compared:
    """Return how a parameter of this shape is compared, the cheapest first where expressions are as telling.

    The same object may have got another shape or dtype: machine code, whose ``rest`` is not None, must not rely on it.
    """
    one, both = (f"c{at}",), (f"s{at}", f"d{at}")
    if name in kernel.constants:  # what is ready keeps it alive, so that no other object gets its id
        return Compared(one, name, f"{name} is c{at}", f"id({name})")
    if shape.startswith("="):
        return Compared(one, name, f"{name} == c{at}", name)
    if not dimensions(shape):
        return Compared(one, f"{name}.__class__", f"{name}.__class__ is c{at}", f"{name}.__class__")
    dtype = f"{name}.dtype is d{at}"
    if varying := ANY_LENGTH if "*" in shape else RAGGED.get(shape) if kernel.ragged else None:
        rows = varying.format(name)
        return Compared(both, f"{rows}, {name}.dtype", f"{rows} == s{at} and {dtype}", f"{rows}, {name}.dtype")
    whole = f"{name}.shape, {name}.dtype"
    if len(dimensions(shape)) == 1:  # a length and a number of axes are read faster than a shape
        return Compared(
            both, f"len({name}), {name}.dtype", f"len({name}) == s{at} and {name}.ndim == 1 and {dtype}", whole
        )
    alike = f"{name}.shape == s{at} and {dtype}"
    if shape == "VH":  # a table is the same object from call to call, as a rule: that takes a third of the time to see
        names = (f"r{at}", *both)
        return Compared(names, f"ref({name}), {whole}", f"(rest is None and r{at}() is {name} or {alike})", whole)
    return Compared(both, whole, alike, whole)


def expected_of(kernel: Kernel) -> Callable[..., tuple[Any, ...]]:
    """Return the function from a call's arguments to what the guard compares further ones with."""
    return tuple_of(kernel, [one.expected for one in compared(kernel)])


def key_of(kernel: Kernel) -> Callable[..., tuple[Any, ...]]:
    """Return the function from a call's arguments to its key."""
    return tuple_of(kernel, [one.key for one in compared(kernel)])


def tuple_of(kernel: Kernel, expressions: list[str]) -> Callable[..., tuple[Any, ...]]:
    return eval(f"lambda {', '.join(kernel.parameters)}: ({', '.join(expressions)},)", {"ref": weakref.ref})  # type: ignore[no-any-return]


def layouts(kernel: Kernel, *, changed: bool) -> list[str]:
    """Return the expressions that are all true if arrays lie in memory as compiled code needs them.

    changed: of the arrays that a call changes, or of those that it reads. These may be read-only, which is asked only of
    those that are not as most arrays are.
    """
    layout = "{0}.flags.carray" if changed else "({0}.flags.carray or {0}.flags.c_contiguous and {0}.flags.aligned)"
    return [
        layout.format(name)
        for name, shape in zip(kernel.parameters, kernel.shapes, strict=True)
        if dimensions(shape) and name not in kernel.constants and (name in kernel.mutates) == changed
    ]


NUMBERS: dict[str, tuple[int | float, type, str]] = {
    "real": (1.0, numbers.Real, "a number"),
    "whole": (1, numbers.Integral, "a whole number"),
}
"""Numbers in ``Kernel.shapes``: an example, the class, and what it is called."""


def dimensions(shape: str) -> str:
    """Return the dimensions of an array in ``Kernel.shapes``; empty for what is no array."""
    return "" if shape.startswith("=") or shape in NUMBERS else shape.removeprefix("i").removesuffix("64")
