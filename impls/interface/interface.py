"""The public interface: what a kernel is, and what an implementation of it is.

A ``Kernel`` defines what is computed. It makes the inputs, checks results and counts the least work that a call needs.
An ``Implementation`` is a plain function with the kernel's signature, and some facts about it. The decorator
``kernel.implementation`` makes one from a function. It registers nothing: discovery collects the values in modules.
The file is long because it is all that the author of an implementation has to read. Authors of kernels also need ``arrays``,
``batches`` and ``checks``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import numpy as np

from ..compiling.functions import makes_no_arrays
from .arrays import Array, resident_zeros
from .case import NAME, BadName, Case, Size
from .checks import Tables, Wrong, as_arrays
from .facts import (
    ARRAYS_HINT,
    BadImplementation,
    check_facts,
    is_arrays,
    is_covers,
    is_function,
    is_modules,
    is_names,
    is_shapes,
    is_text,
    printable,
)

__all__ = (
    "INTERFACE_VERSION",
    "Array",
    "BadImplementation",
    "Implementation",
    "Kernel",
    "Problem",
    "Work",
    "Wrong",
    "importing",
)

INTERFACE_VERSION = 4
"""Version of the attributes that the engine reads. One process may load several copies of these classes, of any revision."""


@dataclass(frozen=True)
class Work:
    """What a call reads, writes and computes.

    Attributes
    ----------
    read_bytes, written_bytes
        Bytes.
    flops
        Floating-point operations.
    """

    read_bytes: float
    written_bytes: float
    flops: float = 0.0


@dataclass(frozen=True)
class Problem:
    """The inputs of a kernel at a size.

    Attributes
    ----------
    size
        The problem's size.
    inputs
        What stays the same from call to call, by name: weights, distribution, generator, buffers.
    batches
        Arguments of successive calls, in the order of ``Kernel.parameters``. The batches rotate, so that the rows they
        touch do not all stay in cache.
    touched
        Mean number of distinct rows that a batch touches; 0 where it touches none.
    reset
        Undoes what calls changed in place. It runs between samples, outside the clock.
    buffers
        Arrays that the implementations share.
    checked
        Arguments of the same kind for the check. They are never timed.
    renew
        ``renew(first, count)`` gives these batches other contents, in place. It runs after they were timed.
    verify_data
        What ``Kernel.verify`` needs to judge a timed call's result.
    tables
        What ``table`` has made. A program's workspaces of all sizes share it; those that are measured share nothing.
    """

    size: Size
    inputs: dict[str, Any]
    batches: Sequence[tuple[Any, ...]]
    touched: float
    reset: Callable[[], None] = lambda: None
    buffers: dict[str, Array] = field(default_factory=dict)
    checked: Sequence[tuple[Any, ...]] = ()
    renew: Callable[[int, int], None] = lambda first, count: None
    verify_data: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)

    @property
    def bare(self) -> Problem:
        """The problem as a ``prepare`` gets it: with its size, inputs and shared buffers, and without batches."""
        return Problem(self.size, self.inputs, (), self.touched, buffers=self.buffers)

    def buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return an array in the size's dtype that implementations share and every call overwrites."""
        if name not in self.buffers:
            self.buffers[name] = resident_zeros(shape, self.size.float_type)
        return self.buffers[name]

    def table(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what ``make()`` makes of ``Kernel.constants`` alone. It must not be written to."""
        if name not in self.tables:
            self.tables[name] = make()
        return self.tables[name]


@dataclass(frozen=True)
class Kernel:
    """What is computed: one kernel, or one form, objective or law of it (``scatter.dense``), with one signature.

    Parameters
    ----------
    name
        ``lookup`` or ``scatter.dense``.
    title
        What it computes, in a few words.
    parameters
        Names of an implementation's arguments. Its workspace, if it has one, follows them.
    make
        ``make(size, corpus, rng)``, with a ``corpus.words.Corpus``, returns the problem: inputs, rotating batches, and how to reset them.
    check
        ``check(call, *batch)`` calls the implementation on one batch and raises Wrong if the result is wrong.
    work
        The least bytes and operations that a batch needs, whatever the implementation.
    sizes
        Awkward sizes at which the contract is checked.
    mutates
        Parameters whose arrays a call may change. JAX's arrays cannot be changed: a call on them returns new ones in this order.
    dimensions
        Which of V, H, B and K its problems have. Of the others, V, H and B are 1 and K is 0.
    inputs
        Dimensions of its large inputs, written as in ``temporaries``: a run estimates memory from them beforehand.
    checks
        Dimensions of the large arrays that its check makes, written the same way.
    min_batch
        Smallest B that is measured. A smaller one is only checked.
    check_workspace
        ``check_workspace(problem, workspace)`` raises Wrong if a workspace does not fit the problem after a call.
    covers
        ``covers(size)`` returns how many examples a training call learns from, by name ("pairs", "words"). Speed-ups
        are per example of the first name.
    verify
        ``verify(problem, calls, result, rng, history)`` raises Wrong if a timed sample's result is wrong. ``calls`` are
        the sample's batches in order, with what was written in place. ``result`` is the last call's. ``rng`` chooses
        which entries to verify. ``history`` is a list that all samples of a variant share.
    result
        Turns what a call returns into what checks read. Raises Wrong for an invalid type.
    shapes
        What each parameter is, so that a program's arguments can be checked: ``VH`` and ``B`` for arrays in the size's
        dtype, ``iB`` for word ids, ``i*`` for any number of word ids (B times K on average), ``V64`` for float64, ``NH``
        for a row for each inner node of a tree (V - 1), ``=K`` for the number K, ``real`` and ``whole`` for other numbers,
        empty for anything else. Empty as a whole for kernels that ``w2vbench.best`` does not offer.
    ragged
        Whether B is only the most rows of a call: distinct words are fewer, and each batch has another number of them.
    constants
        Parameters that stay the same from call to call, from which a ``prepare`` may make tables.
    refuse
        ``refuse(problem)``, with a problem as a ``prepare`` gets it, raises ValueError for a size or for constants with
        which a call would not end, or would read outside of an array. ``w2vbench.best`` asks once a size.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    make: Callable[[Size, Any, np.random.Generator], Problem]
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
        lambda problem, calls, result, rng, history: None
    )
    result: Callable[[Any], Any] = as_arrays
    shapes: tuple[str, ...] = ()
    ragged: bool = False
    constants: tuple[str, ...] = ()
    refuse: Callable[[Problem], None] = lambda problem: None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise BadName(f"a kernel's name has letters, digits, '-', '_' and '.' only: {printable(self.name)}")
        check_facts(
            f"kernel {self.name}",
            self,
            ("title", is_text(self.title), "a text that is not empty"),
            ("parameters", is_names(self.parameters), "a tuple of names"),
            ("mutates", is_names(self.mutates) and {*self.mutates} <= {*self.parameters}, "a tuple of parameters"),
            ("inputs", is_arrays(self.inputs), ARRAYS_HINT),
            ("checks", is_arrays(self.checks), ARRAYS_HINT),
            (
                "shapes",
                is_shapes(self.shapes, self.parameters),
                "a shape for each parameter, such as 'VH', 'iB' or '=K'",
            ),
            (
                "constants",
                is_names(self.constants) and {*self.constants} <= {*self.parameters},
                "a tuple of parameters",
            ),
        )

    def implementation(
        self,
        slug: str,
        title: str,
        *,
        summary: str = "",
        slide: int | None = None,
        baseline: bool = False,
        textbook: bool = False,
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
        returns: tuple[int, ...] = (),
        form: str = "",
    ) -> Callable[[Callable[..., Any]], Implementation]:
        """Turn a function with this kernel's signature into an Implementation.

        Parameters
        ----------
        slug
            Fixed name in cases: letters, digits, ``-``, ``_`` and ``.``.
        title
            Name for people who read code, such as ``W[idx]``.
        summary
            What it does, as part of a sentence: "picking the rows by their index".
        slide
            Its slide in the source deck.
        baseline
            Whether speed-ups refer to it. A kernel has one baseline, the textbook's first implementation.
        textbook
            Whether it too is the textbook's way, though not the baseline.
        grows_with
            ``"V"`` where its time grows with the vocabulary at a given batch.
        temporaries
            Dimensions of its large temporary arrays, from which a run estimates memory: ``BV+VH`` in the size's dtype,
            ``VH64`` in float64, ``8V`` with eight rows.
        shares
            Dimensions of the arrays that it takes from ``Problem.buffer``, written the same way.
        wrong
            Why its result is wrong. It is shown and never ranked, and the contract asserts that it is wrong.
        requires
            Optional packages that it imports.
        jit
            Whether numba compiles it, and what it calls, before the first call. See also ``w2vbench.impls.compiling.functions.makes_no_arrays``.
        one_thread
            Whether all of its own code runs on one thread. Whole training runs then use one thread only.
        prepare
            ``prepare(problem)`` runs once per process, outside the clock, and sees no batch. Every call gets its result,
            the workspace, as the last argument.
        adapt
            ``adapt(workspace, *batch)`` returns a batch's arguments in another form (tensors, text), with the same values
            in the same order. It runs on every fresh batch, outside the clock; its time is shown.
        traffic
            ``traffic(size)`` returns what a call itself reads, writes and computes, where that exceeds the kernel's work.
        source_functions
            Functions that do its work. Their code is shown beside its own, and it is not profiled by line.
        covers
            ``covers(size)`` returns how many examples a call covers, if not as many as the kernel's, or their mean if the
            number is random. Speed-ups then compare the time per example.
        differs
            What else it does differently from others of its kernel, such as its optimizer. Shown beside the ratios.
        returns
            Positions in its workspace of the arrays that a call returns, or returns views of; ``(0,)`` where the workspace is
            one such array. ``w2vbench.best`` puts others there as long as a caller holds them.
        form
            The form of its result, where that is not its kernel's usual one: it then cannot stand in for the others.

        Returns
        -------
        Callable
            A decorator that returns the Implementation.

        Raises
        ------
        BadName
            For a slug that cannot stand in a case name.
        BadImplementation
            For another fact that is invalid.
        """
        if not (isinstance(slug, str) and NAME.fullmatch(slug)):
            raise BadName(f"a slug has letters, digits, '-', '_' and '.' only: {printable(slug)}")

        def decorate(function: Callable[..., Any]) -> Implementation:
            return Implementation(
                kernel=self,
                slug=slug,
                title=title,
                function=function,
                summary=summary,
                slide=slide,
                baseline=baseline,
                textbook=textbook,
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
                returns=returns,
                form=form,
            )

        return decorate

    def floor(
        self, slug: str, *, jit: bool = True, prepare: Callable[[Problem], Any] | None = None
    ) -> Callable[[Callable[..., Any]], Implementation]:
        """Turn a function with this kernel's signature into a floor: it only moves the bytes that any implementation must.

        It is timed beside the implementations, as their roofline limit. It is neither checked nor ranked. It must make no
        arrays: if it is compiled, its call costs no more than that of a function with ``w2vbench.impls.compiling.functions.makes_no_arrays``.

        Parameters
        ----------
        slug
            What is moved, and after a dot in which way. Of several ways the fastest counts.
        jit, prepare
            As in ``implementation``.
        """

        def decorate(function: Callable[..., Any]) -> Implementation:
            return Implementation(
                kernel=self,
                slug=slug,
                title=f"what must be moved: {slug}",
                function=makes_no_arrays(function) if jit else function,
                requires=("numba",) if jit else (),
                prepare=prepare,
                jit=jit,
                is_floor=True,
            )

        return decorate


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """One way to compute a kernel, callable like its function.

    ``Kernel.implementation`` makes it and documents its fields.
    """

    kernel: Kernel
    slug: str
    title: str
    function: Callable[..., Any]
    slide: int | None = None
    baseline: bool = False
    textbook: bool = False
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
    returns: tuple[int, ...] = ()
    form: str = ""
    interface_version: int = field(default=INTERFACE_VERSION)

    def __post_init__(self) -> None:
        """Raise BadImplementation for invalid facts now, instead of in the middle of a run."""
        if type(self.kernel).__name__ != Kernel.__name__:  # by name: another copy of this package has its own class
            raise BadImplementation(f"{printable(self.slug)}: its kernel is {printable(self.kernel)}, not a Kernel")
        check_facts(
            f"{self.kernel.name}/{self.slug}",
            self,
            ("slug", isinstance(self.slug, str) and NAME.fullmatch(self.slug), "letters, digits, '-', '_' and '.'"),
            ("title", is_text(self.title), "a text that is not empty"),
            ("function", is_function(self.function), "a plain function (def): write one that calls it"),
            ("slide", self.slide is None or type(self.slide) is int, "a slide number"),
            *(
                (name, type(getattr(self, name)) is bool, "True or False")
                for name in ("baseline", "textbook", "jit", "one_thread")
            ),
            (
                "grows_with",
                isinstance(self.grows_with, str) and {*self.grows_with} <= {*"VHBK"},
                "one of V, H, B and K",
            ),
            *((name, is_arrays(getattr(self, name)), ARRAYS_HINT) for name in ("temporaries", "shares")),
            *(
                (name, is_text(getattr(self, name), empty=True), "a text")
                for name in ("summary", "wrong", "differs", "form")
            ),
            ("requires", is_modules(self.requires), "a tuple of full module names, such as ('numba',)"),
            *(
                (name, getattr(self, name) is None or callable(getattr(self, name)), "a function")
                for name in ("prepare", "adapt", "traffic")
            ),
            (
                "returns",
                isinstance(self.returns, tuple) and all(type(at) is int and at >= 0 for at in self.returns),
                "a tuple of positions",
            ),
            ("covers", is_covers(self.covers, self.kernel.sizes), "a function of a size that returns numbers by name"),
            (
                "source_functions",
                isinstance(self.source_functions, tuple) and all(map(is_function, self.source_functions)),
                "a tuple of functions",
            ),
        )

    @property
    def family(self) -> Literal["textbook", "NumPy/SciPy", "compiled", "framework"]:
        """What it is written with: ``textbook``, ``NumPy/SciPy``, ``compiled`` (numba) or ``framework``."""
        if self.baseline or self.textbook:
            return "textbook"
        return "framework" if {*self.requires} - {"numba"} else "compiled" if self.requires else "NumPy/SciPy"

    @property
    def no_lines(self) -> str:
        """Why a profile by line is not possible; empty if it is."""
        return "it is compiled" if self.jit else "its work is done in other functions" if self.source_functions else ""

    @property
    def key(self) -> str:
        """``kernel/slug``: no two implementations may share it."""
        return f"{self.kernel.name}/{self.slug}"

    def start(self, problem: Problem) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Run the set-up and compile the code.

        Returns
        -------
        function
            What a process calls.
        last
            What it passes after a batch's arguments: the workspace in a tuple, or an empty tuple.
        """
        last = self.set_up(problem)
        return self.compiled(problem, last), last

    def set_up(self, problem: Problem) -> tuple[Any, ...]:
        """Run the set-up. Return the workspace in a tuple, or an empty tuple if there is none."""
        return (self.prepare(problem.bare),) if self.prepare else ()

    def compiled(self, problem: Problem, last: tuple[Any, ...]) -> Callable[..., Any]:
        """Return what is called: the function, or its code compiled for a problem's batches and this workspace."""
        if not self.jit:
            return self.function
        from ..compiling.functions import ready

        return ready(self.function, (*problem.batches[0], *last))

    def covered(self, size: Size) -> dict[str, float]:
        """Return how many examples a call covers, by the kernel's names; empty where the kernel counts none."""
        own = self.covers(size) if self.covers else {}
        return {name: own.get(name, number) for name, number in self.kernel.covers(size).items()}

    def case(self, size: Size) -> Case:
        return Case(self.kernel.name, self.slug, size)

    def __call__(self, *arguments: Any) -> Any:
        """Call it with the kernel's arguments, and its workspace if it has one. The result has NumPy arrays, not tensors."""
        if self.adapt:
            batch = len(self.kernel.parameters)
            workspace = arguments[batch:]
            adapted = self.adapt(workspace[0] if workspace else None, *arguments[:batch])
            result = self.kernel.result(self.function(*adapted, *workspace))
            if not isinstance(result, Tables):
                return result
            for name, table in zip(self.kernel.mutates, result, strict=True):
                arguments[self.kernel.parameters.index(name)][...] = table
            return None
        if not self.jit:
            return self.function(*arguments)
        from ..compiling.functions import ready

        return ready(self.function, arguments)(*arguments)


def importing(name: str) -> Callable[[Problem], Any]:
    """Return a ``prepare`` that imports a module and passes it to the calls. Other workers do not wait for the import."""
    return lambda problem: import_module(name)
