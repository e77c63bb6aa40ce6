"""The one interface behind which every implementation of every kernel sits.

A ``Kernel`` says what is computed: it makes the inputs, checks a result and counts the work that cannot be avoided.
An ``Implementation`` is a plain function with the kernel's signature, and a few facts about it. The decorator makes
the one from the other and registers nothing: discovery collects the values that it finds in modules.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from inspect import getattr_static
from math import inf, prod
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .case import NAME, BadName, Case, Size
from .messages import one_line, quoted

if TYPE_CHECKING:
    from .words import Corpus

INTERFACE_VERSION = 4
"""Version of the surface that the engine reads by attribute (two copies of these classes may be loaded at once)."""

Array = NDArray[Any]
RING_BYTES = 64 << 20
RING_LONGEST = 4096
RING_INDEX_BYTES = 512 << 10


ARRAYS = re.compile(r"(?:[0-9]{1,9})?[VHBK]{1,8}(?:64)?")
"""An array as ``makes`` has it: rows, dimensions, and 64 for float64."""


class BadImplementation(ValueError):
    """A kernel or an implementation with facts that cannot be; the message is one line and says which, and what they may be."""


class Wrong(AssertionError):
    """A result that fails its kernel's check; the message says which part of it, and by how much."""


@dataclass(frozen=True)
class Work:
    """What a call reads, writes and computes. Units: bytes, bytes, floating-point operations."""

    read_bytes: float
    written_bytes: float
    flops: float = 0.0


@dataclass(frozen=True)
class Problem:
    """The inputs of a kernel at a size.

    inputs: everything that stays the same from call to call, by name (weights, distribution, generator, buffers).
    batches: the arguments of successive calls, in the kernel's order; calls go round this ring, so that the rows
    they touch do not all stay in cache. touched: distinct rows that a batch touches (mean), 0 where none are.
    reset: undoes what calls have changed in place; called between samples, outside the clock. buffers: what implementations share.
    checked: arguments of the same kind that are for the check, and are never timed.
    renew: gives so many batches from the first one on other contents, in place; called after they were timed.
    known: what the kernel must know to verify a timed call's result.
    """

    size: Size
    inputs: dict[str, Any]
    batches: Sequence[tuple[Any, ...]]
    touched: float
    reset: Callable[[], None] = lambda: None
    buffers: dict[str, Array] = field(default_factory=dict)
    checked: Sequence[tuple[Any, ...]] = ()
    renew: Callable[[int, int], None] = lambda first, count: None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def bare(self) -> Problem:
        """What a ``prepare`` is given: sizes, dtypes, inputs that stay the same and shared buffers, and no batch."""
        return Problem(self.size, self.inputs, (), self.touched, buffers=self.buffers)

    def buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        """An array in the size's dtype that implementations of a problem share, and each call overwrites."""
        if name not in self.buffers:
            self.buffers[name] = resident_zeros(shape, self.size.float_type)
        return self.buffers[name]


PLAIN = frozenset({np.ndarray, int, float, *np.sctypeDict.values()})


def arrays(result: Any) -> Any:
    """A call's result with torch's tensors as NumPy's arrays; numbers and tuples stay what they are.

    Raises Wrong for what only behaves like an array: a subclass or a proxy may do its work when somebody looks at it.
    """
    if result is None or type(result) in PLAIN:
        return result
    if type(result) is tuple:
        return tuple(map(arrays, result))
    torch = sys.modules.get("torch")
    if torch and type(result) is torch.Tensor and not result.is_sparse and result.device.type == "cpu":
        return result.detach().numpy()
    kind = type(result)
    raise Wrong(f"gives a {kind.__module__}.{kind.__qualname__}, which is no plain array: return np.asarray(…) of it")


