"""A kernel, which is what is computed, and an implementation of it: a plain function with the kernel's signature."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Concatenate, Literal, ParamSpec

import numpy as np

from ..compiling.functions import makes_no_arrays, ready
from .case import NAME, BadName, Case, Size
from .checks import Tables, as_arrays
from .facts import (
    SHAPE,
    Arrays,
    BadImplementation,
    Deck,
    Facts,
    Function,
    Measured,
    Names,
    Note,
    Rule,
    Text,
    check_facts,
    is_covers,
    printable,
    refuse,
)
from .problem import Problem, Work

P = ParamSpec("P")
USUAL, NOT_SHOWN = Measured(), Deck()
INTERFACE_VERSION = 5
"""Version of the attributes that the engine reads. One process may load several copies of these classes, of any revision."""


def with_facts(
    facts: Callable[P, Facts],
) -> "Callable[Concatenate[Kernel, str, str, P], Callable[[Callable[..., Any]], Implementation]]":
    """Return a method that takes these facts, so that they are listed once."""

    def implementation(
        kernel: "Kernel", slug: str, title: str, /, *none: P.args, **given: P.kwargs
    ) -> "Callable[[Callable[..., Any]], Implementation]":
        """Turn a function with this kernel's signature into an Implementation.

        Parameters
        ----------
        slug
            Fixed name in cases: letters, digits, ``-``, ``_`` and ``.``.
        title
            Name for people who read code, such as ``W[idx]``.
        given
            What else is to be known of it: the fields of ``implementation.Facts``.

        Raises
        ------
        BadName
            For a slug that cannot be in a case name.
        BadImplementation
            For another fact that is invalid.
        """
        if not (isinstance(slug, str) and NAME.fullmatch(slug)):
            raise BadName(f"a slug has letters, digits, '-', '_' and '.' only: {printable(slug)}")
        known: Any = given
        return lambda function: Implementation(kernel=kernel, slug=slug, title=title, function=function, **known)

    return implementation


@dataclass(frozen=True)
class Kernel:
    """What is computed: one kernel, or one form, objective or law of it (``scatter.dense``), with one signature.

    A new kernel is one file in ``impls/``, with its reference, its implementations and its floors, and one test file.
    """

    name: str
    """``lookup`` or ``scatter.dense``."""
    title: Text
    """What it computes, in a few words."""
    parameters: Names
    """Names of an implementation's arguments. Its workspace, if it has one, follows them."""
    make: Callable[[Size, Any, np.random.Generator], Problem]
    """``make(size, corpus, rng)``, with a ``corpus.words.Corpus``, returns the problem: inputs, rotating batches, and how to reset
    them."""
    check: Callable[..., None]
    """``check(call, *batch)`` calls the implementation on one batch and raises Wrong if the result is wrong."""
    work: Callable[[Size], Work]
    """The least bytes and operations that a batch needs, whatever the implementation."""
    sizes: tuple[Size, ...]
    """Awkward sizes at which the contract is checked."""
    mutates: Names = ()
    """Parameters whose arrays a call may change. JAX's arrays cannot be changed: a call on them returns new ones in this order."""
    dimensions: str = "VHB"
    """Which of V, H, B and K its problems have. Of the others, V, H and B are 1 and K is 0."""
    inputs: Arrays = "VH"
    """Dimensions of its large inputs, written as in ``temporaries``: a run estimates memory from them beforehand."""
    checks: Arrays = ""
    """Dimensions of the large arrays that its check makes, written the same way."""
    min_batch: int = 0
    """Smallest B that is measured. A smaller one is only checked."""
    check_workspace: Callable[[Problem, Any], None] = lambda problem, workspace: None
    """``check_workspace(problem, workspace)`` raises Wrong if a workspace does not fit the problem after a call."""
    covers: Callable[[Size], dict[str, float]] = lambda size: {}
    """``covers(size)`` returns how many examples a training call learns from, by name ("pairs", "words"). Speed-ups are per example
    of the first name."""
    verify: Callable[[Problem, Sequence[tuple[Any, ...]], Any, np.random.Generator, list[Any]], None] = (
        lambda problem, calls, result, rng, history: None
    )
    """``verify(problem, calls, result, rng, history)`` raises Wrong if a timed sample's result is wrong. ``calls`` are the sample's
    batches in order, with what was written in place. ``result`` is the last call's. ``rng`` chooses which entries to verify.
    ``history`` is a list that all samples of a variant share."""
    result: Callable[[Any], Any] = as_arrays
    """Turns what a call returns into what checks read. Raises Wrong for an invalid type."""
    shapes: tuple[str, ...] = ()
    """What each parameter is, so that a program's arguments can be checked: ``VH`` and ``B`` for arrays in the size's dtype, ``iB``
    for word ids, ``i*`` for any number of word ids (B times K on average), ``V64`` for float64, ``NH`` for a row for each inner
    node of a tree (V - 1), ``=K`` for the number K, ``real`` and ``whole`` for other numbers, empty for anything else. Empty as
    a whole for kernels that ``w2vbench.best`` does not offer."""
    ragged: bool = False
    """Whether B is only the most rows of a call: distinct words are fewer, and each batch has another number of them."""
    constants: Names = ()
    """Parameters that stay the same from call to call, from which a ``prepare`` may make tables."""
    refuse: Callable[[Problem], None] = lambda problem: None
    """``refuse(problem)``, with a problem as a ``prepare`` gets it, raises ValueError for a size or for constants with which a call
    would not end, or would read outside of an array. ``w2vbench.best`` asks once a size."""
    place: int = 1000
    """Its place in lists, which go from the input layer to the output layer, the optimizer's step and training."""
    about: Note = ""
    """What it does, as its group is introduced to a reader; empty where the group's other kernels say it."""
    unit: Note = ""
    """What a batch has B of, in a sentence: ``word``, ``bag``, ``example``; empty where figures are for the whole call."""
    diagram: Note = ""
    """Its drawing on the page, one of those in ``reports/drawing/diagrams.py``; empty for none."""
    measured: Measured = USUAL
    """At which sizes presets measure it."""
    deck: Deck = NOT_SHOWN
    """What the source deck's page shows of it."""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise BadName(f"a kernel's name has letters, digits, '-', '_' and '.' only: {printable(self.name)}")
        owner = f"kernel {self.name}"
        check_facts(owner, self)
        for name in ("mutates", "constants"):
            if not {*getattr(self, name)} <= {*self.parameters}:
                refuse(owner, self, name, "a tuple of parameters")
        shapes = isinstance(self.shapes, tuple) and all(
            isinstance(one, str) and SHAPE.fullmatch(one) for one in self.shapes
        )
        if not (shapes and len(self.shapes) in (0, len(self.parameters))):
            refuse(owner, self, "shapes", "a shape for each parameter, such as 'VH', 'iB' or '=K'")

    @property
    def group(self) -> str:
        """``scatter`` of ``scatter.dense``."""
        return self.name.partition(".")[0]

    implementation = with_facts(Facts)

    def floor(
        self, slug: str, *, jit: bool = True, prepare: Callable[[Problem], Any] | None = None
    ) -> "Callable[[Callable[..., Any]], Implementation]":
        """Turn a function with this kernel's signature into a floor: it only moves the bytes that any implementation must.

        It moves the rows of the same batches that are timed, in their order, and computes nothing: words of real text repeat,
        so that the time to read their rows depends on this text and on the caches. It is timed beside the implementations, as
        their roofline limit, and neither checked nor ranked. It must make no arrays: if it is compiled, its call costs no
        more than that of a function with ``compiling.functions.makes_no_arrays``.

        Parameters
        ----------
        slug
            What is moved, and after a dot in which way. Of several ways the fastest counts.
        jit, prepare
            As in ``implementation``.
        """
        return lambda function: Implementation(
            kernel=self,
            slug=slug,
            title=f"what must be moved: {slug}",
            function=makes_no_arrays(function) if jit else function,
            prepare=prepare,
            jit=jit,
            is_floor=True,
        )


