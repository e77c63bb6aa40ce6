"""The tidy table of samples."""

from __future__ import annotations

from w2vbench.reports.file.samples import COLUMNS, load_samples, table

import w2vbench
from tests import saved
from tests.reports.compare.comparisons import case, compared


def test_each_sample_of_a_run_is_a_row_and_rounds_without_a_figure_are_none() -> None:
    rounds: list[list[float | None]] = [[1e-6, None, 2e-6], [3e-6, 4e-6, 5e-6]]
    result = saved.result(
        saved.row("gather", rounds), limit_samples={"lookup@V=1": {"call": [{"wall_s": [1e-7], "cpu_s": [0.0]}]}}
    )
    assert w2vbench.load_samples is load_samples
    found = table(result)
    assert list(found) == list(COLUMNS)
    mine = found[found.variant == "gather"]
    assert mine[["process", "round", "wall_s"]].values.tolist() == [
        [0, 0, 1e-6],
        [0, 2, 2e-6],
        [1, 0, 3e-6],
        [1, 1, 4e-6],
        [1, 2, 5e-6],
    ]
    assert found[found.variant == "limit:call"][["case", "cpu_s"]].values.tolist() == [["lookup@V=1", 0.0]]


def test_a_comparison_has_three_variants_and_numbers_its_processes_through_both_stages() -> None:
    one = {side: {"wall_s": [1.0, 2.0], "cpu_s": [0.5, 0.5]} for side in ("base", "control", "head")}
    comparison = compared(case("mine", "same", stages=[[one, one], [one, one]])).model_dump()
    found = table(saved.result(engine="compare", comparison=comparison))
    assert len(found) == 4 * 3 * 2
    assert sorted(set(found.variant)) == ["base", "control", "head"]
    assert sorted(set(found.process)) == [0, 1, 2, 3]
