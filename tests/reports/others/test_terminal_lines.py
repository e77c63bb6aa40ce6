"""What the terminal shows: golden lines at two widths, which no line exceeds unless a name is longer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from w2vbench.reports.drawing.columns import NARROW, WIDTH, Line, short_names
from w2vbench.reports.others.history import Trend, find_all_changes
from w2vbench.reports.others.releases_page import release_lines
from w2vbench.reports.others.terminal_lines import calibration_lines, comparison_lines, history_lines, training_lines
from w2vbench.reports.run.lines import brief

from tests import golden_files, saved
from tests.reports.compare.comparisons import everything, of_packages
from tests.reports.compare.test_calibration import whole
from tests.reports.others import series
from tests.reports.others.test_releases import numbas
from tests.reports.others.test_training import training

LONG = "sampling.without-replacement/choice-per-row@V=1e5,H=1,B=8,K=5,f32,i64,zipf,t1"


def trends() -> list[Trend]:
    """A case that got slower, and one with the longest name, which did not."""
    slower = series.series(series.levels((1e-5, 12), (1.4e-5, 8)))
    steady = series.series(series.levels((2e-3, 20)), case=LONG)
    found = Trend("AMD EPYC, 2 CPUs", series={one.case: one for one in (slower, steady)}, runs=20)
    find_all_changes(found, series.THRESHOLD, [])
    return [found]


def shown(width: int) -> Iterator[Line]:
    yield from comparison_lines(everything(), width)
    yield from comparison_lines(of_packages(), width)
    yield from release_lines(numbas(), width)
    calibration = whole()
    slowed = [trial for trial in calibration.trials if trial.injected >= 0]
    yield from calibration_lines(calibration.model_copy(update={"trials": slowed}), width)
    runs = training()
    renamed = [run.model_copy(update={"implementation": run.implementation[:8]}) for run in runs.runs]
    yield from training_lines(runs.model_copy(update={"runs": renamed}), width)
    yield from history_lines(trends(), ["x.json: not a result file"], series.THRESHOLD, width)


@pytest.mark.parametrize("width", [NARROW, WIDTH])
def test_lines_fit_the_terminal(width: int) -> None:
    lines = list(shown(width))
    assert max(len(line.text) for line in lines) <= width
    golden_files.check(f"terminal-{width}.txt", "".join(f"{line.text}\n" for line in lines))


def test_a_name_is_shortened_by_what_all_sizes_share() -> None:
    names, common = short_names(["lookup/take@V=1e4,H=100,f32", "lookup/gather@V=1e5,H=100,f32"])
    assert (names, common) == ([("lookup/take", "V=1e4"), ("lookup/gather", "V=1e5")], "H=100, f32")
    assert short_names([LONG]) == ([(LONG.partition("@")[0], LONG.partition("@")[2].replace(",", " "))], "")
    assert short_names([]) == ([], "")


@pytest.mark.parametrize("width", [NARROW, WIDTH])
def test_a_run_of_a_text_with_a_long_name_fits_the_terminal(width: int) -> None:
    text = "State of the Union addresses of all presidents of the United States"
    result = saved.result(*(saved.row(slug, 1e-4) for slug in ("gather", "take")), corpus={"name": text})
    lines = brief(result, width)
    assert max(map(len, lines)) <= width
    assert f"words of {text}" in " ".join(lines)
