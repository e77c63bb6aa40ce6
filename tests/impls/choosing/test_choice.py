"""The choice between measured times: a pure function, whose properties hold for any table."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.choosing.choice import TIE, nearest
from w2vbench.impls.interface.case import Size

from tests.impls.choosing.predicted import choose, predict

SLUGS = ("loop", "add-at", "csr", "numba")
SIZES = st.builds(
    Size,
    st.integers(2, 10**7),
    st.integers(1, 2000),
    st.integers(0, 10**5),
    st.integers(0, 50),
    st.sampled_from(["f32", "f64"]),
)
SECONDS = st.floats(1e-8, 10)
TIMES = st.dictionaries(SIZES, st.dictionaries(st.sampled_from(SLUGS), SECONDS, min_size=1), min_size=1, max_size=12)
GRID = [Size(V, H, B) for V in (1000, 10_000) for H in (50, 200) for B in (1, 100)]


def power_law(size: Size, scale: float, V: float, H: float, B: float) -> float:
    return float(scale * size.V**V * size.H**H * size.B**B)


@given(TIMES, SIZES)
def test_the_choice_was_measured_and_nothing_predicted_is_faster_by_more_than_a_tie(
    times: dict[Size, dict[str, float]], size: Size
) -> None:
    slug = choose(times, SLUGS, size)
    assert slug in {one for here in times.values() for one in here}
    predicted = predict(times, SLUGS, size)
    assert predicted[str(slug)] <= TIE * min(predicted.values()) * (1 + 1e-9)
    simpler = SLUGS[: SLUGS.index(str(slug))]
    assert all(predicted.get(one, math.inf) > TIE * min(predicted.values()) * (1 - 1e-9) for one in simpler)


@given(TIMES, SIZES, st.floats(1e-3, 1e3))
def test_a_machine_that_is_slower_throughout_has_the_same_choice(
    times: dict[Size, dict[str, float]], size: Size, factor: float
) -> None:
    """But for rounding where two are at the edge of a tie."""
    slower = {at: {slug: seconds * factor for slug, seconds in here.items()} for at, here in times.items()}
    one, other = choose(times, SLUGS, size), choose(slower, SLUGS, size)
    predicted = predict(times, SLUGS, size)
    edge = TIE * min(predicted.values())
    assert one == other or any(abs(seconds / edge - 1) < 1e-9 for seconds in predicted.values())


@given(st.sampled_from(GRID), st.dictionaries(st.sampled_from(SLUGS), SECONDS, min_size=1))
def test_a_measured_size_has_its_own_times(size: Size, here: dict[str, float]) -> None:
    times = {other: dict.fromkeys(SLUGS, 1e-3) for other in GRID} | {size: here}
    assert {slug: predict(times, SLUGS, size)[slug] for slug in here} == pytest.approx(here)
    fastest = min(here.values())
    assert choose(times, SLUGS, size) == next(slug for slug in SLUGS if here.get(slug, math.inf) <= TIE * fastest)


@given(
    st.integers(1000, 10_000), st.integers(50, 200), st.integers(1, 100),
    st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1),
)  # fmt: skip
def test_power_laws_are_met_exactly_within_the_grid(V: int, H: int, B: int, a: float, b: float, c: float) -> None:
    times = {size: {"loop": power_law(size, 1e-6, a, b, c)} for size in GRID}
    size = Size(V, H, B)
    assert predict(times, SLUGS, size)["loop"] == pytest.approx(power_law(size, 1e-6, a, b, c), rel=1e-6)


def test_beyond_the_grid_the_edge_counts() -> None:
    times = {size: {"loop": power_law(size, 1e-6, 1, 1, 1)} for size in GRID}
    for size, edge in ((Size(10**6, 100, 10), Size(10_000, 100, 10)), (Size(10, 1, 0), Size(1000, 50, 1))):
        assert predict(times, SLUGS, size) == predict(times, SLUGS, edge)


def test_ties_go_to_the_simplest() -> None:
    size = Size(1000, 10, 10)
    assert choose({size: {"loop": 1.02, "numba": 1.0}}, SLUGS, size) == "loop"
    assert choose({size: {"loop": 1.04, "numba": 1.0}}, SLUGS, size) == "numba"
    assert choose({size: {"loop": 1.02, "numba": 1.0}}, SLUGS[::-1], size) == "numba"


def test_what_was_dropped_counts_as_three_times_the_fastest() -> None:
    low, high = Size(100, 10, 1), Size(100, 10, 10_000)
    times = {low: {"loop": 1.0}, high: {"numba": 1.0, "loop": 20.0}}
    assert predict(times, SLUGS, low) == {"loop": 1.0}
    assert predict(times, SLUGS, Size(100, 10, 100)) == pytest.approx({"loop": math.sqrt(20), "numba": math.sqrt(3)})
    assert "csr" not in predict(times, SLUGS, low)


def test_only_sizes_of_the_same_types_count_if_there_are_any() -> None:
    size = Size(1000, 10, 10)
    times = {size: {"loop": 1.0}, replace(size, dtype="f64"): {"numba": 1.0}, replace(size, threads=4): {"csr": 1.0}}
    assert [choose(times, SLUGS, replace(size, **types)) for types in ({}, {"dtype": "f64"}, {"threads": 4})] == [
        "loop", "numba", "csr",
    ]  # fmt: skip
    assert choose(times, SLUGS, replace(size, index="i32")) in SLUGS


def test_where_the_grid_has_gaps_its_measured_corners_share_the_weight() -> None:
    """A run measures V at one B, and B at one V."""
    cross = {Size(V, 10, 100): {"loop": 1.0 * V} for V in (1000, 10_000)} | {Size(10_000, 10, 1000): {"loop": 8.0}}
    assert 8 < predict(cross, SLUGS, Size(10_000, 10, 300))["loop"] < 10_000
    assert choose(cross, SLUGS, Size(1000, 10, 1000)) == "loop"


def test_the_nearest_counts_vocabularies_twice() -> None:
    places = [(1000, 10, 100, 1), (10_000, 10, 10, 1)]
    assert nearest(places, (1000, 10, 1, 1)) == places[0]
    assert nearest(places, (20_000, 10, 1000, 1)) == places[1]


def test_nothing_measured_gives_nothing() -> None:
    assert choose({}, SLUGS, Size(10)) is None
    assert choose({Size(10): {"loop": 1.0}}, ("numba",), Size(10)) is None
