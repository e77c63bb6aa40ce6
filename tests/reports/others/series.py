"""Series of runs over time, made from a few times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from w2vbench.reports.compare.acknowledged import Acknowledgement
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.others.history import Change, Point, Series, Trend, find_all_changes
from w2vbench.reports.others.stored_runs import StoredRun, run_of

from tests import saved
from tests.saved import Content, row

THRESHOLD = 0.10
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CASE = "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1"


def day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def series(walls: Sequence[float], *, unsteady: Iterable[int] = (), case: str = CASE) -> Series:
    """One run a day, each of its own commit."""
    spoiled = set(unsteady)
    return Series(
        case,
        [Point(f"{n}.json", day(n), f"c{n}", float(wall), None, n not in spoiled) for n, wall in enumerate(walls)],
    )


def changes(
    walls: Sequence[float], excuses: Sequence[Acknowledgement] = (), *, unsteady: Iterable[int] = ()
) -> list[Change]:
    made = series(walls, unsteady=unsteady)
    find_all_changes(Trend("here", series={CASE: made}), THRESHOLD, excuses)
    return made.changes


def levels(*parts: tuple[float, int], noise: float = 0.0, rng: np.random.Generator | None = None) -> list[float]:
    """A series that stays at each level for so many runs."""
    logs = np.concatenate([np.full(count, math.log(level)) for level, count in parts])
    spread = (rng or np.random.default_rng(1)).standard_normal(len(logs))
    return [float(wall) for wall in np.exp(logs + noise * spread)]


def given_on(number: float, case: str = CASE) -> Acknowledgement:
    return Acknowledgement(case, "checks its indices", FIRST_DAY + timedelta(days=number))


def content_of(wall: float = 1e-5, *, when: int = 0, commit: str = "0123456789ab", **suite: Any) -> Content:
    made = saved.content(row("gather", wall), **suite)
    return made | {"datetime": day(when), "commit_info": {"id": commit, "dirty": False}}


def result_of(wall: float = 1e-5, **options: Any) -> ResultFile:
    return ResultFile.model_validate(content_of(wall, **options))


def trend_of(*made: Series) -> Trend:
    """Series of one machine, with their changes."""
    trend = Trend("here", max(len(one.points) for one in made), {one.case: one for one in made})
    find_all_changes(trend, THRESHOLD, [given_on(6, "lookup/meant")])
    return trend


def kept(*runs: ResultFile) -> list[tuple[str, StoredRun]]:
    """Runs with the names of their files."""
    return [(f"{at}.json", run_of(run)) for at, run in enumerate(runs)]


def made_steady(*steady: bool) -> list[ResultFile]:
    """Runs one a day, some of them on a machine that changed its speed meanwhile."""
    speeds = [{"clock_variation": 1.0 if one else 1.7} for one in steady]
    return [result_of(when=at, environment=speed) for at, speed in enumerate(speeds)]
