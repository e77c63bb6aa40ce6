"""Figures as people read them: three significant digits, the right unit, and no ``1,000 µs``."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import Interval
from reports.units import change, faster, power, scaled, seconds, size_bytes, three, times

PREFIX = {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "k": 1e3, "M": 1e6, "G": 1e9}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1.00"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1234, "1,230"),
        (12_345, "12,300"),
        (1_234_567, "1,230,000"),
        (0.1234, "0.123"),
        (0.01234, "0.0123"),
        (0.000987654, "0.000988"),
        (-12.34, "-12.3"),
        (9.996, "10.0"),
        (99.96, "100"),
        (999.4, "999"),
        (999.6, "1,000"),
        (0.09996, "0.100"),
        (1.5e-9, "1.50e-09"),
        (1e30, "1.00e+30"),
        (5e-324, "4.94e-324"),
        (math.inf, "inf"),
    ],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert three(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (1.0, "1.00 s"),
        (12.34, "12.3 s"),
        (0.00123, "1.23 ms"),
        (1e-6, "1.00 µs"),
        (1e-3, "1.00 ms"),
        (1e-9, "1.00 ns"),
        (2.5e-6, "2.50 µs"),
        (999.4e-6, "999 µs"),
        (999.6e-6, "1.00 ms"),
        (999.6e-9, "1.00 µs"),
        (0.9996, "1.00 s"),
        (5e-11, "0.0500 ns"),
        (-2.5e-6, "-2.50 µs"),
        (-999.6e-6, "-1.00 ms"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_times_come_with_their_unit(value: float | None, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (999.6, "1.00 kB"),
        (1000, "1.00 kB"),
        (40_140, "40.1 kB"),
        (999_600, "1.00 MB"),
        (400e6, "400 MB"),
        (1.5e10, "15.0 GB"),
        (5e13, "50,000 GB"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_memory_is_told_in_powers_of_a_thousand_and_whole_bytes(value: float | None, text: str) -> None:
    assert size_bytes(value) == text


@given(st.floats(1e-9, 1e12, exclude_max=True), st.booleans())
def test_a_printed_figure_is_within_half_a_digit_of_the_true_one(value: float, negative: bool) -> None:
    value = -value if negative else value
    number, unit = seconds(value).split(" ")
    shown = float(number.replace(",", "")) * PREFIX[unit.removesuffix("s")]
    assert shown == pytest.approx(value, rel=0.00501)
    assert len(number.replace(".", "").replace("-", "").replace(",", "").lstrip("0")) >= 3


@given(st.floats(1e-9, 999e9))
def test_no_figure_has_a_number_that_its_unit_makes_too_long(value: float) -> None:
    assert 1 <= float(scaled(value, "s").split(" ")[0].replace(",", "")) < 1000


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Interval(12.34, 11.93, 12.76), "12.3× faster (11.9–12.8)"),
        (Interval(0.3055, 0.28, 0.335), "3.27× slower (2.99–3.57)"),
        (Interval(2030.4, 1550.2, 2660.4), "2,030× faster (1,550–2,660)"),
        (Interval(12.34), "12.3× faster"),
        (None, "–"),
        (Interval(1.08, 1.051, 1.109), "+8.0 % (+5.1 to +10.9 %)"),
        (Interval(0.98, 0.93, 1.03), "-2.0 % (-7.0 to +3.0 %)"),
        (Interval(1.5, 0.9, 2.5), "1.50× faster (1.11× slower to 2.50× faster)"),
        (Interval(0.4, 0.2, 1.0), "2.50× slower (1.00–5.00)"),
        (Interval(3.0, 0.0, 9.0), "3.00× faster (inf× slower to 9.00× faster)"),
    ],
)
def test_a_speed_up_has_its_direction_and_near_one_it_is_a_percentage(ratio: Interval | None, text: str) -> None:
    assert times(ratio) == text


def test_in_a_sentence_a_speed_up_near_one_has_a_word_too() -> None:
    assert faster(Interval(1.08, 1.051, 1.109)) == "8.0 % faster (5.1–10.9 %)"
    assert faster(Interval(0.98, 0.93, 1.03)) == "2.0 % slower (7.5 % slower to 3.0 % faster)"


@given(st.floats(1e-9, 1e9), st.floats(1, 100), st.floats(1, 100))
def test_no_speed_up_is_shown_below_one(estimate: float, below: float, above: float) -> None:
    for text in (times(Interval(estimate, estimate / below, estimate * above)), times(Interval(estimate))):
        assert all(float(number.replace(",", "")) >= 1 for number in re.findall(r"([\d,.]+)×", text))
        if "×" in text.partition(" (")[0]:
            assert ("slower" in text.partition(" (")[0]) == (estimate < 1)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Interval(1.0512, 1.032, 1.07), "+5.1 % (+3.2 to +7.0 %)"),
        (Interval(0.8), "-20.0 %"),
        (Interval(3.0, 2.9, 3.1), "3.00× slower (2.90–3.10)"),
        (Interval(0.25, 0.2, 0.5), "4.00× faster (2.00–5.00)"),
    ],
)
def test_a_change_of_time_has_its_direction(ratio: Interval, text: str) -> None:
    assert change(ratio) == text


@pytest.mark.parametrize(
    ("growth", "text"),
    [
        (Interval(0.984, 0.9, 1.06), "V^0.98 (0.90–1.06)"),
        (Interval(1.0), "V^1.00"),
        (Interval(-0.001, -0.004, 0.002), "V^0.00 (0.00–0.00)"),
        (None, "–"),
    ],
)
def test_growth_is_a_power(growth: Interval | None, text: str) -> None:
    assert power(growth) == text