@dataclass(frozen=True)
class Kernel:
    """What is computed: one kernel, or one variant of it (``scatter.dense``), with one signature and one meaning.

    Parameters
    ----------
    name
        ``lookup`` or ``scatter.dense``.
    title
        What it computes, in a few words.
    parameters
        Names of an implementation's arguments; a workspace, if it has one, comes last.
    make
        ``make(size, corpus, rng)`` gives the problem: inputs, rotating batches, and how they are set back.
    check
        ``check(call, *batch)`` calls the implementation on one batch and raises Wrong if its result is.
    work
        The bytes and operations of a batch that no implementation can do without.
    sizes
        Awkward sizes at which the contract is checked.
    mutates
        Parameters whose arrays a call may change.
    dimensions
        Which of V, H, B and K its problems have; the others are 1, and K is 0.
    inputs
        Dimensions of its large inputs, as in ``temporaries``: memory is reckoned from them before a process starts.
    checks
        The same of the arrays that its check makes.
    min_batch
        A smaller B is checked, and not measured.
    check_workspace
        ``check_workspace(problem, workspace)`` raises Wrong if a workspace, after a call, is not what the problem asks for.
    covers
        How many examples a call learns from, by what they are called, where it does; ratios are by the first of them.
    verify
        ``verify(problem, calls, result, rng, kept)`` raises Wrong if a timed sample's result is. calls: its batches, in
        order. result: of the last call; what came in place is in the batches. rng: chooses the places to look at.
        kept: a list that it is given again, for what must be seen of several samples.
    result
        Turns what a call gives into what checks look at, and raises Wrong if it is not what it should be.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    make: Callable[[Size, Corpus, np.random.Generator], Problem]
    check: Callable[..., None]
    work: Callable[[Size], Work]
    sizes: tuple[Size, ...]
    mutates: tuple[str, ...] = ()
    dimensions: str = "VHB"
    inputs: str = "VH"
    checks: str = ""
    min_batch: int = 0
    check_workspace: Callable[[Problem, Any], None] = lambda problem, workspace: None
    covers: Callable[[Size], dict[str, float]] = lambda size: {}
    verify: Callable[[Problem, Sequence[tuple[Any, ...]], Any, np.random.Generator, list[Any]], None] = (
        lambda problem, calls, result, rng, kept: None
    )
    result: Callable[[Any], Any] = arrays

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise BadName(f"a kernel's name has letters, digits, '-', '_' and '.' only: {shown(self.name)}")
        for field_, ok, wanted in (
            ("title", is_text(self.title), "a text that is not empty"),
            ("parameters", is_names(self.parameters), "a tuple of names"),
            ("mutates", is_names(self.mutates) and {*self.mutates} <= {*self.parameters}, "a tuple of parameters"),
            ("inputs", is_arrays(self.inputs), ARRAYS_WANTED),
            ("checks", is_arrays(self.checks), ARRAYS_WANTED),
        ):
            if not ok:
                raise BadImplementation(f"kernel {self.name}: {field_} is {shown(getattr(self, field_))}, not {wanted}")

    def implementation(
        self,
        slug: str,
        title: str,
        *,
        summary: str = "",
        slide: int | None = None,
        baseline: bool = False,
        grows_with: str = "",
        temporaries: str = "",
        shares: str = "",
        wrong: str = "",
        requires: tuple[str, ...] = (),
        jit: bool = False,
        one_thread: bool = False,
        prepare: Callable[[Problem], Any] | None = None,
        adapt: Callable[..., tuple[Any, ...]] | None = None,
        traffic: Callable[[Size], Work] | None = None,
        source_functions: tuple[Callable[..., Any], ...] = (),
        covers: Callable[[Size], dict[str, float]] | None = None,
        differs: str = "",
    ) -> Callable[[Callable[..., Any]], Implementation]:
        """Turn a function with this kernel's signature into an Implementation.

        Parameters
        ----------
        slug
            Fixed name in cases: letters, digits, ``-``, ``_`` and ``.``.
        title
            Name for people who read code, such as ``W[idx]``.
        summary
            What it does in plain words, to stand in a sentence: "picking the rows by their index".
        slide
            Where in the source deck it stands.
        baseline
            Whether speed-ups refer to it; one a kernel.
        grows_with
            ``"V"`` where its time grows with the vocabulary at a given batch.
        temporaries
            Dimensions of its large temporary arrays, from which a run reckons memory: ``BV+VH`` in the size's dtype, ``VH64``
            in float64, ``8V`` of eight rows.
        shares
            The same of the arrays that it takes from ``Problem.buffer``.
        wrong
            Why the result is wrong: it is shown, never ranked, and the contract asserts that it is wrong.
        requires
            Optional packages that it imports.
        jit
            Whether numba compiles it, and what it calls, before the first call.
        one_thread
            Whether none of its own code uses more threads, so that whole training runs are made with one only.
        prepare
            ``prepare(problem)`` runs once a process, outside the clock, and sees no batch. Its result, the workspace, is
            passed to every call as the last argument.
        adapt
            ``adapt(workspace, *batch)`` gives a batch's arguments in another form (tensors, text), with the same values in
            the same order. It runs outside the clock on every fresh batch; its time is shown.
        traffic
            What a call reads, writes and computes itself, where that is more than the kernel's work.
        source_functions
            Functions that do its work: their code is shown beside its own, which is not profiled by line.
        covers
            How many examples a call covers where that is not as many as the kernel's, on average if chance decides. Its
            speed-ups are then by time an example.
        differs
            What else it does otherwise than others of its kernel, such as its optimizer: shown beside the ratios.

        Returns
        -------
        Callable
            A decorator that gives the Implementation.

        Raises
        ------
        BadName
            For a slug that no case can be named by.
        BadImplementation
            For other facts that cannot be.
        """
        if not (isinstance(slug, str) and NAME.fullmatch(slug)):
            raise BadName(f"a slug has letters, digits, '-', '_' and '.' only: {shown(slug)}")

        def decorate(function: Callable[..., Any]) -> Implementation:
            return Implementation(
                kernel=self,
                slug=slug,
                title=title,
                function=function,
                summary=summary,
                slide=slide,
                baseline=baseline,
                grows_with=grows_with,
                temporaries=temporaries,
                shares=shares,
                wrong=wrong,
                requires=(*requires, "numba") if jit is True and isinstance(requires, tuple) else requires,
                jit=jit,
                one_thread=one_thread,
                prepare=prepare,
                adapt=adapt,
                traffic=traffic,
                source_functions=source_functions,
                covers=covers,
                differs=differs,
            )

        return decorate

    def floor(
        self, slug: str, *, jit: bool = True, prepare: Callable[[Problem], Any] | None = None
    ) -> Callable[[Callable[..., Any]], Implementation]:
        """Turn a function with this kernel's signature into one that only moves what every implementation must move.

        It is timed beside them, as their limit, and neither checked nor ranked. slug: what is moved, and after a dot in
        which way: of several ways the fastest counts.
        """

        def decorate(function: Callable[..., Any]) -> Implementation:
            return Implementation(
                kernel=self,
                slug=slug,
                title=f"what must be moved: {slug}",
                function=function,
                requires=("numba",) if jit else (),
                prepare=prepare,
                jit=jit,
                is_floor=True,
            )

        return decorate


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """One way to compute a kernel. Callable like the function it was made from.

    Its facts are those of ``Kernel.implementation``, which makes it.
    """

    kernel: Kernel
    slug: str
    title: str
    function: Callable[..., Any]
    slide: int | None = None
    baseline: bool = False
    grows_with: str = ""
    temporaries: str = ""
    shares: str = ""
    wrong: str = ""
    requires: tuple[str, ...] = ()
    prepare: Callable[[Problem], Any] | None = None
    traffic: Callable[[Size], Work] | None = None
    summary: str = ""
    jit: bool = False
    source_functions: tuple[Callable[..., Any], ...] = ()
    one_thread: bool = False
    covers: Callable[[Size], dict[str, float]] | None = None
    differs: str = ""
    adapt: Callable[..., tuple[Any, ...]] | None = None
    is_floor: bool = False
    interface_version: int = field(default=INTERFACE_VERSION)

    def __post_init__(self) -> None:
        """Raise BadImplementation for facts that cannot be, so that none comes to light in the middle of a run."""
        if type(self.kernel).__name__ != Kernel.__name__:  # by name: another copy's class is another one
            raise BadImplementation(f"{shown(self.slug)}: its kernel is {shown(self.kernel)}, which is none")
        for field_, ok, wanted in (
            ("slug", isinstance(self.slug, str) and NAME.fullmatch(self.slug), "letters, digits, '-', '_' and '.'"),
            ("title", is_text(self.title), "a text that is not empty"),
            ("function", is_function(self.function), "a plain function (def): write one that calls it"),
            ("slide", self.slide is None or type(self.slide) is int, "a slide's number"),
            *((name, type(getattr(self, name)) is bool, "True or False") for name in ("baseline", "jit", "one_thread")),
            (
                "grows_with",
                isinstance(self.grows_with, str) and {*self.grows_with} <= {*"VHBK"},
                "one of V, H, B and K",
            ),
            *((name, is_arrays(getattr(self, name)), ARRAYS_WANTED) for name in ("temporaries", "shares")),
            *((name, is_text(getattr(self, name), empty=True), "a text") for name in ("summary", "wrong", "differs")),
            ("requires", is_modules(self.requires), "a tuple of modules' full names, such as ('numba',)"),
            *(
                (name, getattr(self, name) is None or callable(getattr(self, name)), "a function")
                for name in ("prepare", "adapt", "traffic")
            ),
            ("covers", is_count(self.covers, self.kernel.sizes), "a function of a size that gives numbers by name"),
            (
                "source_functions",
                isinstance(self.source_functions, tuple) and all(map(is_function, self.source_functions)),
                "a tuple of functions",
            ),
        ):
            if not ok:
                raise BadImplementation(
                    f"{self.kernel.name}/{self.slug}: {field_} is {shown(getattr(self, field_))}, not {wanted}"
                )

    @property
    def no_lines(self) -> str:
        """Why a profile by line would show nothing; empty if it would."""
        return "it is compiled" if self.jit else "its work is done in other functions" if self.source_functions else ""

    @property
    def key(self) -> str:
        """``kernel/slug``: what no two implementations may share."""
        return f"{self.kernel.name}/{self.slug}"

    def start(self, problem: Problem) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """What a process calls, and what it passes after a batch's arguments: the workspace, if there is one.

        Set-up is made and code compiled here.
        """
        last = (self.prepare(problem.bare),) if self.prepare else ()
        if not self.jit:
            return self.function, last
        from .compiled import ready

        return ready(self.function, (*problem.batches[0], *last)), last

    def covered(self, size: Size) -> dict[str, float]:
        """How many examples a call covers, by the kernel's names for them; none where it has no such thing."""
        own = self.covers(size) if self.covers else {}
        return {name: own.get(name, number) for name, number in self.kernel.covers(size).items()}

    def case(self, size: Size) -> Case:
        return Case(self.kernel.name, self.slug, size)

    def __call__(self, *arguments: Any) -> Any:
        """Call it with the kernel's arguments and its workspace, if it has one; NumPy's arrays come back, however it works."""
        if self.adapt:
            batch = len(self.kernel.parameters)
            workspace = arguments[batch:]
            adapted = self.adapt(workspace[0] if workspace else None, *arguments[:batch])
            return self.kernel.result(self.function(*adapted, *workspace))
        if not self.jit:
            return self.function(*arguments)
        from .compiled import ready

        return ready(self.function, arguments)(*arguments)


