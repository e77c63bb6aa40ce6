"""``best`` and ``dispatch``: the fastest implementation of a kernel at a program's sizes, by a table of measured times.

Both return a function with the kernel's signature. It owns its workspaces. What it returns belongs to the caller, and no
later call changes it. Any number of threads may call it. ``best`` chooses once, ``dispatch`` for the size of each call's
arguments. ``w2vbench tune`` makes the table.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import DTypeLike

from ..interface.case import Size
from . import dispatch_table
from .choice import Model
from .dispatch_table import DispatchTable, TableError
from .guard import guarded
from .offered import candidates, kernel_of, sized
from .readiness import Readiness

Table = DispatchTable | str | os.PathLike[str] | None


class Dispatched(Protocol):
    """A kernel's function that chooses its implementation.

    It raises TypeError for an argument that is no array, or has a dtype that the kernel does not take, and ValueError for
    shapes that do not fit together.

    It does not check that word ids are from 0 up and below V, nor that the offsets of bags begin with 0, never fall, and are at
    most the number of words. A wrong id reads or writes foreign memory: wrong numbers or a crash, and no IndexError. Some
    implementations in NumPy raise one, or take another row; which one is chosen depends on the machine.
    """

    def __call__(self, *arguments: Any) -> Any: ...

    warm: Callable[..., None]
    """``warm(V=…, H=…, B=…)``: make the workspace and compile the code for calls of a size.

    What is left out is as in ``best``'s call; for ``dispatch``, H=100, B=100, K=5, and the V that it got, else 2.
    """
    slug: Callable[..., str]
    """``slug(V=…, H=…, B=…)``: the implementation that is used at a size. What is left out is as for ``warm``."""


def best(
    kernel: str,
    *,
    V: int,
    H: int = 100,
    B: int = 100,
    K: int | None = None,
    dtype: DTypeLike = "f32",
    index: DTypeLike = "i64",
    threads: int = 1,
    inputs: Mapping[str, Any] | None = None,
    table: Table = None,
    anyway: bool = False,
) -> Dispatched:
    """Return the implementation of a kernel that is fastest at a size, as a function that a program can call.

    Calls of any other size, dtype or index type are right too: the function then makes another workspace.

    Parameters
    ----------
    kernel
        ``lookup``, ``scatter.accumulate`` and so on, but not ``training``.
    V, H, B, K
        The size: vocabulary, hidden size, words or bags in a batch, negatives or mean number of words of a bag (None: 5).
        What the kernel has not is ignored.
    dtype, index
        Types of the numbers and of the word ids, such as ``np.float32`` or ``"f32"``.
    threads
        BLAS threads that the program uses: times measured with as many count, if there are any.
    inputs
        Arguments that stay the same from call to call and that set-up needs, by name: ``p`` of ``sampling``, ``tree`` of
        ``output.hierarchical``. Without them, set-up waits for the first call.
    table
        The table or its file; None for the file that ``w2vbench tune`` writes.
    anyway
        Whether a table from another machine, or of other versions, is used too.

    Returns
    -------
    Dispatched
        A function with the kernel's signature.

    Raises
    ------
    TableError
        If there is no table, it cannot be read, has not this kernel, or holds for something else.
    ValueError
        For a kernel that is not offered, or an invalid size.
    TypeError
        For a size that is no whole number, such as ``"1e5"`` or ``1e5``.

    Examples
    --------
    >>> rows = best("lookup", V=100_000, H=100, B=512)  # doctest: +SKIP
    >>> out = rows(W, idx)  # doctest: +SKIP
    """
    size = sized(V=V, H=H, B=B, K=K, dtype=dtype, index=index, threads=threads, kernel=kernel_of(kernel))
    return dispatched(kernel, size, inputs, loaded(table, anyway, kernel), fixed=True)


def dispatch(
    kernel: str,
    *,
    V: int | None = None,
    threads: int = 1,
    inputs: Mapping[str, Any] | None = None,
    table: Table = None,
    anyway: bool = False,
) -> Dispatched:
    """Return a kernel's function that uses, in each call, the implementation that is fastest at the size of its arguments.

    Parameters
    ----------
    kernel
        ``lookup``, ``scatter.accumulate`` and so on, but not ``training``.
    V
        The vocabulary, for ``scatter.rows``, whose arguments do not tell it.
    threads, inputs, table, anyway
        As in ``best``.

    Returns
    -------
    Dispatched
        A function with the kernel's signature.

    Raises
    ------
    TableError, ValueError, TypeError
        As in ``best``.
    """
    chosen = kernel_of(kernel)
    size = sized(V=V or 2, H=100, B=100, K=None, threads=threads, kernel=chosen)
    if V is None and "V" not in "".join(chosen.shapes).replace("N", "V"):
        raise ValueError(f"the arguments of {kernel} do not tell V: give it, as dispatch({kernel!r}, V=…)")
    return dispatched(kernel, size, inputs, loaded(table, anyway, kernel), fixed=False)


def loaded(table: Table, anyway: bool, kernel: str) -> DispatchTable:
    """Return a table, read again only if its file has changed. Raises TableError, which names the kernel if there is none."""
    if isinstance(table, DispatchTable):
        return table
    path = dispatch_table.default_path() if table is None else Path(table)
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        out = "" if table is None else f" --out {shlex.quote(str(path))}"
        raise TableError(dispatch_table.missing(path, f" --kernel {kernel}{out}")) from None
    except OSError:
        changed = 0
    return read_once(path, changed, anyway)


@lru_cache(maxsize=4)
def read_once(path: Path, changed_ns: int, anyway: bool) -> DispatchTable:
    return dispatch_table.load(path, anyway=anyway)


def dispatched(
    name: str, size: Size, inputs: Mapping[str, Any] | None, table: DispatchTable, *, fixed: bool
) -> Dispatched:
    """Return a kernel's function. fixed: whether the implementation is the one for this size, whatever the arguments."""
    those, times = candidates(name), table.times(name)
    here = [slug for slug in times.simplest_first if slug in those]
    model = times.model if len(here) == len(times.simplest_first) else Model(times.times_s, here)
    if not model.cells:
        raise TableError(f"no implementation of {name} in the dispatch table can run here: run w2vbench tune again")
    one = model.choose(size) if fixed else None
    ready = Readiness(kernel_of(name), those, lambda at: one or model.choose(at) or "", size, dict(inputs or {}))
    call = guarded(ready.kernel, ready.seen, ready.find)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{ready.kernel.title} ({', '.join(ready.kernel.parameters)})"
    call.warm, call.slug = ready.warm, ready.slug  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
