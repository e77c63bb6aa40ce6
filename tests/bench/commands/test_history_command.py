"""Stored runs over time, two of them compared, and the files of several machines on one page."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from w2vbench.bench.main import app
from w2vbench.bench.plans.packages import releases

from tests import saved
from tests.bench.commands.conftest import Ask
from tests.processes import w2vbench
from tests.saved import HERE, content, row, text


def stored(folder: Path, walls: list[float]) -> None:
    """Runs as w2vbench run keeps them, one after another, with these times."""
    folder.mkdir(parents=True)
    for at, wall in enumerate(walls):
        content = saved.result(saved.row("gather", wall, baseline=True)).model_dump(mode="json", by_alias=True)
        content["datetime"] = f"2026-01-{at + 1:02}T12:00:00+00:00"
        content["commit_info"] = {"id": f"{at:040x}", "dirty": False}
        (folder / f"{at + 1:04}_w2vbench-quick.json").write_text(json.dumps(content))


Ran = Callable[..., tuple[int, str]]
"""Runs a command in this process and in a folder of its own. Returns its exit code and what it printed."""


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = app(args=list(arguments), standalone_mode=False) or 0
        return code, capsys.readouterr().out

    return run


def test_history_shows_where_a_time_changed_and_fails_until_somebody_says_that_it_is_meant(
    tmp_path: Path, ran: Ran
) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5] * 6 + [2e-5] * 6)
    shown = w2vbench("history", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "2.00× slower" in " ".join(shown.stdout.split())
    assert "▁" in shown.stdout
    assert (tmp_path / "reports/out/history.html").read_text().count("<svg") == 1
    assert ran("history", "--fail")[0] == 1
    (series,) = json.loads(ran("history", "--json")[1])[0]["series"]
    assert [change["after"]["commit"] for change in series["changes"]] == [f"{6:040x}"[:9]]
    assert ran("history", "--acknowledge", "lookup/gather@*", "--why", "checks now")[0] == 0
    assert ran("history", "--fail")[0] == 0
    assert "acknowledged (checks now)" in " ".join(ran("history")[1].split())


def test_where_the_package_that_finds_changes_is_missing_one_line_says_how_to_install_it(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.14 has no wheel of it."""
    stored(tmp_path / ".benchmarks" / "machine", [1e-5] * 6)
    monkeypatch.setitem(sys.modules, "ruptures", None)
    monkeypatch.setattr(releases, "find_spec", lambda name: None)
    for command in (["history"], ["versions", "numpy"]):
        code, said = ask(*command)
        assert code == 2
        assert said.count("\n") == 1
        assert said.endswith(": pip install ruptures (from Python 3.14 on that needs a C compiler)\n")


def test_history_of_steady_times_has_no_change(tmp_path: Path, ran: Ran) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5, 1.01e-5, 0.99e-5, 1e-5, 1.02e-5, 1e-5, 0.98e-5])
    assert ran("history", "--fail")[0] == 0


def test_two_result_files_are_compared_with_the_caveat_that_they_were_not_interleaved(tmp_path: Path, ran: Ran) -> None:
    for name, wall in (("a", 1e-5), ("b", 3e-5)):
        rows = [saved.row("gather", wall, baseline=True), saved.row("take", 1e-5)]
        text = json.dumps(saved.result(*rows).model_dump(mode="json", by_alias=True))
        (tmp_path / f"{name}.json").write_text(text)
    done = w2vbench("compare", "a.json", "b.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not interleaved" in " ".join(done.stdout.split())
    assert ran("compare", "a.json", "a.json")[0] == 0
    assert (tmp_path / "reports/out/comparison.html").exists()
    assert ran("report", "reports/out/comparison.json", "--out", "again")[0] == 0
    assert (tmp_path / "again/comparison.md").exists()


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
