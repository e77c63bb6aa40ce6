"""Roofline limits: how the machine's are measured, what must be moved for each kernel, and which limit a case has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.engine import limits as measuring
from bench.engine import machine
from bench.engine.variant import PreparedVariant
from impls import catalogue
from impls.case import Size
from impls.texts import builtin
from impls.words import Corpus
from reports.limits import ARITHMETIC, CACHE, CALL, INTERPRETER, MEMORY, RooflineLimit, exceeded, rate, roofline_limit
from reports.result_schema import Limits, ResultFile
from reports.statistics import Interval
from tests import saved

BANDWIDTH = {
    "read": [[1e6, 40e9], [1e8, 10e9]],
    "write": [[1e6, 20e9], [1e8, 5e9]],
    "copy": [[1e6, 24e9], [1e8, 6e9]],
    "matmul": {"f32": 100e9},
}
GROUP = "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1"


def processes(*walls: float) -> list[dict[str, Any]]:
    """Three processes of six rounds for each figure given, or one process a figure."""
    each = walls * 3 if len(walls) == 1 else walls
    return [{"wall_s": [wall] * 6, "cpu_s": [wall] * 6} for wall in each]


def bound_of(wall_s: float, floors: dict[str, list[dict[str, Any]]], **extra: Any) -> RooflineLimit | None:
    """The limit of a case that takes so long, beside what moving and calling take."""
    result = saved.result(saved.row("mine", wall_s, **extra), limits=BANDWIDTH, limit_samples={GROUP: floors})
    return roofline_limit(result.benchmarks[0], result.w2vbench, Interval(wall_s, wall_s / 1.1, wall_s * 1.1))


def test_rates_are_interpolated_by_logarithms_and_flat_beyond_the_ends() -> None:
    curve = [(1e6, 40e9), (1e8, 10e9)]
    assert rate(curve, 1e7) == pytest.approx(20e9)
    assert rate(curve, 1e3) == pytest.approx(40e9)
    assert rate(curve, 1e12) == pytest.approx(10e9)
    assert rate(curve[::-1], 1e7) == pytest.approx(20e9)


@pytest.mark.parametrize(
    ("wall_s", "floors", "name", "share"),
    [
        (1e-5, {"rows": 9e-6, "rows.ahead": 5e-6, "call": 1e-7}, MEMORY, 0.5),
        (1e-5, {"rows": 1e-6, "table": 8e-6, "table.compiled": 7e-6}, MEMORY, 0.7),
        (1e-6, {"rows": 1e-7, "call": 8e-7}, CALL, 0.8),
    ],
)
def test_of_ways_to_move_the_same_the_fastest_counts_and_of_what_must_be_moved_the_slowest(
    wall_s: float, floors: dict[str, float], name: str, share: float
) -> None:
    found = bound_of(wall_s, {slug: processes(wall) for slug, wall in floors.items()})
    assert found is not None
    assert found.name == name
    assert found.share.estimate == pytest.approx(share)


@pytest.mark.parametrize(("moved", "name"), [(3e4, MEMORY), (3e5, CACHE)])
def test_what_comes_faster_than_from_memory_comes_from_a_cache(moved: float, name: str) -> None:
    """Memory copies 6 GB a second: in 5 µs 30 kB."""
    found = bound_of(1e-5, {"rows": processes(5e-6)}, least_read_bytes=moved / 2, least_written_bytes=moved / 2)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("work", "limit", "least_s"),
    [
        # a table of 100 MB is read eight times: each reading goes through all of it
        ({"V": 250_000, "read_bytes": 8e8}, MEMORY, 8e8 / 10e9),
        ({"V": 250_000, "written_bytes": 1e8}, MEMORY, 1e8 / 5e9),
        # as much read as written: a copy, of 50 MB to 50 MB
        ({"V": 125_000, "read_bytes": 5e7, "written_bytes": 5e7}, MEMORY, 1e8 / 6e9),
        ({"V": 2_500, "read_bytes": 8e6}, CACHE, 8e6 / 40e9),
        ({"V": 2_500, "flops": 1e9}, ARITHMETIC, 1e9 / 100e9),
    ],
)
def test_what_moves_more_than_it_must_is_set_against_the_machines_bandwidth(
    work: dict[str, Any], limit: str, least_s: float
) -> None:
    found = bound_of(2 * least_s, {}, moves_more=True, **{"read_bytes": 0, "written_bytes": 0, **work})
    assert found is not None
    assert found.name == limit
    share = found.share
    assert [share.low, share.estimate, share.high] == pytest.approx([0.5 / 1.1, 0.5, 0.5 * 1.1])


def test_bytes_of_a_case_that_moves_what_it_must_are_not_set_against_any_bandwidth() -> None:
    assert bound_of(1e-5, {}, V=250_000, read_bytes=8e8, written_bytes=0) is None


def test_a_share_that_says_nothing_is_not_said_but_for_a_loop_of_pythons() -> None:
    floors = {"rows": processes(1e-7)}
    assert bound_of(1e-5, floors) is None
    found = bound_of(1e-5, floors, loops=True)
    assert found is not None
    assert found.name == INTERPRETER
    assert bound_of(1e-5, floors, loops=True, moves_more=True, read_bytes=1, written_bytes=1) is None
    assert bound_of(1e-6, floors, loops=True).name == MEMORY  # type: ignore[union-attr]


def test_a_limit_is_passed_only_beyond_noise() -> None:
    assert not exceeded(Interval(1.02, 1.01, 1.03))
    assert not exceeded(Interval(1.2, 0.9, 1.5))
    assert not exceeded(Interval(1.2))
    assert exceeded(Interval(1.2, 1.1, 1.3))


def note(*walls: float) -> str:
    """The note under the table of a case whose processes take so long, where moving what must be moved takes 1 µs in each."""
    from reports.frame import frame
    from reports.tables import tables

    row = saved.row("mine", [[wall] * 6 for wall in walls], baseline=True)
    floors = {GROUP: {"rows": processes(*[1e-6] * len(walls))}}
    result: ResultFile = saved.result(row, limit_samples=floors)
    (table,) = tables(frame(result), result)
    return table.note


def test_what_is_above_100_percent_is_listed_with_its_interval_and_never_cut_off() -> None:
    assert "Above 100 % of the roofline limit: mine 102% (" in note(0.97e-6, 0.99e-6, 0.98e-6)
    assert "The limit does not apply to mine" not in note(0.7e-6, 1.1e-6, 0.9e-6)
    assert "mine 125%" in note(0.80e-6, 0.79e-6, 0.81e-6)
    assert "The limit does not apply to mine" in note(0.80e-6, 0.79e-6, 0.81e-6)
    assert "Above" not in note(1.5e-6, 1.4e-6, 1.6e-6)


def test_a_file_without_any_figures_of_limits_has_none() -> None:
    result = saved.result(saved.row("mine", 1e-5))
    assert roofline_limit(result.benchmarks[0], result.w2vbench, Interval(1e-5)) is None


# how they are measured


def test_the_machine_is_measured_at_working_sets_up_to_the_largest_that_matters() -> None:
    found = machine.measure(3 << 20, ["f32", "f64"])
    for kind in ("read", "write", "copy"):
        sizes, rates = zip(*found[kind], strict=True)
        assert list(sizes) == [256 << 10, 1 << 20, 3 << 20]
        assert all(1e7 < value < 1e13 for value in rates)
    assert set(found["matmul"]) == {"f32", "f64"}
    Limits.model_validate(found)


def test_a_table_smaller_than_every_working_set_is_no_trouble() -> None:
    found = machine.measure(16, ["f32"])
    assert [size for size, _ in found["read"]] == [256 << 10, 512 << 10]


KERNELS = catalogue.kernels(catalogue.own())


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return builtin()


def variants_of(name: str, corpus: Corpus, V: int = 60) -> dict[str, PreparedVariant]:
    kernel = next(kernel for kernel in KERNELS if kernel.name == name)
    size = Size(V, H=kernel.sizes[0].H, B=20, K=kernel.sizes[0].K, index=kernel.sizes[0].index)
    problem = kernel.make(size, corpus, np.random.default_rng(0))
    return {variant.name: variant for variant in measuring.limit_variants(kernel, problem, 0, 2 << 30)}


@pytest.mark.parametrize("name", [kernel.name for kernel in KERNELS])
def test_every_kernel_has_what_must_be_moved_and_it_can_be_timed(name: str, corpus: Corpus) -> None:
    variants = variants_of(name, corpus)
    assert (len(variants) > 1) == (not name.startswith("training"))
    for variant in variants.values():
        assert variant.kernel is None  # whose results nobody looks at
        taken = variant.time_calls(3)
        assert taken.wall_ns > 0
        variant.problem.reset()


def paths(tree: Any, target: Any) -> Any:
    return np.concatenate([tree.nodes[tree.offsets[word] : tree.offsets[word + 1]] for word in target])


@pytest.mark.parametrize(
    ("kernel", "rows"),
    [
        ("lookup", lambda W, idx: W[idx]),
        (
            "output.negative-sampling",
            lambda h, W_out, target, negatives: W_out[np.concatenate([target[:, None], negatives], axis=1).reshape(-1)],
        ),
        ("output.hierarchical", lambda h, W_out, target, tree: W_out[paths(tree, target)]),
    ],
)
@pytest.mark.parametrize("slug", ["rows", "rows.ahead"])
def test_what_is_moved_are_the_very_rows_that_the_kernel_needs(
    kernel: str, rows: Callable[..., Any], slug: str, corpus: Corpus
) -> None:
    variant = variants_of(kernel, corpus)[f"{measuring.FLOOR}{slug}"]
    batch = variant.problem.batches[0]
    variant.function(*batch, *variant.workspace)
    expected = rows(*batch)
    np.testing.assert_array_equal(variant.workspace[0][: len(expected)], expected)


def test_where_little_memory_is_allowed_nothing_is_compiled_for_limits(corpus: Corpus) -> None:
    kernel = KERNELS[0]
    problem = kernel.make(Size(60), corpus, np.random.default_rng(0))
    assert [variant.name for variant in measuring.limit_variants(kernel, problem, 0, 512 << 20)] == [measuring.CALL]


def test_floors_are_no_implementations() -> None:
    assert not [one for one in catalogue.own() if one.is_floor]
    assert len({(one.kernel.name, one.slug) for kernel in KERNELS for one in catalogue.floors(kernel.name)}) >= 20
