"""How variants are timed: one after another, round after round, inside a worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .contract import WRONG
from .protocol import Figures
from .variant import PreparedVariant, Taken
from .verify import Fault, Verifier, fault
from .watch import listening

MORE = 10
"""How many times a variant's time its fewest rounds may take; of a call that is slower still there are fewer."""
COLD = 5
"""How many times as long as a warm call the first one takes at most."""
VARIED = 0.1
"""Share of a sample's calls that are left out at random, so that none is known to be the last."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long samples are, and how many a variant gets.

    sample_s: shortest sample. variant_s: time of a variant's samples in one process. rounds, least_rounds: samples of a
    variant, at most and at least (one spike is outvoted by two others).
    """

    sample_s: float
    variant_s: float
    rounds: int
    least_rounds: int = 3

    def rounds_for(self, sample_s: float) -> int:
        """Rounds of a variant whose samples last so long: what its time allows, but a few where that is not much too long."""
        fitting = self.variant_s / max(sample_s, 1e-9)
        least = min(self.least_rounds, MORE * fitting)
        return int(np.clip(max(fitting, least), 1, self.rounds))


def calibrate(variant: PreparedVariant, timing: Timing, verifier: Verifier) -> None:
    """Warm a variant up, and find how many calls fill a sample and how many rounds fit, unless that is planned.

    The first call in a process may take five times as long as the next one, since it brings memory in. Its result is
    verified. Raises Fault.
    """
    least_ns, most = timing.sample_s * 1e9, variant.most_calls

    def taken(calls: int, wanted: bool = False) -> int:
        wall = sampled(variant, calls, verifier, wanted).wall_ns
        variant.move_on(calls)
        return wall

    def quicker_of(samples: int) -> int:  # of two, since an interrupted one would make all samples too short
        return min(taken(variant.calls) for _ in range(samples))

    variant.calls = min(variant.calls, most)
    warm = taken(1, wanted=True)
    if not variant.rounds:
        once = warm >= max(
            MORE * COLD * timing.variant_s * 1e9, least_ns
        )  # warm calls too leave one round, of one call
        wall = warm if once else quicker_of(2)
        while wall < least_ns and variant.calls < most:
            more = max(
                variant.calls + 1, min(variant.calls * 10, int(variant.calls * 1.2 * least_ns / max(wall, 1)) + 1)
            )
            variant.calls = min(more, most)
            wall = quicker_of(2)
        variant.rounds = timing.rounds_for(wall / 1e9)


def sampled(variant: PreparedVariant, calls: int, verifier: Verifier, wanted: bool) -> Taken:
    """Take a sample, have it verified, and undo what it changed. Raises Fault."""
    listening().on = variant.kernel is not None
    try:
        taken = variant.take(calls)
    except Exception as error:
        raise fault(variant.name, error) from error
    finally:
        listening().on = False
    if heard := listening().told():
        raise Fault(variant.name, WRONG, f"looks at who calls it while it is timed ({heard})")
    verifier.look(taken, wanted)
    variant.problem.reset()
    return taken._replace(result=None)


def take_turns(
    groups: Sequence[Sequence[PreparedVariant]],
    order: np.random.Generator,
    verifiers: Mapping[str, Verifier],
    begins: Callable[[str], None],
) -> dict[str, tuple[Figures, Figures]]:
    """Time all variants round after round: wall and CPU seconds a call, by variant and round.

    Groups come in a new random order each round, and so do the variants of a group, which stay together, have the same
    number of rounds, and are given the same batches. Slow groups sit out evenly spread rounds. One random sample of each
    variant is verified, and more while that is cheap. Raises Fault.

    begins: is told the variant whose sample begins.
    """
    rounds = max((group[0].rounds for group in groups), default=0)
    wall: dict[str, Figures] = {variant.name: [None] * rounds for group in groups for variant in group}
    cpu: dict[str, Figures] = {name: [None] * rounds for name in wall}
    takes_part = [spread(group[0].rounds, rounds) for group in groups]
    wanted = {one.name: order.choice(sorted(takes_part[at])) for at, group in enumerate(groups) for one in group}
    gc.collect()
    gc.disable()
    try:
        for round_ in range(rounds):
            for at in order.permutation(len(groups)):
                if round_ not in takes_part[at]:
                    continue
                left_out = float(order.random()) * VARIED
                most = 1
                for variant in shuffled(groups[at], order):
                    begins(variant.name)
                    calls = varied(variant.calls, left_out)
                    wanted_now = bool(round_ == wanted[variant.name])
                    taken = sampled(variant, calls, verifiers[variant.name], wanted_now)
                    wall[variant.name][round_] = taken.wall_ns / calls / 1e9
                    cpu[variant.name][round_] = taken.cpu_ns / calls / 1e9
                    most = max(most, calls)
                move_on(groups[at], most)
    finally:
        gc.enable()
    return {name: (wall[name], cpu[name]) for name in wall}


def varied(calls: int, left_out: float) -> int:
    """Calls of a sample: fewer by a share, and by none or one where that is less than one."""
    return max(1, calls - round(left_out / VARIED * max(1.0, VARIED * calls)))


def move_on(group: Sequence[PreparedVariant], calls: int) -> None:
    """Variants that were given the same batches go on together."""
    group[0].move_on(calls)
    for variant in group[1:]:
        variant.place = group[0].place


def spread(some: int, rounds: int) -> set[int]:
    """Some of the rounds, evenly spread."""
    return {(2 * i + 1) * rounds // (2 * some) for i in range(some)}


def shuffled(variants: Sequence[PreparedVariant], order: np.random.Generator) -> Iterable[PreparedVariant]:
    return variants if len(variants) == 1 else (variants[at] for at in order.permutation(len(variants)))
