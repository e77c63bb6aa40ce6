"""A calibration for people: how often comparisons were right, from the trials in its result file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from w2vbench.reports.drawing.markdown import document, markdown_table, plain
from w2vbench.reports.file.schema.calibration import Calibration, Trial
from w2vbench.reports.statistics.units import counted, share_of

HEADER = (
    *("HEAD is", "threshold", "trials", "called slower", "called faster", "called the same", "inconclusive"),
    "processes",
)
POWER = 0.95
"""Share of slowdowns that must be found for a slowdown to count as detectable."""
FAILED = ("wrong", "broken", "failed")


def groups(calibration: Calibration) -> dict[tuple[float, float], list[Trial]]:
    """Return the trials by how much slower HEAD was made, and by threshold."""
    trials: dict[tuple[float, float], list[Trial]] = {}
    for trial in calibration.trials:
        trials.setdefault((trial.injected, trial.threshold), []).append(trial)
    return trials


def rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """Return cells under HEADER: shares with exact 95 % intervals."""
    return [
        (
            slowdown_text(injected),
            f"{threshold * 100:g} %",
            f"{len(trials):,}",
            *(
                share_of([trial.verdict == verdict for trial in trials])
                for verdict in ("slower", "faster", "same", "inconclusive")
            ),
            mean_processes(trials),
        )
        for (injected, threshold), trials in groups(calibration).items()
    ]


def mean_processes(trials: Sequence[Trial]) -> str:
    """Return how many processes a verdict stands on, on average; a dash if it is not known."""
    known = [trial.processes for trial in trials if trial.processes]
    return f"{np.mean(known):.1f}" if known else "–"


def other_header(calibration: Calibration) -> tuple[str, ...]:
    return ("HEAD is", "trials", *rule_names(calibration))


def other_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """Return how often the rules of other tools call the same samples slower."""
    return [
        (
            slowdown_text(injected),
            f"{len(trials):,}",
            *(share_of([trial.rules.get(name, False) for trial in trials]) for name in rule_names(calibration)),
        )
        for (injected, threshold), trials in groups(calibration).items()
        if threshold == calibration.threshold
    ]


def rule_names(calibration: Calibration) -> list[str]:
    return list(calibration.trials[0].rules) if calibration.trials else []


def slowdown_text(injected: float) -> str:
    """Return what was done to HEAD: ``2 % slower``."""
    if injected == 0:
        return "the same code"
    return f"{abs(injected) * 100:.3g} % {'slower' if injected > 0 else 'faster'}"


def smallest(calibration: Calibration) -> float | None:
    """Return the smallest slowdown from which up at least POWER of the cases are called slower; None if there is none."""
    missed = [slowdown for slowdown, found in calibration.found if found < POWER]
    enough = [slowdown for slowdown, _ in calibration.found if slowdown > max(missed, default=0.0)]
    return min(enough, default=None)


def spreads(calibration: Calibration) -> list[float] | None:
    """Return the standard deviation over processes of each case's log-ratio of identical code; None if it was not kept."""
    found = [float(np.std(one.median.ratios, ddof=1)) for batch in calibration.identical for one in batch]
    return found or None


def sentences(calibration: Calibration) -> list[str]:
    """Return false alarms and the smallest detectable slowdown, in sentences."""
    same = [trial for trial in calibration.trials if trial.injected == 0]
    slower = sum(trial.verdict == "slower" for trial in same)
    alarms = {trial.comparison for trial in same if trial.verdict in ("slower", "faster")}
    with_setup = [trial for trial in same if trial.setup != "unknown"]
    setup_changes = sum(trial.setup in ("slower", "faster") for trial in with_setup)
    mode = ["Each side had a process of its own, as in compare --packages."] if calibration.apart else []
    texts = [
        *mode,
        f"Identical code was called slower in {slower} of {len(same):,} cases. {len(alarms)} of {calibration.comparisons} "
        "comparisons called some of it slower or faster.",
    ]
    if with_setup:
        texts.append(
            f"Its set-up was called slower or faster in {setup_changes} of {len(with_setup):,} cases whose set-up is compared."
        )
    if failed := [trial for trial in calibration.trials if trial.verdict in FAILED]:
        first = failed[0]
        texts.append(
            f"{counted(len(failed), 'case')} could not be compared, or {'was' if len(failed) == 1 else 'were'} called broken or wrong. "
            f"The first is {first.case}: {first.verdict}{': ' * bool(first.why)}{first.why}."
        )
    if (spread := spreads(calibration)) is not None:
        texts.append(
            f"Ratios of identical code differed from process to process by {np.median(spread) * 100:.1f} % (median over cases of "
            f"the standard deviation), and by {max(spread) * 100:.1f} % in the worst case."
        )
    least = smallest(calibration)
    if least is not None:
        texts.append(
            f"The smallest slowdown found in at least {POWER * 100:.0f} % of cases on this machine, at a threshold of "
            f"{calibration.threshold * 100:g} %, is {least * 100:g} %. It was computed by slowing the measured times of identical code."
        )
    return texts


def markdown(calibration: Calibration) -> str:
    """Return the whole calibration as Markdown."""
    return document(
        ["# w2vbench calibrate"],
        [plain(sentence) for sentence in sentences(calibration)],
        markdown_table(HEADER, rows(calibration)),
        ["In brackets: exact 95 % intervals. They treat the cases of a comparison as independent."],
        ["How often the rules of other tools call HEAD slower, from the samples of one process of each side:"],
        markdown_table(other_header(calibration), other_rows(calibration)),
    )
