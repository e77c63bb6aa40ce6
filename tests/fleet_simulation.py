"""What a run on many machines costs its client: ``python -m tests.fleet_simulation``.

200 workers of 5 kinds answer from stored samples, so that only the client's own work takes time: 20,000 experiments, of which
some are lost with their machine, measured again, or undecided and get further processes. Prints that time for each experiment and
how it grows, the memory, and the page of 200 machines in Chromium. ``--experiments N --workers N`` for a smaller one.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from playwright.sync_api import sync_playwright
from w2vbench.bench.plans.cluster.client import Client
from w2vbench.bench.plans.cluster.kinds import KindRun
from w2vbench.reports.others.machines import html

from tests.fleet_machines import Simulated, fleet_of, left_by, many_machines, request_of
from tests.reports.browser import BROWSERS, OPTIONS

KINDS = 5
LOST, SLOW, HUNG = 20, 33, 41
"""Every so many machines, one is lost in the middle of the run, is at half speed, or does not answer for a while."""
UNDECIDED, IN_DOUBT = 20, (2.5, 0.8)
"""Every so many problems, one is undecided: how many times as slow its baseline is, process by process."""
MOST_MS, MOST_BYTES, MOST_PAGE_S = 20.0, 1 << 30, 2.0


def machines(workers: int, each: int) -> Iterator[Simulated]:
    """Workers of KINDS kinds. each: about how many experiments a worker measures."""
    for at in range(workers):
        yield Simulated(
            f"tcp://10.0.{at // 250}.{at % 250}:1",
            kind=f"CPU {at % KINDS}",
            slower=2.0 if at % SLOW == 7 else 1.0,
            leaves_at=each // 2 if at % LOST == 11 else None,
            hangs_at=each // 3 if at % HUNG == 13 else None,
            late_s=300.0,
        )


def simulate(experiments: int, workers: int, folder: Path) -> tuple[float, list[float], float, float]:
    """Run a simulated fleet. Returns the client's own milliseconds an experiment: of all, of each tenth, to choose what
    gets further processes, and to keep the results."""
    V_ = range(500, 500 + experiments // KINDS)
    request = request_of(folder, V_, processes=None)
    fleet = fleet_of(list(machines(workers, experiments // workers)), request, dict.fromkeys(V_[::UNDECIDED], IN_DOUBT))
    marks: list[tuple[int, float]] = []
    measured, further = Client.measured, KindRun.further
    choosing_s = 0.0

    def noted(self: Client, *arguments: Any) -> None:
        measured(self, *arguments)
        marks.append((self.finished, time.perf_counter() - fleet.inside_s - choosing_s))

    def timed(self: KindRun, *arguments: Any) -> Any:
        nonlocal choosing_s
        began = time.perf_counter()
        try:
            return further(self, *arguments)
        finally:
            choosing_s += time.perf_counter() - began

    began = time.perf_counter()
    with patch.object(Client, "measured", noted), patch.object(KindRun, "further", timed):
        outputs, said = left_by(fleet, request)
    own_s = time.perf_counter() - began - fleet.inside_s
    assert not any(one.unfinished for one in outputs.kinds)
    assert len(outputs.kinds) == KINDS
    tenth = len(marks) // 10
    parts = [marks[at : at + tenth] for at in range(0, tenth * 10, tenth)]
    each = [(part[-1][1] - part[0][1]) / (len(part) - 1) * 1e3 for part in parts]
    keeping_s = own_s - choosing_s - (marks[-1][1] - began)
    assert fleet.went_on
    print(f"{len(fleet.went_on):,} times a machine went on with what was undecided")
    print(f"{len(said):,} lines were said, such as: {said[0] if said else '-'}")
    return own_s / experiments * 1e3, each, choosing_s / experiments * 1e3, keeping_s / experiments * 1e3


def page_s(folder: Path) -> tuple[float, int]:
    """Return how long a page of 200 machines takes to open in a browser, and its bytes."""
    executable = next(path for name in BROWSERS if (path := shutil.which(name)))
    file = folder / "machines.html"
    file.write_text(html(many_machines(200)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(OPTIONS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]")
        page.screenshot()
        took = time.perf_counter() - began
        browser.close()
    return took, file.stat().st_size


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=200)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        each_ms, tenths, choosing_ms, keeping_ms = simulate(options.experiments, options.workers, Path(name) / "out")
    print(
        f"{options.experiments:,} experiments on {options.workers} workers of {KINDS} kinds: {each_ms:.1f} ms of the client's own an "
        f"experiment, of which {choosing_ms:.1f} ms to choose what gets further processes, and {keeping_ms:.1f} ms to write results and pages at the end"
    )
    print(f"by tenths of the run, without these: {' '.join(f'{one:.2f}' for one in tenths)} ms")
    print(f"memory: {peak_bytes() / 1e6:,.0f} MB at most")
    with tempfile.TemporaryDirectory() as name:
        opens_s, size = page_s(Path(name))
    print(f"a page of 200 machines and 80 problems, {size / 1e6:.1f} MB: {opens_s:.2f} s until Chromium shows it")
    assert each_ms <= MOST_MS
    assert opens_s <= MOST_PAGE_S
    assert peak_bytes() <= MOST_BYTES


if __name__ == "__main__":
    main()