ARRAYS_WANTED = "dimensions of arrays joined by +, such as BV+VH, VH64 or 8V"


def is_text(value: object, empty: bool = False) -> bool:
    """Whether something is a text that a result file can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return empty or bool(value.strip())


def is_arrays(value: object) -> bool:
    return isinstance(value, str) and (not value or all(map(ARRAYS.fullmatch, value.split("+"))))


def is_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name.isidentifier() for name in value)


def is_count(covers: Any, sizes: Sequence[Size]) -> bool:
    """Whether a function, if there is one, gives numbers from 0 up by name, at some sizes."""
    try:
        found = [dict(covers(size)) for size in sizes] if covers is not None else []
        return all(isinstance(name, str) and 0 <= float(number) < inf for one in found for name, number in one.items())
    except Exception:  # a stranger's function may raise anything
        return False


def is_modules(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and is_names((*name.split("."),)) for name in value)


def is_function(value: object) -> bool:
    """Whether something can be called and has code, which is shown, profiled and compared."""
    try:
        return callable(value) and isinstance(value.__code__, CodeType)  # type: ignore[attr-defined]
    except Exception:  # none, or an object that raises what it likes when it is asked
        return False


def has(value: object, name: str) -> bool:
    """Whether an object, or its type, has an attribute; one whose ``__getattr__`` answers to every name does not."""
    return getattr_static(value, name, None) is not None


def shown(value: object) -> str:
    """A value from outside as a message has it, even one that cannot be written."""
    if isinstance(value, str):
        return quoted(value)
    try:
        return one_line(repr(value))[:80]
    except Exception:
        return f"of type {type(value).__name__}"


def resident_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Zeros whose pages are in memory already: np.zeros would leave the first call to pay for bringing them in."""
    array = np.empty(shape, dtype)
    array.fill(0)
    return array


