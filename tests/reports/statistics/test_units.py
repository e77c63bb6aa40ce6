"""Figures as people read them: three significant digits, the right unit, and no ``1,000 µs``."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.run import case_table
from w2vbench.reports.statistics import units
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import seconds, times

from tests import golden_files

PREFIX = {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "k": 1e3, "M": 1e6, "G": 1e9}


def test_figures_read_as_they_were_checked_by_eye() -> None:
    golden_files.check_calls("units.txt", vars(math) | vars(units) | {"ratio_text": case_table.ratio_text})


@given(st.floats(1e-9, 999e9), st.sampled_from([1, -1]))
def test_a_printed_time_is_within_half_a_digit_of_the_true_one_and_its_unit_does_not_make_it_too_long(
    value: float, sign: int
) -> None:
    number, unit = seconds(sign * value).split(" ")
    shown = float(number.replace(",", ""))
    assert shown * PREFIX[unit.removesuffix("s")] == pytest.approx(sign * value, rel=0.00501)
    assert 1 <= abs(shown) < 1000
    assert len(re.sub(r"[-.,]", "", number)) == 3


@given(st.floats(1e-9, 1e9), st.floats(1, 100), st.floats(1, 100))
def test_no_speed_up_is_shown_below_one(estimate: float, below: float, above: float) -> None:
    for text in (times(Interval(estimate, estimate / below, estimate * above)), times(Interval(estimate))):
        assert all(float(number.replace(",", "")) >= 1 for number in re.findall(r"([\d,.]+)×", text))
        if "×" in text.partition(" (")[0]:
            assert ("slower" in text.partition(" (")[0]) == (estimate < 1)
