"""A variant: an implementation that is called on one batch after another, and how its calls are made, timed and adapted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np

from impls.interface import Implementation, Kernel, Problem, Wrong

from .loop import Sampler, sampler

Adapt = Callable[..., tuple[Any, ...]]


class Taken(NamedTuple):
    """A sample: wall and CPU time in nanoseconds, the last call's result, and the batches of all its calls."""

    wall_ns: int
    cpu_ns: int
    result: Any
    batches: Sequence[tuple[Any, ...]]


@dataclass
class PreparedVariant:
    """An implementation that is ready to be timed: its function, its workspace if it has one (a call's last argument), where in the ring
    it is, and how often it is called a sample. kernel: None for a function of the engine's own, whose results are not looked at.

    adapt_s: seconds a batch that adapting took, of each sample. kept: what the kernel keeps of verified samples.
    again: whether a sample may go round the ring more than once.
    """

    name: str
    function: Callable[..., Any]
    last: tuple[Any, ...]
    problem: Problem
    sample: Sampler
    kernel: Kernel | None = None
    adapt: Adapt | None = None
    place: int = 0
    calls: int = 1
    rounds: int = 0
    prepare_s: float = 0.0
    adapt_s: list[float] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    again: bool = False

    @property
    def most_calls(self) -> int:
        """Calls that a sample may have: once round the ring, since a batch that comes again could be remembered."""
        ring = len(self.problem.batches)
        return 1 << 20 if self.again or ring <= 1 else ring

    def take(self, calls: int) -> Taken:
        """Time some calls, from the variant's place in the ring on."""
        batches = lap(self.problem.batches, self.place, calls)
        arguments = batches
        if self.adapt:
            started = time.perf_counter()
            arguments = [adapted(self.adapt, self.last, batch) for batch in batches]
            self.adapt_s.append((time.perf_counter() - started) / max(1, calls))
            if on_same_memory(batches[0], arguments[0]):  # what adapt may have worked out for these words is stale now
                renew(self.problem, self.place, calls)
        return Taken(*self.sample(self.function, iter(arguments), self.last), batches)

    def move_on(self, calls: int) -> None:
        """Go on to the next batches, and give those that were used other contents."""
        renew(self.problem, self.place, calls)
        self.place = (self.place + calls) % len(self.problem.batches)


def prepared(
    name: str, implementation: Implementation, problem: Problem, slowed: float = 0.0, place: int = 0
) -> PreparedVariant:
    """A variant with its workspace made. slowed: by which share each of its samples is made to last longer."""
    started = time.perf_counter()
    function, last = implementation.start(problem)
    prepared = time.perf_counter() - started
    kernel = implementation.kernel
    loop = sampler(len(kernel.parameters), bool(last), slowed)
    return PreparedVariant(
        name,
        function,
        last,
        problem,
        loop,
        kernel,
        implementation.adapt,
        place % len(problem.batches),
        prepare_s=prepared,
    )


def lap(batches: Sequence[tuple[Any, ...]], place: int, calls: int) -> Sequence[tuple[Any, ...]]:
    """Successive batches of a ring."""
    if place + calls <= len(batches):
        return batches[place : place + calls]
    return list(islice(cycle([*batches[place:], *batches[:place]]), calls))


def renew(problem: Problem, place: int, calls: int) -> None:
    """Give some successive batches of a ring other contents."""
    ring = len(problem.batches)
    calls = min(calls, ring)
    ahead = min(calls, ring - place)
    problem.renew(place, ahead)
    if calls > ahead:
        problem.renew(0, calls - ahead)


def adapted(adapt: Adapt, last: tuple[Any, ...], batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """A batch as an implementation's ``adapt`` gives it."""
    return adapt(last[0] if last else None, *batch)


def batches_for(implementation: Implementation, problem: Problem, last: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """A problem's batches as an implementation takes them, with the workspace that it was given."""
    adapt = implementation.adapt
    return (adapted(adapt, last, batch) if adapt else batch for batch in problem.batches)


def on_same_memory(batch: tuple[Any, ...], given: tuple[Any, ...]) -> bool:
    """Whether an adapted batch has its arrays' own memory, so that it is renewed as they are."""

    def address(part: Any) -> Any:
        return (
            part.data_ptr() if hasattr(part, "data_ptr") else part.ctypes.data if isinstance(part, np.ndarray) else part
        )

    return all(
        address(one) is address(other) or address(one) == address(other)
        for one, other in zip(batch, given, strict=True)
        if isinstance(one, np.ndarray)
    )


def same_values(names: Sequence[str], batch: tuple[Any, ...], given: Any) -> None:
    """Raise Wrong unless an adapted batch holds a batch's values, in their order: a representation may change, nothing else."""
    if type(given) is not tuple or len(given) != len(batch):
        raise Wrong(f"adapt gives no tuple of {len(batch)} arguments")
    for name, original, other in zip(names, batch, given, strict=True):
        if other is original:
            continue
        want = np.asarray(original)
        got = np.asarray(other.detach().cpu() if hasattr(other, "detach") else flat(other))
        if isinstance(other, list):
            want = want.reshape(-1)
            got = got.astype(want.dtype) if got.dtype.kind == "U" or not got.size else got
        if got.shape != want.shape or got.dtype.kind != want.dtype.kind or not np.array_equal(got, want):
            raise Wrong(f"adapt changes its input {name}")


def flat(value: Any) -> Any:
    """The items of nested lists, in order."""
    if not isinstance(value, list):
        return value
    items: list[Any] = []
    for one in value:
        items.extend(flat(one)) if isinstance(one, list) else items.append(one)
    return items
