"""Figures as people read them: three significant digits, the right unit, and no ``1,000 µs``."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import Interval
from reports.units import count, power, scaled, seconds, size_bytes, three, times

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


def test_a_ratio_shows_its_interval_if_it_has_one() -> None:
    assert times(Interval(12.34, 11.93, 12.76)) == "12.3× (11.9–12.8)"
    assert times(Interval(0.3055, 0.28, 0.335)) == "0.305× (0.280–0.335)"
    assert times(Interval(2030.4, 1550.2, 2660.4)) == "2,030× (1,550–2,660)"
    assert times(Interval(12.34)) == "12.3×"
    assert times(None) == "–"


def test_growth_shows_its_interval_if_it_has_one() -> None:
    assert power(Interval(0.984, 0.9, 1.06)) == "V^0.98 (0.90–1.06)"
    assert power(Interval(1.0), "B") == "B^1.00"
    assert power(None) == "–"


def test_a_flat_implementation_does_not_grow_as_minus_nothing() -> None:
    assert power(Interval(-0.001, -0.004, 0.002)) == "V^0.00 (0.00–0.00)"


def test_counts_have_their_thousands_apart() -> None:
    assert count(25_391) == "25,391"
