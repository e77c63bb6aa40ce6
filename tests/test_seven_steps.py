"""The page of the seven steps is what its command makes: its code is that of the example, and its rows are the example's steps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
