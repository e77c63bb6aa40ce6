"""How lanes are timed: one after another, round after round, inside a worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from bench.engine.contract import WRONG

from .lane import Lane, Taken
from .verify import Failed, Verifier, failure
from .watch import listening

LEAST_ROUNDS = 3
"""So many that one spike is outvoted."""
MORE = 10
"""How many times a lane's time so few rounds may take; of a call that is slower still there are fewer."""
COLD = 5
"""How many times as long as a warm call the first one takes at most: where that is more than a lane's time, one round is all it gets."""
VARIED = 0.1
"""Share of a sample's calls that are left out at random, so that none is known to be the last."""

Emit = Callable[..., None]


def calibrate(lane: Lane, spec: dict[str, Any], verifier: Verifier) -> None:
    """Warm a lane up, and find how many calls fill a sample and how many rounds fit into its time, unless that is planned.

    The first call of a launch may take five times as long as the next one, since it brings memory in; its result is
    verified. Raises Failed.
    """
    least_ns, most = spec["sample_s"] * 1e9, lane.most_calls

    def taken(calls: int, wanted: bool = False) -> int:
        wall = sampled(lane, calls, verifier, wanted).wall_ns
        lane.move_on(calls)
        return wall

    def quicker_of(samples: int) -> int:  # of two, since an interrupted one would make all samples too short
        return min(taken(lane.calls) for _ in range(samples))

    lane.calls = min(lane.calls, most)
    warm = taken(1, wanted=True)
    if not lane.rounds:
        once = warm >= max(MORE * COLD * spec["lane_s"] * 1e9, least_ns)
        wall = warm if once else quicker_of(2)
        while wall < least_ns and lane.calls < most:
            more = max(lane.calls + 1, min(lane.calls * 10, int(lane.calls * 1.2 * least_ns / max(wall, 1)) + 1))
            lane.calls = min(more, most)
            wall = quicker_of(2)
        lane.rounds = rounds_for(wall / 1e9, spec)


def sampled(lane: Lane, calls: int, verifier: Verifier, wanted: bool) -> Taken:
    """Take a sample of a lane, have it verified, and undo what it changed. Raises Failed."""
    listening().on = lane.kernel is not None
    try:
        taken = lane.take(calls)
    except Exception as error:
        raise failure(lane.name, error) from error
    finally:
        listening().on = False
    if heard := listening().told():
        raise Failed(lane.name, WRONG, f"looks at who calls it while it is timed ({heard})")
    verifier.look(taken, wanted)
    lane.problem.reset()
    return taken._replace(result=None)


def rounds_for(sample_s: float, spec: dict[str, Any]) -> int:
    """Rounds that a lane gets: what its time allows, but a few where that is not much too long."""
    fitting = spec["lane_s"] / max(sample_s, 1e-9)
    least = min(spec.get("least_rounds", LEAST_ROUNDS), MORE * fitting)
    return int(np.clip(max(fitting, least), 1, spec["rounds"]))


Figures = list[float | None]


def race(
    groups: Sequence[Sequence[Lane]],
    order: np.random.Generator,
    verifiers: dict[str, Verifier],
    emit: Emit,
) -> dict[str, tuple[Figures, Figures]]:
    """Time all lanes round after round: wall and CPU seconds a call of each round, by lane. Raises Failed.

    Groups come in a new random order each round, and so do the lanes of a group, which stay together, have the same
    number of rounds, and are given the same batches. Slow groups sit out evenly spread rounds. Of each lane one sample
    at random is verified, and more while that is cheap.
    """
    rounds = max((group[0].rounds for group in groups), default=0)
    wall: dict[str, Figures] = {lane.name: [None] * rounds for group in groups for lane in group}
    cpu: dict[str, Figures] = {name: [None] * rounds for name in wall}
    takes_part = [spread(group[0].rounds, rounds) for group in groups]
    wanted = {lane.name: order.choice(sorted(takes_part[at])) for at, group in enumerate(groups) for lane in group}
    gc.collect()
    gc.disable()
    try:
        for round_ in range(rounds):
            for at in order.permutation(len(groups)):
                if round_ not in takes_part[at]:
                    continue
                left_out = float(order.random()) * VARIED
                most = 1
                for lane in shuffled(groups[at], order):
                    emit("stage", name="race", lane=lane.name)
                    calls = varied(lane.calls, left_out)
                    taken = sampled(lane, calls, verifiers[lane.name], bool(round_ == wanted[lane.name]))
                    wall[lane.name][round_] = taken.wall_ns / calls / 1e9
                    cpu[lane.name][round_] = taken.cpu_ns / calls / 1e9
                    most = max(most, calls)
                move_on(groups[at], most)
    finally:
        gc.enable()
    return {name: (wall[name], cpu[name]) for name in wall}


def varied(calls: int, left_out: float) -> int:
    """Calls of a sample: fewer by a share, and by none or one where that is less than one."""
    return max(1, calls - round(left_out / VARIED * max(1.0, VARIED * calls)))


def move_on(group: Sequence[Lane], calls: int) -> None:
    """Lanes that were given the same batches go on together."""
    group[0].move_on(calls)
    for lane in group[1:]:
        lane.place = group[0].place


def spread(some: int, rounds: int) -> set[int]:
    """Some of the rounds, evenly spread."""
    return {(2 * i + 1) * rounds // (2 * some) for i in range(some)}


def shuffled(lanes: Sequence[Lane], order: np.random.Generator) -> Iterable[Lane]:
    return lanes if len(lanes) == 1 else (lanes[at] for at in order.permutation(len(lanes)))
