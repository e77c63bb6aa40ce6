"""The function that a program calls: it makes sure that the arguments are those that an implementation is ready for.

It is generated for each kernel, as the engine's timing loop is, so that little but a look-up comes before the call. Machine
code is called by address and must never get an array of another dtype, shape or layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..interface import Kernel
from .arguments import dimensions

Ready = tuple[Any, ...]
"""What the guard needs of an implementation: the function, and None if it gets no workspace and is not compiled; else a tuple:
whether it is compiled, the workspaces that no call is using (None: it takes none), what makes another, and whether they are Lenders.
A call takes a workspace out and puts it back, so that no two threads use one."""


def guarded(kernel: Kernel, seen: dict[Any, Ready], find: Callable[..., Ready]) -> Callable[..., Any]:
    """Generate the function that a program calls, with the kernel's signature.

    Parameters
    ----------
    kernel
        Its shapes say what is compared.
    seen
        What is ready, by ``key_of`` the arguments.
    find
        Given arguments that are new, returns what is ready for them, or raises TypeError or ValueError.
    """

    def copied(*arguments: Any) -> Any:
        """Call with contiguous, aligned copies of the arrays that are not. Raises TypeError for one that the call would change.

        NumPy's ``reshape`` gives a copy of an array that is not contiguous. Machine code needs all of them so.
        """
        contiguous = []
        for name, shape, value in zip(kernel.parameters, kernel.shapes, arguments, strict=True):
            if dimensions(shape) and name not in kernel.constants:
                if name in kernel.mutates and not value.flags.carray:
                    raise TypeError(f"{name} is changed in place: it must be C-contiguous, aligned and writeable")
                value = np.require(value, requirements=("C", "A"))
            contiguous.append(value)
        return call(*contiguous)

    parameters = ", ".join(kernel.parameters)
    changed = " and ".join(layouts(kernel, changed=True))
    refuse_changed = f"if not ({changed}):\n            return copied({parameters})\n        " if changed else ""
    source = f"""
def make(seen, find, copied):
    def call({parameters}):
        try:
            function, rest = seen[{key(kernel)}]
        except (AttributeError, KeyError, TypeError):
            function, rest = find({parameters})
        {refuse_changed}if rest is None:
            return function({parameters})
        compiled, free, make, lends = rest
        if compiled and not ({" and ".join(layouts(kernel, changed=False))}):
            return copied({parameters})
        if free is None:
            return function({parameters})
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
    call: Callable[..., Any] = scope["make"](seen, find, copied)
    return call


ANY_LENGTH = "{0}.ndim, (len({0}) - 1).bit_length()"
"""What counts of an array whose length differs from call to call: all lengths up to a power of two are alike."""
RAGGED = {"iB": ANY_LENGTH, "BH": "{0}.shape[1:], len({0}) == len(rows)"}
"""What counts of the arrays of a ragged kernel, whose word ids are called rows."""


def key(kernel: Kernel) -> str:
    """Return the expression of what tells apart arguments for which different things are ready."""
    parts = (one(kernel, name, shape) for name, shape in zip(kernel.parameters, kernel.shapes, strict=True))
    return f"({', '.join(parts)},)"


def one(kernel: Kernel, name: str, shape: str) -> str:
    """Return the expression of what counts of an argument."""
    if name in kernel.constants:  # what is ready keeps it alive, so that no other object gets its id
        return f"id({name})"
    if not dimensions(shape):
        return name if shape.startswith("=") else f"{name}.__class__"
    varying = ANY_LENGTH if "*" in shape else RAGGED.get(shape) if kernel.ragged else None
    return f"{(varying or '{0}.shape').format(name)}, {name}.dtype"


def key_of(kernel: Kernel) -> Callable[..., tuple[Any, ...]]:
    """Return the function from a call's arguments to their key."""
    return eval(f"lambda {', '.join(kernel.parameters)}: {key(kernel)}")  # type: ignore[no-any-return]


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
