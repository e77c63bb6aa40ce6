"""What is shown of a calibration: how often comparisons were right, from the trials in its result file."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Calibration, Trial
from .statistics import Interval, share_interval
from .tables import cells, plain

HEADER = ("HEAD is", "threshold", "trials", "called slower", "called faster", "called the same", "inconclusive")
SURE = 0.95
FAILED = ("wrong", "broken", "failed")


def groups(calibration: Calibration) -> dict[tuple[float, float], list[Trial]]:
    """Trials by how much slower HEAD was made and by threshold."""
    found: dict[tuple[float, float], list[Trial]] = {}
    for trial in calibration.trials:
        found.setdefault((trial.injected, trial.threshold), []).append(trial)
    return found


def rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """Cells under HEADER: shares with exact 95 % intervals."""
    return [
        (
            slowed(injected),
            f"{threshold * 100:g} %",
            f"{len(trials):,}",
            *(
                share([trial.verdict == verdict for trial in trials])
                for verdict in ("slower", "faster", "same", "inconclusive")
            ),
        )
        for (injected, threshold), trials in groups(calibration).items()
    ]


def other_header(calibration: Calibration) -> tuple[str, ...]:
    return ("HEAD is", "trials", *names(calibration))


def other_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """How often other tools' rules said "slower" of the same samples."""
    found: dict[float, list[Trial]] = {}
    for (injected, threshold), trials in groups(calibration).items():
        if threshold == calibration.threshold:
            found[injected] = trials
    return [
        (
            slowed(injected),
            f"{len(trials):,}",
            *(share([trial.rules.get(name, False) for trial in trials]) for name in names(calibration)),
        )
        for injected, trials in found.items()
    ]


def names(calibration: Calibration) -> list[str]:
    return list(calibration.trials[0].rules) if calibration.trials else []


def slowed(injected: float) -> str:
    return (
        "the same code"
        if injected == 0
        else f"{injected * 100:.3g} % slower"
        if injected > 0
        else f"{-injected * 100:.3g} % faster"
    )


def share(said: Sequence[bool]) -> str:
    return percent(share_interval(sum(said), len(said)))


def percent(interval: Interval) -> str:
    return f"{interval.estimate:.1%} ({interval.low or 0:.1%}–{interval.high or 0:.1%})"


def smallest(calibration: Calibration) -> float | None:
    """The smallest slowdown from which on at least SURE of the cases would be called slower; None if none that was tried."""
    missed = [slowdown for slowdown, found in calibration.found if found < SURE]
    enough = [slowdown for slowdown, _ in calibration.found if slowdown > max(missed, default=0.0)]
    return min(enough, default=None)


def sentences(calibration: Calibration) -> list[str]:
    """What it comes to."""
    least = smallest(calibration)
    same = [trial for trial in calibration.trials if trial.injected == 0]
    alarms = sum(trial.verdict == "slower" for trial in same)
    false = {trial.comparison for trial in same if trial.verdict in ("slower", "faster")}
    judged = [trial for trial in same if trial.setup != "unknown"]
    changed = sum(trial.setup in ("slower", "faster") for trial in judged)
    said = [
        f"Identical code was called slower in {alarms} of {len(same):,} cases; {len(false)} of {calibration.comparisons} "
        "comparisons called any of it slower or faster."
    ]
    if judged:
        said.append(
            f"Its set-up was called slower or faster in {changed} of {len(judged):,} cases that take long to set up."
        )
    if failed := [trial for trial in calibration.trials if trial.verdict in FAILED]:
        first = failed[0]
        said.append(
            f"It could not be compared, or was called broken or wrong, in {len(failed):,} cases, of which the first is {first.case}: "
            f"{first.verdict}: {first.why}."
        )
    if least is not None:
        said.append(
            f"The smallest slowdown that is found in at least {SURE * 100:.0f} % of cases on this machine, at a threshold of "
            f"{calibration.threshold * 100:g} %: {least * 100:g} % (identical code's processes, moved by that much)."
        )
    return said


def markdown(calibration: Calibration) -> str:
    lines = [
        "# w2vbench calibrate",
        "",
        *map(plain, sentences(calibration)),
        "",
        cells(HEADER),
        cells(["---"] * len(HEADER)),
    ]
    lines += [cells(row) for row in rows(calibration)]
    lines += ["", "In brackets: exact 95 % intervals, as if the cases of a comparison were independent of each other."]
    header = other_header(calibration)
    lines += ["", "What other tools' rules say of two processes' samples, one of each side: called slower", ""]
    lines += [cells(header), cells(["---"] * len(header)), *(cells(row) for row in other_rows(calibration))]
    return "\n".join(lines) + "\n"
