"""What a tuning measures, leaves out and keeps, without measuring."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.bench.plans.run.problems import ProblemRun, new_problem_run
from w2vbench.bench.plans.tune.callables import BEST, CALLABLES, DISPATCHED
from w2vbench.bench.plans.tune.grid import Grid, hopeless, is_measurable
from w2vbench.bench.plans.tune.merge import merge, sizes_of
from w2vbench.bench.plans.tune.regret import random_sizes, size_regret, spreads
from w2vbench.bench.plans.tune.tune import (
    TuneRequest,
    drop_hopeless,
    drop_slow,
    earlier_table,
    finished_kernels,
    nothing_new,
    times_s,
)
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, write
from w2vbench.impls.choosing.fingerprint import fingerprint
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.schema.fields import Samples

LOOKUPS = [i for i in CALLABLES if i.kernel.name == "lookup" and i.slug.startswith(BEST)]
KERNELS = {i.kernel.name: i.kernel for i in CALLABLES}


def problem(size: Size, **times: float) -> ProblemRun:
    """A problem of lookups after one process, in which each of these took so long."""
    made = new_problem_run(LOOKUPS, size)
    measured(made, {f"{BEST}{slug.replace('_', '-')}": seconds for slug, seconds in times.items()})
    return made


def measured(made: ProblemRun, times: dict[str, float]) -> None:
    """Add a process."""
    for case in made.cases:
        if case.implementation.slug in times:
            seconds = times[case.implementation.slug]
            walls: list[float | None] = [seconds, None, 1.1 * seconds, 0.9 * seconds]
            case.samples.append(Samples(wall_s=walls, cpu_s=walls))
    made.processes += 1


def request(tmp_path: Path, *kernels: str) -> TuneRequest:
    return TuneRequest(command="w2vbench tune", out=tmp_path / "t.toml", kernels=kernels)


def test_every_kernel_but_training_has_one_function_for_each_implementation_and_one_that_chooses() -> None:
    for name in dict.fromkeys(i.kernel.name for i in own()):
        slugs = [i.slug for i in CALLABLES if i.kernel.name == name]
        if name.startswith("training"):
            assert not slugs
        else:
            assert DISPATCHED in slugs
            assert [slug.removeprefix(BEST) for slug in slugs if slug.startswith(BEST)] == list(candidates(name))


def test_the_default_grid_has_every_kernel_at_short_calls_only(tmp_path: Path) -> None:
    problems = request(tmp_path).problems()
    assert {one.kernel for one in problems} == set(KERNELS)
    assert len({one.problem for one in problems}) == len(problems)
    assert all(is_measurable(KERNELS[one.kernel], one.size) for one in problems)
    assert {one.size.V for one in problems} == {1_000, 10_000, 100_000, 1_000_000}


def test_what_smaller_sizes_show_to_be_slow_is_not_measured() -> None:
    small = Size(1000, 50, 10)
    slow = {small: {"gather": 1e-6, "one-hot-dot": 1e-4}}
    growing = {"one-hot-dot"}
    assert hopeless("one-hot-dot", Size(10_000, 50, 10), slow, growing)
    assert hopeless("one-hot-dot", Size(10_000, 50, 100), slow, growing)
    assert not hopeless("one-hot-dot", Size(10_000, 300, 10), slow, growing)  # another hidden size
    assert not hopeless("one-hot-dot", Size(1000, 50, 100), slow, growing)  # a call would take 1 ms only
    assert hopeless("one-hot-dot", Size(1000, 50, 100_000), slow, growing)
    assert not hopeless("gather", Size(10_000, 50, 10), slow, growing)
    assert not hopeless("one-hot-dot", Size(10_000, 50, 10), slow, {"one-hot-dot", "gather"})  # all grow
    close = {small: {"gather": 1e-6, "one-hot-dot": 2e-6}}
    assert not hopeless("one-hot-dot", Size(10_000, 50, 10), close, growing)


def test_a_run_drops_what_is_slow_and_keeps_its_times() -> None:
    small, large = problem(Size(1000, 50, 10), gather=1e-6, take=2e-6, one_hot_dot=5e-5), problem(Size(10_000, 50, 10))
    drop_slow(small)
    assert {slug for slug in small.measured if slug in times_s(small)} == {"best-gather", "best-take"}
    assert times_s(small)["best-one-hot-dot"] == pytest.approx(5e-5)
    drop_hopeless(large, [small])
    assert "best-one-hot-dot" not in large.measured
    assert "best-gather" in large.measured


def test_one_slow_sample_drops_nothing() -> None:
    made = problem(Size(1000, 50, 10), gather=1e-6, take=1e-6)
    next(case for case in made.cases if case.implementation.slug == "best-take").samples[0].wall_s[2:] = [1e-3, 1e-3]
    drop_slow(made)
    assert "best-take" in made.measured


def test_only_kernels_whose_every_size_was_measured_are_kept() -> None:
    first, second = problem(Size(1000, 50, 10), gather=1e-6, take=3e-6), new_problem_run(LOOKUPS, Size(10_000, 50, 10))
    assert finished_kernels([first, second]) == {}
    measured(second, {"best-gather": 2e-6})
    (times,) = finished_kernels([first, second]).values()
    assert times.simplest_first == tuple(candidates("lookup"))
    assert times.times_s == {
        first.size: pytest.approx({"gather": 1e-6, "take": 3e-6}),
        second.size: pytest.approx({"gather": 2e-6}),
    }


def test_other_kernels_times_stay_if_they_hold_here(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "t.toml"
    assert earlier_table(file, said.append) == {}
    times = KernelTimes(("gather",), {Size(10): {"gather": 1e-6}})
    write(DispatchTable({"lookup": times}), file)
    assert earlier_table(file, said.append) == {"lookup": times}
    assert not said
    write(DispatchTable({"lookup": times}, {**fingerprint(), "numba": "0.1"}), file)
    assert earlier_table(file, said.append) == {}
    assert "numba is " in said[0]
    file.write_text("nonsense")
    assert earlier_table(file, said.append) == {}
    assert "replaced" in said[1]


SMALL, LARGE = Size(1000, 50, 10), Size(10_000, 50, 10)


def lookups(*slugs: str, **seconds: float) -> dict[str, KernelTimes]:
    """Times of these lookups at the sizes small and large, alike for all."""
    times = {{"small": SMALL, "large": LARGE}[name]: dict.fromkeys(slugs, one) for name, one in seconds.items()}
    return {"lookup": KernelTimes(slugs, times)}


def test_other_sizes_of_a_kernel_stay_and_new_times_win() -> None:
    earlier = lookups("gather", "take", large=1.0, small=1.0)
    merged = merge(earlier, lookups("take", "gather", small=2.0))
    assert merged.kernels == lookups("take", "gather", small=2.0, large=1.0)
    assert list(merged.kernels["lookup"].times_s) == [SMALL, LARGE]
    assert (merged.measured, merged.kept, merged.replaced) == ({"lookup": 1}, {"lookup": 1}, {})
    assert merge({}, earlier).kernels == merge(earlier, {}).kernels == earlier
    assert sizes_of({**merge(earlier, {}).kept, "update": 1}) == "2 sizes of lookup, 1 size of update"


def test_times_of_other_implementations_are_replaced_and_counted() -> None:
    earlier, new = lookups("gather", small=1.0, large=1.0), lookups("gather", "numba", small=2.0)
    merged = merge(earlier, new)
    assert merged.kernels == new
    assert (merged.measured, merged.kept, merged.replaced) == ({"lookup": 1}, {}, {"lookup": 2})


def test_times_of_fewer_processes_replace_none() -> None:
    """After Ctrl-C: where a size has no earlier times, they are better than none."""
    early = [("lookup", SMALL), ("lookup", LARGE), ("scatter.dense", SMALL)]
    earlier, new = lookups("gather", small=1.0), lookups("gather", small=2.0, large=2.0)
    merged = merge(earlier, new, early)
    assert merged.kernels == lookups("gather", small=1.0, large=2.0)
    assert (merged.measured, merged.kept) == ({"lookup": 1}, {"lookup": 1})
    others = lookups("take", small=2.0)
    assert merge(earlier, others, early).kernels == earlier
    assert merge(earlier, others, early[1:]).kernels == earlier  # a size of it is left
    assert merge(earlier, others, early[2:]).kernels == others


def test_a_tuning_that_adds_nothing_says_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    assert "as it was" not in str(nothing_new(file, interrupted=True))
    file.write_text("")
    ends = [nothing_new(file, interrupted=interrupted) for interrupted in (True, False)]
    assert [end.exit_code for end in ends] == [130, 3]
    assert all(f"{file} is as it was" in str(end) for end in ends)


@given(st.sampled_from(sorted(KERNELS)), st.integers(0, 100))
def test_random_sizes_lie_within_the_table_and_are_not_in_it(name: str, seed: int) -> None:
    kernel = KERNELS[name]
    grid = Grid(V=(1000, 50_000), H=(20, 80), B=(1, 500))
    times = KernelTimes(tuple(candidates(name)), {size: {"x": 1.0} for size in grid.sizes(kernel)})
    drawn = [size for size, _ in zip(random_sizes(kernel, times, np.random.default_rng(seed)), range(5), strict=False)]
    assert len(set(drawn)) == 5
    for size in drawn:
        assert size not in times.times_s
        assert 1000 <= size.V <= 50_000
        assert 1 <= size.B <= 500
        assert size.K == next(iter(times.times_s)).K


TABLE = DispatchTable(
    {"lookup": KernelTimes(("gather", "take", "numba"), {Size(1000, 50, 10): {"gather": 1.0, "take": 2.0}})}
)


def regretted(processes: list[dict[str, float]]) -> ProblemRun:
    made = new_problem_run(
        [*LOOKUPS, *(i for i in CALLABLES if i.slug == DISPATCHED and i.kernel.name == "lookup")], Size(2000, 50, 10)
    )
    for times in processes:
        measured(made, times)
    return made


def test_the_fastest_is_found_in_one_half_of_the_processes_and_timed_in_the_other() -> None:
    """take is lucky where it is chosen as the fastest; the regret does not count that."""
    finding = {"best-gather": 2.0, "best-take": 1.0, "dispatched": 2.0}
    timing = {"best-gather": 2.0, "best-take": 4.0, "dispatched": 3.0}
    found = size_regret(regretted([finding, timing] * 3), TABLE)
    assert found is not None
    assert (found.chosen, found.fastest) == ("gather", "take")
    assert found.regret == pytest.approx(3 / 4)
    assert found.times == pytest.approx({"gather": 2 / 4, "take": 1.0})
    assert math.isnan(found.over_bare)


def test_fixed_choices_stand_beside_what_was_chosen() -> None:
    times = {"best-gather": 4.0, "best-take": 2.0, "best-numba": 1.0, "best-numba-prefetch": 3.0, "dispatched": 1.5}
    found = size_regret(regretted([times] * 2), TABLE)
    assert found is not None
    ratios = {name: spread[0] for name, spread in spreads([found]).items() if "bare" not in name}
    assert ratios == pytest.approx({"dispatch": 1.5, "always numba": 1.0, "always NumPy": 2.0})
