"""Lanes, and how they are timed: one after another, round after round, inside a worker."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from bench.check import ERROR, OUT_OF_MEMORY, describe
from impls.interface import Implementation, Problem

SLOW_S = 0.05
"""Of a call that takes longer, a launch has as many rounds as fit into its time; of a faster one at least LEAST_ROUNDS."""
LEAST_ROUNDS = 3
ONCE_S = 0.5
"""A call that takes longer is not made again to find out how long it takes when warm."""

Emit = Callable[..., None]
Sampler = Callable[[Callable[..., Any], Iterator[tuple[Any, ...]], tuple[Any, ...]], tuple[int, int]]


@dataclass
class Lane:
    """An implementation in the race: its function, its workspace if it has one (a call's last argument), its place in the
    ring, and how often it is called a sample."""

    name: str
    function: Callable[..., Any]
    last: tuple[Any, ...]
    ring: Iterator[tuple[Any, ...]]
    sample: Sampler
    calls: int = 1
    rounds: int = 0
    prepare_s: float = 0.0

    def take(self, calls: int) -> tuple[int, int]:
        """Wall and CPU time of some calls, in nanoseconds."""
        return self.sample(self.function, islice(self.ring, calls), self.last)


def lane_of(name: str, implementation: Implementation, problem: Problem, slowed: float = 0.0) -> Lane:
    """A lane with its workspace made. slowed: by which share each of its samples is made to last longer."""
    started = time.perf_counter()
    function, last = implementation.start(problem)
    prepared = time.perf_counter() - started
    timed = sampler(len(implementation.kernel.parameters), bool(last), slowed)
    return Lane(name, function, last, cycle(problem.batches), timed, prepare_s=prepared)


def sampler(arity: int, workspace: bool, slowed: float = 0.0) -> Sampler:
    """A timing loop written out for a number of arguments, so that nothing stands between the clock and the function.

    It gives wall and CPU time (of all threads of the process) in nanoseconds. slowed: it then spins until this share
    more has passed, which is a slowdown known exactly.
    """
    names = [f"a{i}" for i in range(arity)]
    unpacked = f"({', '.join(names)},)" if names else "_"
    passed = ", ".join([*names, *(["workspace"] if workspace else [])])
    source = f"""
def sample(function, batches, last):
    {"(workspace,) = last" if workspace else ""}
    cpu = cpu_clock()
    start = clock()
    for {unpacked} in batches:
        function({passed})
    end = clock()
"""
    if slowed:
        source += f"""
    end += (end - start) * {slowed!r}
    while clock() < end:
        pass
    end = clock()
"""
    source += "    return end - start, cpu_clock() - cpu\n"
    scope: dict[str, Any] = {"clock": time.perf_counter_ns, "cpu_clock": time.process_time_ns}
    exec(compile(source, "<timing loop>", "exec"), scope)
    return scope["sample"]  # type: ignore[no-any-return]


def calibrate(lane: Lane, problem: Problem, spec: dict[str, Any]) -> None:
    """Warm a lane up, and find how many calls fill a sample and how many rounds fit into its time, unless that is planned.

    The first call of a launch may take five times as long as the next one, since it brings memory in.
    """
    least_ns = spec["sample_s"] * 1e9

    def quicker_of(samples: int) -> int:  # of two, since an interrupted one would make all samples too short
        return min(lane.take(lane.calls)[0] for _ in range(samples))

    warm = quicker_of(1) if not lane.rounds else lane.take(1)[0]
    if not lane.rounds:
        wall = warm if warm >= ONCE_S * 1e9 else quicker_of(2)
        while wall < least_ns and lane.calls < 1 << 20:
            lane.calls = max(lane.calls + 1, min(lane.calls * 10, int(lane.calls * 1.2 * least_ns / max(wall, 1)) + 1))
            wall = quicker_of(2)
        lane.rounds = rounds_for(wall / 1e9, spec)
    problem.reset()


def rounds_for(sample_s: float, spec: dict[str, Any]) -> int:
    """Rounds that a lane gets: what its time allows, but a few if a sample takes less than SLOW_S, so that one spike is outvoted."""
    least = spec.get("least_rounds", LEAST_ROUNDS) if sample_s < SLOW_S else 1
    return int(np.clip(spec["lane_s"] / max(sample_s, 1e-9), min(least, spec["rounds"]), spec["rounds"]))


class Failed(Exception):
    """A lane that cannot go on: its name, status and reason."""

    def __init__(self, lane: str, status: str, reason: str) -> None:
        super().__init__(lane)
        self.lane, self.status, self.reason = lane, status, reason


Figures = list[float | None]


def race(
    groups: Sequence[Sequence[Lane]], reset: Callable[[], None], order: np.random.Generator, emit: Emit
) -> dict[str, tuple[Figures, Figures]]:
    """Time all lanes round after round: wall and CPU seconds a call of each round, by lane. Raises Failed.

    Groups come in a new random order each round, and so do the lanes of a group, which stay together and have the same
    number of rounds. Slow groups sit out evenly spread rounds.
    """
    rounds = max((group[0].rounds for group in groups), default=0)
    wall: dict[str, Figures] = {lane.name: [None] * rounds for group in groups for lane in group}
    cpu: dict[str, Figures] = {name: [None] * rounds for name in wall}
    takes_part = [spread(group[0].rounds, rounds) for group in groups]
    gc.collect()
    gc.disable()
    for round_ in range(rounds):
        for at in order.permutation(len(groups)):
            if round_ not in takes_part[at]:
                continue
            for lane in shuffled(groups[at], order):
                emit("stage", name="race", lane=lane.name)
                try:
                    wall_ns, cpu_ns = lane.take(lane.calls)
                except Exception as error:
                    status = OUT_OF_MEMORY if isinstance(error, MemoryError) else ERROR
                    raise Failed(lane.name, status, describe(error)) from error
                reset()
                wall[lane.name][round_] = wall_ns / lane.calls / 1e9
                cpu[lane.name][round_] = cpu_ns / lane.calls / 1e9
    gc.enable()
    return {name: (wall[name], cpu[name]) for name in wall}


def spread(some: int, rounds: int) -> set[int]:
    """Some of the rounds, evenly spread."""
    return {(2 * i + 1) * rounds // (2 * some) for i in range(some)}


def shuffled(lanes: Sequence[Lane], order: np.random.Generator) -> Iterable[Lane]:
    return lanes if len(lanes) == 1 else (lanes[at] for at in order.permutation(len(lanes)))
