"""The page of the seven steps is what its command makes: its code is that of the example, and its rows are the example's steps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from math import log10
from pathlib import Path

from w2vbench.reports.statistics.units import two

ROOT = Path(__file__).resolve().parents[1]
PAGE, CHART = "seven-steps.md", "seven-steps.svg"


def without_figures(text: str) -> str:
    """The page without what depends on machine and size: the figures and the machine of its table."""
    begin, end = text.index("<!-- figures -->"), text.index("<!-- end -->")
    table = "\n".join(
        re.sub(r"\|[^|]*$", "|", line.rsplit("|", 5)[0]) for line in text[begin:end].splitlines() if "|" in line
    )
    return text[:begin] + table + text[end:]


def test_the_page_is_what_its_command_makes(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    committed = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    shutil.copy(ROOT / "docs" / PAGE, docs)
    command = re.search(r"Made by `python (\S+)`", committed)
    assert command
    made = subprocess.run(
        [sys.executable, str(ROOT / command[1]), "--small", "--docs", str(docs)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert made.returncode == 0, made.stderr[-2000:]
    page = (docs / PAGE).read_text(encoding="utf-8")
    assert without_figures(page) == without_figures(committed)
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert len(rows) == 9
    assert all("nan" not in row for row in rows)
    names = re.findall(r"end\">(.*?)</text>", (docs / CHART).read_text(encoding="utf-8"))
    assert names == re.findall(r"end\">(.*?)</text>", (ROOT / "docs" / CHART).read_text(encoding="utf-8"))
    assert [re.sub(r"^(\d) ", r"\1. ", name) for name in names] == [re.findall(r"\[(.*?)\]", row)[0] for row in rows]


UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def ends(time: str) -> tuple[float, float]:
    """The least and the largest time, in seconds, that is rounded to this text."""
    number, unit = time.split()
    half = 0.5 * 10.0 ** -len(number.partition(".")[2])
    return (float(number) - half) * UNITS[unit], (float(number) + half) * UNITS[unit]


def test_each_figure_follows_from_the_others_so_that_none_is_typed_by_hand() -> None:
    lines = [line for line in (ROOT / "docs" / PAGE).read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    times, gains, since = ([line.split("|")[column].strip() for line in lines] for column in (2, 3, 4))
    for at in range(1, len(times)):
        for said, before in ((gains[at], times[at - 1]), (since[at], times[0])):
            (least, most), (shortest, longest) = ends(before), ends(times[at])
            low, high = (float(two(ratio).replace(",", "")) for ratio in (least / longest, most / shortest))
            assert low <= float(said.removesuffix(" ×").replace(",", "")) <= high, lines[at]
    drawing = (ROOT / "docs" / CHART).read_text(encoding="utf-8")
    assert re.findall(r'y="\d+">(.*?)</text>', drawing) == times
    logarithms = [log10(sum(ends(time)) / 2) for time in times]
    for bar, logarithm in zip(re.findall(r'width="(\d+)"', drawing), logarithms, strict=True):
        share = (logarithm - min(logarithms)) / (max(logarithms) - min(logarithms))
        assert abs(int(bar) - (12 + 388 * share)) < 1.5
