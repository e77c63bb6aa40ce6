"""What is shown of a calibration: shares with exact intervals, the smallest slowdown found, and its Markdown."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.compare.calibration import POWER, markdown, sentences, smallest
from w2vbench.reports.file.schema.calibration import Calibration, Trial

from tests import golden_files

VERDICTS = ("slower", "faster", "same", "inconclusive", "broken")


def trials(
    injected: float,
    threshold: float = 0.02,
    *,
    rules: dict[str, bool] | None = None,
    comparison: int = 0,
    setup: str = "unknown",
    processes: int = 0,
    **counts: int,
) -> list[Trial]:
    """So many trials with each verdict."""
    every = {
        "injected": injected,
        "threshold": threshold,
        "rules": rules or {},
        "comparison": comparison,
        "setup": setup,
        "processes": processes,
    }
    return [
        Trial.model_validate({"case": f"c{n}", "verdict": verdict, **every})
        for verdict in VERDICTS
        for n in range(counts.get(verdict, 0))
    ]


def calibrated(*found: list[Trial], **fields: Any) -> Calibration:
    return Calibration.model_validate(
        {"threshold": 0.02, "comparisons": 3, **fields, "trials": [trial for some in found for trial in some]}
    )


def whole() -> Calibration:
    """A calibration with all kinds of trials, of which every share can be worked out in one's head."""
    yes, no = {"min + 2.5 %": True, "t-test": True}, {"min + 2.5 %": False, "t-test": True}
    return calibrated(
        trials(0.0, same=40, rules=no, processes=5),
        trials(0.0, inconclusive=5, rules=no, processes=27),
        trials(0.0, slower=1, same=4, rules=yes),
        trials(0.02, slower=25, inconclusive=25, rules=no),
        trials(0.1, slower=50, rules=yes),
        trials(0.02, 0.005, slower=45, same=5, rules=yes),
        trials(1 / 1.05 - 1, faster=48, same=2, rules=no),
        found=[(0.01, 0.0), (0.02, 0.5), (0.05, 0.95), (0.1, 1.0)],
        seconds=721.0,
    )


MIN = {"min": True}
SHOWN = {
    "all kinds of trials": whole(),
    "many trials": calibrated(trials(0.0, same=1_234), trials(0.025, slower=1), trials(1.5, slower=1)),
    "no trials": calibrated(comparisons=0),
    "a rule that did not answer everywhere": calibrated(
        trials(0.0, same=1, rules=MIN | {"t-test": True}), trials(0.0, same=1, rules=MIN)
    ),
    "no rule of the first trial": calibrated(trials(0.0, same=1), trials(0.0, same=1, rules=MIN)),
}
SAID = {
    "no false verdict": calibrated(trials(0.0, same=9, inconclusive=2)),
    "a comparison with two false verdicts": calibrated(trials(0.0, faster=2, same=1, comparison=1)),
    "and with four": calibrated(trials(0.0, slower=3, faster=1, comparison=1), trials(0.0, same=4)),
    "one false verdict in each comparison": calibrated(*(trials(0.0, slower=1, comparison=n) for n in range(3))),
    "slowed code alone": calibrated(*(trials(0.02, slower=1, comparison=n) for n in range(3))),
    "no slowdown that is found": calibrated(trials(0.0, same=3), found=[(0.1, 0.5)]),
    "cases called broken": calibrated(trials(0.0, same=8), trials(0.0, broken=2)),
    "set-up called slower": calibrated(trials(0.0, same=9, setup="same"), trials(0.0, same=1, setup="slower")),
}


def test_what_is_shown_reads_as_it_was_checked_by_eye() -> None:
    """A trial without a rule's answer counts as not called by it, and a comparison once, however many verdicts are false."""
    shown = [f"<!-- {name} -->\n\n{markdown(made)}" for name, made in SHOWN.items()]
    said = ["".join(f"{line}\n" for line in (f"<!-- {name} -->\n", *sentences(made))) for name, made in SAID.items()]
    golden_files.check("calibration.md", "\n".join([*shown, *said]))


shares = st.floats(0, 1) | st.sampled_from([POWER - 0.001, POWER, 1.0])


@given(st.lists(st.tuples(st.floats(0.001, 1), shares), unique_by=lambda one: one[0]))
def test_the_smallest_slowdown_is_one_from_which_on_all_are_found(found: list[tuple[float, float]]) -> None:
    good = [s for s, _ in found if all(share >= POWER for other, share in found if other >= s)]
    assert smallest(calibrated(found=found)) == min(good, default=None)
