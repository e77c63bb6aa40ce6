"""Which machines' figures are in doubt."""

from __future__ import annotations

import pytest
from w2vbench.reports.findings.steadiness import MOST_DIFFERENCE, SLOWER, Checked, doubt

QUIET = [0.004, 0.006, 0.005]


@pytest.mark.parametrize(
    ("difference", "pace_s", "paces", "differences", "says"),
    [
        (0.005, 1e-5, [1e-5, 1.1e-5], QUIET, ""),
        (0.005, 2e-5, [1e-5, 1.1e-5, 0.9e-5], QUIET, "takes 2.0 times as long as others of its kind"),
        (0.005, 1.3e-5, [1e-5, 1e-5], QUIET, ""),
        (0.04, 1e-5, [1e-5], QUIET, ""),
        (0.12, 1e-5, [1e-5], QUIET, "times identical code 12 % apart (0.50 % elsewhere)"),
        (0.12, 1e-5, [1e-5], [0.05, 0.06], ""),  # they are all like that
        (0.12, 1e-5, [], [], "times identical code 12 % apart"),
        (0.005, 1.0, [], [], ""),
        (MOST_DIFFERENCE, SLOWER, [1.0], QUIET, ""),  # the limits are allowed
        (
            0.12,
            2.0,
            [1.0],
            [],
            "takes 2.0 times as long as others of its kind and times identical code 12 % apart",
        ),
    ],
)
def test_doubt(difference: float, pace_s: float, paces: list[float], differences: list[float], says: str) -> None:
    assert doubt([Checked(difference, pace_s)], paces, differences) == says


def test_one_bad_check_of_two_is_enough() -> None:
    good, bad = Checked(0.005, 1e-5), Checked(0.005, 3e-5)
    assert doubt([good, bad], [1e-5], QUIET) == doubt([bad, good], [1e-5], QUIET) != ""
    assert doubt([], [1e-5], QUIET) == ""
