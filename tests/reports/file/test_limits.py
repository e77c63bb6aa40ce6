"""Roofline limits: how the machine's are measured, what must be moved for each kernel, and which limit a case has.

What is said of cases at or above a limit stands in ``tests/golden/tables.md``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine.protocol import FLOOR
from w2vbench.bench.engine.worker.timing import bandwidth as machine
from w2vbench.bench.engine.worker.timing import floors as measuring
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.limits import ARITHMETIC, CACHE, CALL, INTERPRETER, MEMORY, RooflineLimit, roofline_limit
from w2vbench.reports.file.schema.result import Limits
from w2vbench.reports.statistics.problems import Interval

from tests import saved
from tests.saved import one_process

BANDWIDTH = {
    "read": [[1e6, 40e9], [1e8, 10e9]],
    "write": [[1e8, 5e9], [1e6, 20e9]],
    "copy": [[1e6, 24e9], [1e8, 6e9]],
    "matmul": {"f32": 100e9},
}
GROUP = "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1"


def limit_of(wall_s: float, floors: dict[str, float], **extra: Any) -> RooflineLimit | None:
    """The limit of a case that takes so long, beside what moving and calling take."""
    samples = {slug: [one_process([floor] * 6)] * 3 for slug, floor in floors.items()}
    result = saved.result(saved.row("mine", wall_s, **extra), limits=BANDWIDTH, limit_samples={GROUP: samples})
    return roofline_limit(result.benchmarks[0], result.w2vbench, Interval(wall_s, wall_s / 1.1, wall_s * 1.1))


def least(moved: float) -> dict[str, float]:
    """Half of the bytes that must be moved are read, half written."""
    return {"least_read_bytes": moved / 2, "least_written_bytes": moved / 2}


def own(**work: float) -> dict[str, Any]:
    """The work of a case that moves more than it must."""
    return {"moves_more": True, "read_bytes": 0, "written_bytes": 0, **work}


ROWS = {"rows": 1e-7}


@pytest.mark.parametrize(
    ("least_s", "wall_s", "floors", "extra", "name"),
    [
        # of ways to move the same the fastest counts, and of what must be moved the slowest
        (5e-6, 1e-5, {"rows": 9e-6, "rows.ahead": 5e-6, "call": 1e-7}, {}, MEMORY),
        (7e-6, 1e-5, {"rows": 1e-6, "table": 8e-6, "table.compiled": 7e-6}, {}, MEMORY),
        (8e-7, 1e-6, {"rows": 1e-7, "call": 8e-7}, {}, CALL),
        # what comes faster than from memory comes from a cache; memory copies 6 GB a second: in 5 µs 30 kB
        (5e-6, 1e-5, {"rows": 5e-6}, least(3e4), MEMORY),
        (5e-6, 1e-5, {"rows": 5e-6}, least(3e5), CACHE),
        # a share that says nothing is not said, but for a loop of Python's
        (1e-7, 1e-5, ROWS, {"loops": True}, INTERPRETER),
        (1e-7, 1e-6, ROWS, {"loops": True}, MEMORY),
        # what moves more than it must is set against the machine's bandwidth
        # a table of 100 MB is read eight times: each reading goes through all of it
        (8e8 / 10e9, 1.0, {}, own(V=250_000, read_bytes=8e8), MEMORY),
        (1e8 / 5e9, 0.1, {}, own(V=250_000, written_bytes=1e8), MEMORY),
        # as much read as written: a copy, of 50 MB to 50 MB
        (1e8 / 6e9, 0.1, {}, own(V=125_000, read_bytes=5e7, written_bytes=5e7), MEMORY),
        # bandwidths are interpolated by logarithms, and flat beyond the ends
        (8e6 / 40e9, 1e-3, {}, own(V=2_500, read_bytes=8e6), CACHE),
        (8e6 / 40e9, 1e-3, {}, own(V=25, read_bytes=8e6), CACHE),
        (8e7 / 20e9, 1e-2, {}, own(V=25_000, read_bytes=8e7), CACHE),
        (8e9 / 10e9, 1.0, {}, own(V=2_500_000, read_bytes=8e9), MEMORY),
        (1e9 / 100e9, 0.1, {}, own(V=2_500, flops=1e9), ARITHMETIC),
    ],
)
def test_a_case_has_the_limit_that_binds_it_and_reaches_a_share_of_it(
    least_s: float, wall_s: float, floors: dict[str, float], extra: dict[str, Any], name: str
) -> None:
    found = limit_of(wall_s, floors, **extra)
    assert found is not None
    assert found.name == name
    share, exact = found.share, bool(floors)  # those that are timed beside the case are paired with it
    ends = [1, 1] if exact else [1 / 1.1, 1.1]
    assert [share.estimate, share.low, share.high] == pytest.approx([one * least_s / wall_s for one in (1, *ends)])


@pytest.mark.parametrize(
    ("floors", "extra"),
    [
        ({}, {"V": 250_000, "read_bytes": 8e8, "written_bytes": 0}),  # moves what it must, so no bandwidth is set beside it
        (ROWS, {}),
        (ROWS, own(loops=True, read_bytes=1, written_bytes=1)),
    ],
)  # fmt: skip
def test_where_no_limit_explains_a_time_there_is_none(floors: dict[str, float], extra: dict[str, Any]) -> None:
    assert limit_of(1e-5, floors, **extra) is None


# how they are measured


def test_on_several_threads_each_does_its_part_unless_one_is_faster_alone() -> None:
    def way(name: str, amount: float) -> machine.Way:
        return lambda: made.append(name), amount

    made: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for together, names in (
            ([[way("a", 1.0)]], {"alone"}),
            ([[way("a", 1e9)], [way("b", 1e9)]], {"alone", "a", "b"}),
        ):
            made.clear()
            rate = machine.fastest([way("alone", 1.0)], together, pool)
            assert {*made} == names
            assert (rate > 1e10) == (len(together) > 1)


@pytest.mark.parametrize(
    ("most", "sizes"), [(3 << 20, [256 << 10, 1 << 20, 3 << 20]), (16, [256 << 10, 512 << 10])], ids=["3 MB", "16 B"]
)
def test_the_machine_is_measured_at_working_sets_up_to_the_largest_that_matters(most: int, sizes: list[int]) -> None:
    found = machine.measure(most, ["f32", "f64"])
    for curve in (found.read, found.write, found.copy):
        assert [size for size, _ in curve] == sizes
        assert all(1e7 < value < 1e13 for _, value in curve)
    assert set(found.matmul) == {"f32", "f64"}
    Limits.model_validate(found, from_attributes=True)


KERNELS = {kernel.name: kernel for kernel in catalogue.kernels(catalogue.own())}


def variants_of(name: str, corpus: Corpus, memory: int = 2 << 30) -> dict[str, PreparedVariant]:
    kernel = KERNELS[name]
    size = Size(60, H=kernel.sizes[0].H, B=20, K=kernel.sizes[0].K, index=kernel.sizes[0].index)
    problem = kernel.make(size, corpus, np.random.default_rng(0))
    return {variant.name: variant for variant in measuring.limit_variants(kernel, problem, 0, memory)}


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_has_what_must_be_moved_and_it_can_be_timed(name: str, corpus: Corpus) -> None:
    variants = variants_of(name, corpus)
    assert (len(variants) > 1) == (not name.startswith("training"))
    for variant in variants.values():
        assert variant.kernel is None  # whose results nobody looks at
        assert variant.time_calls(3).wall_ns > 0
        variant.problem.reset()
    # where little memory is allowed nothing is compiled for limits
    assert [*variants_of(name, corpus, 512 << 20)] == [measuring.CALL]


def candidates(h: Any, W_out: Any, target: Any, negatives: Any) -> Any:
    return W_out[np.concatenate([target[:, None], negatives], axis=1).reshape(-1)]


def paths(h: Any, W_out: Any, target: Any, tree: Any) -> Any:
    return W_out[np.concatenate([tree.nodes[tree.offsets[word] : tree.offsets[word + 1]] for word in target])]


NEEDED: dict[str, Callable[..., Any]] = {
    "lookup": lambda W, idx: W[idx],
    "output.negative-sampling": candidates,
    "output.hierarchical": paths,
}


@pytest.mark.parametrize("kernel", NEEDED)
@pytest.mark.parametrize("slug", ["rows", "rows.ahead"])
def test_what_is_moved_are_the_very_rows_that_the_kernel_needs(kernel: str, slug: str, corpus: Corpus) -> None:
    variant = variants_of(kernel, corpus)[f"{FLOOR}{slug}"]
    batch = variant.problem.batches[0]
    variant.function(*batch, *variant.workspace)
    expected = NEEDED[kernel](*batch)
    np.testing.assert_array_equal(variant.workspace[0][: len(expected)], expected)


def test_floors_are_no_implementations() -> None:
    assert not [one for one in catalogue.own() if one.is_floor]
    assert len({(name, one.slug) for name in KERNELS for one in catalogue.floors(name)}) >= 20