def array_bytes(arrays: str, size: Size) -> int:
    """Bytes of some arrays: ``BV+VH`` are two in the size's dtype, ``VH64`` is one in float64, ``8V`` has eight rows of V."""
    total = 0
    for array in filter(None, arrays.split("+")):
        item = 8 if array.endswith("64") else size.float_type.itemsize
        dimensions = array.removesuffix("64").lstrip("0123456789")
        rows = int(array[: array.index(dimensions)] or 1)
        total += rows * prod(getattr(size, dimension) for dimension in dimensions) * item
    return total


def importing(name: str) -> Callable[[Problem], Any]:
    """A ``prepare`` that imports a module and passes it to the calls: workers that do not measure it need not wait for it."""
    return lambda problem: import_module(name)


def ring_length(size: Size, row_bytes: int, rows_per_batch: int) -> int:
    """How many batches make a ring: enough to touch RING_BYTES of rows, or each row of the table sixteen times; and, as far
    as their ids stay in cache, enough for a sample of fast calls, since none goes round more than once."""
    if size.words == "repeat":
        return 1
    rows = max(1, rows_per_batch)
    touching = min(RING_BYTES // (row_bytes * rows), 16 * size.V // rows)
    return int(np.clip(max(touching, RING_INDEX_BYTES // (8 * rows)), 4, RING_LONGEST))


def normals(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any], scale: float = 0.01) -> Array:
    """Normal numbers; tables of over 300,000 entries repeat a block of rows, since drawing them all takes seconds."""
    rows = shape[0]
    width = int(np.prod(shape[1:], dtype=np.int64))
    block = min(rows, max(1, 300_007 // max(1, width)))
    drawn = rng.standard_normal((block, *shape[1:]), dtype.type)
    drawn *= dtype.type(scale)
    if block == rows:
        return drawn
    table = np.empty(shape, dtype)
    for start in range(0, rows, block):
        table[start : start + block] = drawn[: min(block, rows - start)]
    return table


def close(part: str, got: Any, want: Array, terms: Array | float, count: int) -> None:
    """Raise Wrong unless ``|got - want| <= 4 * count * eps(dtype of got) * terms`` everywhere, in want's shape.

    want: the reference, in float64. terms: sum of the absolute values of the terms added up, like want.
    count: how many roundings stand one after another at most (Higham, *Accuracy and Stability*, 2002, section 4.2).
    """
    got = np.asarray(got)
    if got.shape != want.shape:
        raise Wrong(f"{part} has shape {got.shape}, not {want.shape}")
    if not np.issubdtype(got.dtype, np.floating):
        raise Wrong(f"{part} has dtype {got.dtype}, which is no floating-point type")
    error = np.abs(np.subtract(got, want, dtype=np.float64))
    bound = 4 * count * float(np.finfo(got.dtype).eps) * np.asarray(terms, np.float64)
    bad = ~(error <= bound)
    if bad.any():
        bound = np.broadcast_to(bound, want.shape)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error - bound)), want.shape)
        where = f" at {tuple(int(i) for i in worst)}" if want.shape else ""
        raise Wrong(
            f"{part} is {got[worst]:.6g}{where}, not {want[worst]:.6g} "
            f"(error {error[worst]:.2g}, allowed {bound[worst]:.2g}; {int(bad.sum())} of {max(1, bad.size)} entries are off)"
        )


def only_rows(array: Array, rows: Array, value: float) -> bool:
    """Whether array (V, ...) holds value everywhere but at some rows; goes block by block, to need no copy of it."""
    untouched = np.ones(len(array), bool)
    untouched[rows] = False
    for start in range(0, len(array), 8192):
        block = slice(start, start + 8192)
        off = (array[block] != value).reshape(len(array[block]), -1).any(axis=1)
        if (off & untouched[block]).any():
            return False
    return True


def integers(part: str, got: Any) -> None:
    """Raise Wrong unless got can index an array."""
    if np.asarray(got).dtype.kind not in "iu":
        raise Wrong(f"{part} have dtype {np.asarray(got).dtype}, which is no integer type")


def same_dtype(part: str, got: Any, dtype: np.dtype[Any]) -> None:
    """Raise Wrong unless got has the dtype of its inputs: float32 must stay float32."""
    if np.asarray(got).dtype != dtype:
        raise Wrong(f"{part} has dtype {np.asarray(got).dtype}, but the inputs have {dtype}")