@dataclass(frozen=True, kw_only=True)
class Implementation(Facts):
    """One way to compute a kernel, callable like its function. ``Kernel.implementation`` makes it.

    Raises
    ------
    BadImplementation
        For an invalid fact.
    """

    kernel: Kernel
    """What it computes."""
    slug: Annotated[
        str,
        Rule(
            lambda value: isinstance(value, str) and NAME.fullmatch(value),
            "letters, digits, '-', '_' and '.'",
        ),
    ]
    """Its name in cases."""
    title: Text
    """Its name for people who read code, such as ``W[idx]``."""
    function: Function
    """What is called."""
    is_floor: bool = False
    """Whether it only moves the bytes that any implementation must."""
    interface_version: int = INTERFACE_VERSION

    def __post_init__(self) -> None:
        if type(self.kernel).__name__ != "Kernel":  # by name: another copy of this package has its own class
            raise BadImplementation(f"{printable(self.slug)}: its kernel is {printable(self.kernel)}, not a Kernel")
        owner = f"{self.kernel.name}/{self.slug}"
        check_facts(owner, self)
        if not is_covers(self.covers, self.kernel.sizes):
            refuse(owner, self, "covers", "a function of a size that returns numbers by name")
        if self.jit and "numba" not in self.requires:
            object.__setattr__(self, "requires", (*self.requires, "numba"))

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
        return ready(self.function, arguments)(*arguments)


def importing(name: str) -> Callable[[Problem], Any]:
    """Return a ``prepare`` that imports a module and passes it to the calls. Other workers do not wait for the import."""
    return lambda problem: import_module(name)
