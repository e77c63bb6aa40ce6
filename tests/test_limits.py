"""The machine's limits: how they are measured, and which one binds a case."""

from __future__ import annotations

from typing import Any

import pytest

from bench.engine import limits as measuring
from reports.limits import bound, rate
from reports.results import Extra, Limits

LIMITS = Limits.model_validate(
    {
        "read": [[1e6, 40e9], [1e8, 10e9]],
        "write": [[1e6, 20e9], [1e8, 5e9]],
        "copy": [[1e6, 24e9], [1e8, 6e9]],
        "rows": [[1e6, 10e9], [1e8, 1e9]],
        "matmul": {"f32": 100e9},
    }
)


def extra(V: int, **work: Any) -> Extra:
    size = {"V": V, "H": 100, "B": 8, "K": 0, "dtype": "f32", "index": "i64", "words": "zipf", "threads": 1}
    facts = {"read_bytes": 0, "written_bytes": 0, **work}
    return Extra.model_validate({"kernel": "k", "implementation": "i", "title": "t", "size": size, **facts})


def test_rates_are_interpolated_by_logarithms_and_flat_beyond_the_ends() -> None:
    curve = [(1e6, 40e9), (1e8, 10e9)]
    assert rate(curve, 1e7) == pytest.approx(20e9)
    assert rate(curve, 1e3) == pytest.approx(40e9)
    assert rate(curve, 1e12) == pytest.approx(10e9)
    assert rate(curve[::-1], 1e7) == pytest.approx(20e9)


@pytest.mark.parametrize(
    ("case", "limit", "least_s"),
    [
        # a table of 100 MB is read eight times: each reading goes through all of it
        (extra(250_000, read_bytes=8e8), "read", 8e8 / 10e9),
        (extra(250_000, written_bytes=1e8), "write", 1e8 / 5e9),
        # as much read as written: a copy, of 100 MB to 100 MB
        (extra(125_000, read_bytes=5e7, written_bytes=5e7), "copy", 1e8 / 6e9),
        (extra(250_000, read_bytes=4e6, row_bytes=4e6), "rows", 4e6 / 1e9),
        # the same rows out of a table of 1 MB
        (extra(2_500, read_bytes=4e6, row_bytes=4e6), "rows", 4e6 / 10e9),
        (extra(2_500, read_bytes=1e6, flops=1e9), "matmul", 1e9 / 100e9),
        (extra(2_500, read_bytes=100), "call", 1e-7),
    ],
)
def test_the_limit_with_the_longest_least_time_binds(case: Extra, limit: str, least_s: float) -> None:
    found = bound(case, 2 * least_s, LIMITS, 1e-7)
    assert found is not None
    assert found.limit == limit
    assert found.share == pytest.approx(0.5)


def test_without_limits_nothing_binds() -> None:
    assert bound(extra(1000, read_bytes=1e6), 1e-3, Limits(), None) is None


def test_the_machine_is_measured_at_working_sets_up_to_the_largest_that_matters() -> None:
    found = measuring.measure(3 << 20, 400, ["f32", "f64"])
    for kind in ("read", "write", "copy", "rows"):
        sizes, rates = zip(*found[kind], strict=True)
        assert list(sizes) == [256 << 10, 1 << 20, 3 << 20]
        assert all(1e7 < value < 1e13 for value in rates)
    assert set(found["matmul"]) == {"f32", "f64"}
    assert found["row_bytes"] == 400
    Limits.model_validate(found)


def test_a_table_smaller_than_every_working_set_is_no_trouble() -> None:
    found = measuring.measure(16, 4, ["f32"])
    assert [size for size, _ in found["rows"]] == [256 << 10, 512 << 10]
