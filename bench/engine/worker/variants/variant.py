"""A variant: an implementation that is ready to be timed, and how its calls are made, timed and adapted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
from w2vbench.impls.interface import Implementation, Kernel, Problem, Wrong

from .loop import Arguments, Function, Sampler, sampler

Adapt = Callable[..., Arguments]


class TimedCalls(NamedTuple):
    """A sample: wall and CPU time in nanoseconds, the last call's result, and the batches of all its calls."""

    wall_ns: int
    cpu_ns: int
    result: Any
    batches: Sequence[Arguments]


@dataclass
class PreparedVariant:
    """An implementation that is ready to be timed."""

    name: str  # its name in the experiment
    function: Function  # what is called
    workspace: Arguments  # a call's last argument, or an empty tuple if there is none
    problem: Problem  # the inputs
    sample: Sampler  # the timing loop
    # the kernel that verifies its results; None for the engine's own functions, which are not verified
    kernel: Kernel | None = None
    adapt: Adapt | None = None  # what changes a batch's form before it is timed
    place: int = 0  # index of the next batch
    # calls in a sample, and samples in a process
    calls: int = 1
    rounds: int = 0
    prepare_s: float = 0.0  # seconds of set-up
    # runs the set-up again, for another workspace; None where the workspace is not of arrays alone
    start_again: Callable[[], tuple[Function, Arguments]] | None = None
    adapt_s: list[float] = field(default_factory=list)  # seconds a batch that adapting took, of each sample
    history: list[Any] = field(default_factory=list)  # what the kernel remembers of verified samples
    repeats: bool = False  # whether a sample may call the same batch more than once
    compiles: bool = False  # whether its first call may compile what it calls

    @property
    def most_calls(self) -> int:
        """Most calls in a sample: one a batch, since an implementation could remember a batch that it gets again."""
        batches = len(self.problem.batches)
        return 1 << 20 if self.repeats or batches <= 1 else batches

    def time_calls(self, calls: int) -> TimedCalls:
        """Time some calls, from the variant's next batch on."""
        batches = successive_batches(self.problem.batches, self.place, calls)
        arguments = batches
        if self.adapt:
            started = time.perf_counter()
            arguments = [adapt_batch(self.adapt, self.workspace, batch) for batch in batches]
            self.adapt_s.append((time.perf_counter() - started) / max(1, calls))
            # no result which adapt may have computed is then valid; but a ragged batch gets another number of rows too
            if shares_memory(batches[0], arguments[0]) and not (self.kernel and self.kernel.ragged):
                renew_batches(self.problem, self.place, calls)
        return TimedCalls(*self.sample(self.function, iter(arguments), self.workspace), batches)

    def advance(self, calls: int, *, renew: bool = True) -> None:
        """Go to the next batches. renew: give those that were used new contents; other variants may still need the old ones."""
        if renew:
            renew_batches(self.problem, self.place, calls)
        self.place = (self.place + calls) % len(self.problem.batches)


def prepare_variant(
    name: str, implementation: Implementation, problem: Problem, slowed: float = 0.0, place: int = 0
) -> PreparedVariant:
    """Make an implementation's workspace, compile it, and time both as set-up.

    Parameters
    ----------
    name
        The variant's name in the experiment.
    implementation, problem
        What is timed, and its inputs.
    slowed
        Share by which each sample is made longer.
    place
        Index of the first batch.
    """
    started = time.perf_counter()
    workspace = implementation.set_up(problem)
    function = implementation.compiled(problem, workspace)
    prepare_s = time.perf_counter() - started
    kernel, adapt, place = implementation.kernel, implementation.adapt, place % len(problem.batches)
    loop = sampler(len(kernel.parameters), bool(workspace), slowed)
    variant = PreparedVariant(name, function, workspace, problem, loop, kernel, adapt, place, prepare_s=prepare_s)
    variant.compiles = "numba" in implementation.requires and not implementation.jit
    if workspace and is_of_arrays(workspace):
        variant.start_again = starter(implementation, problem, function, workspace)
    return variant


def is_of_arrays(workspace: object) -> bool:
    """Whether a workspace is of arrays, numbers and tuples of them. Another may have learnt something, or have threads."""
    if isinstance(workspace, tuple):
        return all(map(is_of_arrays, workspace))
    return isinstance(workspace, (np.ndarray, np.generic, int, float))


def starter(
    implementation: Implementation, problem: Problem, function: Function, workspace: Arguments
) -> Callable[[], tuple[Function, Arguments]]:
    """Return what sets an implementation up again. It compiles again only for a workspace of other types, to be quick."""
    if not implementation.jit:
        return lambda: (function, implementation.set_up(problem))
    from numba import typeof

    types = typeof(workspace)

    def start_again() -> tuple[Function, Arguments]:
        last = implementation.set_up(problem)
        return function if typeof(last) == types else implementation.compiled(problem, last), last

    return start_again


def successive_batches(batches: Sequence[Arguments], place: int, calls: int) -> Sequence[Arguments]:
    """Return the rotating batches of some successive calls."""
    if place + calls <= len(batches):
        return batches[place : place + calls]
    return list(islice(cycle([*batches[place:], *batches[:place]]), calls))


def renew_batches(problem: Problem, place: int, calls: int) -> None:
    """Give the rotating batches of some successive calls new contents."""
    number = len(problem.batches)
    to_end = min(calls, number - place)
    problem.renew(place, to_end)
    if from_start := min(calls, number) - to_end:
        problem.renew(0, from_start)


def adapt_batch(adapt: Adapt | None, workspace: Arguments, batch: Arguments) -> Arguments:
    """Change a batch's form by an implementation's ``adapt``, if it has one."""
    return adapt(workspace[0] if workspace else None, *batch) if adapt else batch


def shares_memory(batch: Arguments, adapted: Arguments) -> bool:
    """Whether an adapted batch uses its arrays' own memory, so that renewing them renews it."""

    def address(part: object) -> object:
        if isinstance(part, np.ndarray):
            return part.ctypes.data
        return part.data_ptr() if hasattr(part, "data_ptr") else None

    pairs = zip(batch, adapted, strict=True)
    return all(address(one) == address(other) for one, other in pairs if isinstance(one, np.ndarray))


def check_same_values(names: Sequence[str], batch: Arguments, adapted: object) -> None:
    """Raise Wrong unless an adapted batch holds the batch's values in the same order: only their form may change."""
    if type(adapted) is not tuple or len(adapted) != len(batch):
        raise Wrong(f"adapt must return a tuple of {len(batch)} arguments")
    for name, original, other in zip(names, batch, adapted, strict=True):
        if other is original:
            continue
        if isinstance(original, tuple):
            check_same_values([name] * len(original), original, tuple(other) if isinstance(other, tuple) else other)
            continue
        want = np.asarray(original)
        got = np.asarray(other.detach().cpu() if hasattr(other, "detach") else flatten(other))
        if isinstance(other, list):
            want = want.reshape(-1)
            got = got.astype(want.dtype) if got.dtype.kind == "U" or not got.size else got
        if got.shape != want.shape or got.dtype.kind != want.dtype.kind or not np.array_equal(got, want):
            raise Wrong(f"adapt changes its input {name}")


def flatten(value: Any) -> Any:
    """Return the items of nested lists in order; anything else as it is."""
    if not isinstance(value, list):
        return value
    return [item for part in value for item in (flatten(part) if isinstance(part, list) else [part])]
