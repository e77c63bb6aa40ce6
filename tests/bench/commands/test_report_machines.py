"""``w2vbench report A.json B.json``: several machines on one page, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.commands.conftest import Ask
from tests.saved import HERE, content, row, text


def kept(name: str, cpu: str, gather_s: float) -> None:
    rows = [row("one-hot", 1e-3, baseline=True), row("gather", gather_s)]
    Path(name).write_text(text(content(*rows, environment=HERE | {"cpu": cpu})))


def test_files_of_several_machines_become_one_page(ask: Ask) -> None:
    kept("a.json", "A", 1e-5)
    kept("b.json", "B", 3e-5)
    assert ask("report", "a.json", "b.json", "--out", "page") == (0, "")
    assert "| A, 4 CPUs, 16 GiB | gather | 10.0 µs | 3.0× | 3.0× |" in Path("page/machines.md").read_text()
    assert "Which machine is fastest" in Path("page/machines.html").read_text()
    assert sorted(file.name for file in Path("page").iterdir()) == ["machines.html", "machines.md"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a.json", "a.json"), "a.json was given twice"),
        (("a.json", "missing.json"), "missing.json: No such file"),
        (("a.json", "b.json", "--time-spent"), "--time-spent is of one file"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], says: str, ask: Ask) -> None:
    kept("a.json", "A", 1e-5)
    kept("b.json", "B", 3e-5)
    code, said = ask("report", *arguments)
    assert code == 2
    assert says in said
    assert said.count("\n") == 1
