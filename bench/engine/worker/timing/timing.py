"""How variants are timed in a worker: one after another, round after round."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from w2vbench.bench.engine.protocol import Figures, MeasurementSettings, Status
from w2vbench.bench.engine.worker.checking.contract import Fault, fault_of
from w2vbench.bench.engine.worker.checking.verify import Verifier
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, TimedCalls
from w2vbench.bench.engine.worker.variants.watch import introspection

from .places import Mover

OVERTIME = 6
"""The fewest rounds may take this many times a variant's time; slower calls get fewer rounds still."""
COLD = 5
"""The first call takes at most this many times as long as a warm one."""
CALL_VARIATION = 0.1
"""Most of a sample's calls that are left out at random, so that no implementation can know which call is the last."""


def rounds_for(sample_s: float, settings: MeasurementSettings, least_rounds: int) -> int:
    """Return the rounds of a variant whose samples last sample_s: as many as fit, or a few more within OVERTIME."""
    fitting = settings.variant_s / max(sample_s, 1e-9)
    least = min(least_rounds, OVERTIME * fitting)
    return int(np.clip(max(fitting, least), 1, settings.rounds))


def calibrate(
    variant: PreparedVariant, settings: MeasurementSettings, verifier: Verifier, least_rounds: int = 3
) -> None:
    """Warm a variant up, and set how many calls fill a sample and how many rounds fit, unless that is planned.

    The first call in a process may take five times as long as the next, because it touches memory for the first time. Its
    result is verified.

    Parameters
    ----------
    variant, verifier
        What is calibrated, and what verifies its samples.
    settings
        How long samples are, and how many of them a variant may get.
    least_rounds
        Fewest samples. With three, two outvote a spike in the other.

    Raises
    ------
    Fault
        If the variant fails.
    """
    least_ns, most_calls = settings.sample_s * 1e9, variant.most_calls

    def wall_ns(calls: int, required: bool = False) -> int:
        wall = take_sample(variant, calls, verifier, required).wall_ns
        variant.advance(calls)
        return wall

    def faster_of_two() -> int:  # since one that was interrupted would make all samples too short
        return min(wall_ns(variant.calls), wall_ns(variant.calls))

    variant.calls = min(variant.calls, most_calls)
    first = wall_ns(1, required=True)
    if variant.compiles:  # what it calls, perhaps: that is no time of a call
        first = wall_ns(1)
    if not variant.rounds:
        if first >= max(OVERTIME * COLD * settings.variant_s * 1e9, least_ns):
            wall = first  # so slow that even warm calls leave one round of one call
        elif first >= COLD * least_ns:
            wall = min(first, wall_ns(1))  # a warm call fills a sample too
        else:
            wall = faster_of_two()
        while wall < least_ns and variant.calls < most_calls:
            fitting = int(variant.calls * 1.2 * least_ns / max(wall, 1)) + 1
            variant.calls = min(int(np.clip(fitting, variant.calls + 1, 10 * variant.calls)), most_calls)
            wall = faster_of_two()
        variant.rounds = rounds_for(wall / 1e9, settings, least_rounds)


def take_sample(variant: PreparedVariant, calls: int, verifier: Verifier, required: bool) -> TimedCalls:
    """Time some calls, verify them, and undo what they changed.

    required: whether the sample must be verified. Raises Fault if the variant fails.
    """
    introspection().active = variant.kernel is not None
    try:
        sample = variant.time_calls(calls)
    except Exception as error:
        raise fault_of(error) from error
    finally:
        introspection().active = False
    if event := introspection().take_event():
        raise Fault(Status.WRONG, f"looks at who calls it while it is timed ({event})")
    verifier.verify(sample, required)
    variant.problem.reset()
    return sample._replace(result=None)


def take_turns(
    groups: Sequence[Sequence[PreparedVariant]],
    order: np.random.Generator,
    verifiers: Mapping[str, Verifier],
    on_sample: Callable[[str], None],
    on_round: Callable[[], None] = lambda: None,
    *,
    sample_s: float,
    warm: bool = False,
) -> dict[str, tuple[Figures, Figures]]:
    """Time all variants, round after round.

    Each round takes the groups in a new random order, and the variants of each group too. The variants of a group stay
    together, have the same number of rounds, and get the same batches. Slow groups skip evenly spread rounds. One random
    sample of each variant is verified, and more while that is cheap.

    Parameters
    ----------
    groups
        The variants, case by case.
    order
        Chooses the order, the calls of a sample, and the samples that are verified.
    verifiers
        By variant.
    on_sample
        Called with the name of the variant that is timed next.
    on_round
        Called before each round.
    sample_s
        How long samples are: workspaces move in each round if setting them up again is short beside it.
    warm
        Whether each sample follows untimed calls, half as many but at least one, since what runs between rounds leaves its
        own data in the caches. Every group then has one variant: after the untimed calls of one, others would get other
        batches.

    Returns
    -------
    dict
        By variant, wall and CPU seconds a call of each round; None for skipped rounds.

    Raises
    ------
    Fault
        If a variant fails.
    """
    assert not warm or all(len(group) == 1 for group in groups)
    rounds = max((group[0].rounds for group in groups), default=0)
    within, places = order.spawn(2)  # the other draws do not depend on how many variants a group has
    wall: dict[str, Figures] = {variant.name: [None] * rounds for group in groups for variant in group}
    cpu: dict[str, Figures] = {name: [None] * rounds for name in wall}
    rounds_of = [spread_rounds(group[0].rounds, rounds) for group in groups]
    verified = {
        variant.name: within.choice(sorted(rounds_of[at])) for at, group in enumerate(groups) for variant in group
    }
    movers = []
    for group in groups:
        on_sample(group[0].name)
        movers.append(Mover(group, sample_s, places))
    gc.collect()
    gc.disable()
    try:
        for round_ in range(rounds):
            on_round()
            for at in order.permutation(len(groups)):
                if round_ not in rounds_of[at]:
                    continue
                group, mover, left_out = groups[at], movers[at], float(order.random()) * CALL_VARIATION
                first, most_calls = group[0].place, 1
                mover.begin_round()
                for place in within.permutation(len(group)):
                    variant = group[place]
                    on_sample(variant.name)
                    mover.move(variant)
                    calls = vary_calls(variant.calls, left_out)
                    required = bool(round_ == verified[variant.name])
                    untimed = max(1, calls // 2) if warm else int(mover.moves)
                    if untimed:
                        take_sample(variant, untimed, verifiers[variant.name], required=False)
                        variant.advance(untimed, renew=len(group) == 1)
                    sample = take_sample(variant, calls, verifiers[variant.name], required)
                    wall[variant.name][round_] = sample.wall_ns / calls / 1e9
                    cpu[variant.name][round_] = sample.cpu_ns / calls / 1e9
                    most_calls = max(most_calls, untimed + calls)
                group[0].place = first
                group[0].advance(most_calls)
                for variant in group:  # they got the same batches, and get the same next ones
                    variant.place = group[0].place
    finally:
        gc.enable()
    return {name: (wall[name], cpu[name]) for name in wall}


def vary_calls(calls: int, left_out: float) -> int:
    """Return the calls of a sample, fewer by the share left_out; where that is below one call, fewer by one or none."""
    return max(1, calls - round(left_out / CALL_VARIATION * max(1.0, CALL_VARIATION * calls)))


def spread_rounds(number: int, rounds: int) -> set[int]:
    """Choose a number of the rounds, evenly spread."""
    return {(2 * i + 1) * rounds // (2 * number) for i in range(number)}
