"""Stored runs over time, and two of them compared."""

from __future__ import annotations

import json
from pathlib import Path

from tests import saved
from tests.processes import w2vbench


def stored(folder: Path, walls: list[float]) -> None:
    """Runs as w2vbench run keeps them, one after another, with these times."""
    folder.mkdir(parents=True)
    for at, wall in enumerate(walls):
        content = saved.result(saved.row("gather", wall, baseline=True)).model_dump(mode="json", by_alias=True)
        content["datetime"] = f"2026-01-{at + 1:02}T12:00:00+00:00"
        content["commit_info"] = {"id": f"{at:040x}", "dirty": False}
        (folder / f"{at + 1:04}_w2vbench-quick.json").write_text(json.dumps(content))


def test_history_shows_where_a_time_changed_and_fails_until_somebody_says_that_it_is_meant(tmp_path: Path) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5] * 6 + [2e-5] * 6)
    shown = w2vbench("history", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "2.00× slower" in " ".join(shown.stdout.split())
    assert "▁" in shown.stdout
    assert (tmp_path / "reports/out/history.html").read_text().count("<svg") == 1
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 1
    (series,) = json.loads(w2vbench("history", "--json", cwd=tmp_path).stdout)[0]["series"]
    assert [change["after"]["commit"] for change in series["changes"]] == [f"{6:040x}"[:9]]
    assert w2vbench("history", "--acknowledge", "lookup/gather@*", "--why", "checks now", cwd=tmp_path).returncode == 0
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 0
    assert "acknowledged (checks now)" in " ".join(w2vbench("history", cwd=tmp_path).stdout.split())


def test_history_of_steady_times_has_no_change(tmp_path: Path) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5, 1.01e-5, 0.99e-5, 1e-5, 1.02e-5, 1e-5, 0.98e-5])
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 0


def test_two_result_files_are_compared_with_the_caveat_that_they_were_not_interleaved(tmp_path: Path) -> None:
    for name, wall in (("a", 1e-5), ("b", 3e-5)):
        rows = [saved.row("gather", wall, baseline=True), saved.row("take", 1e-5)]
        text = json.dumps(saved.result(*rows).model_dump(mode="json", by_alias=True))
        (tmp_path / f"{name}.json").write_text(text)
    done = w2vbench("compare", "a.json", "b.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not interleaved" in " ".join(done.stdout.split())
    assert w2vbench("compare", "a.json", "a.json", cwd=tmp_path).returncode in (0, 3)
    assert (tmp_path / "reports/out/comparison.html").exists()
    again = w2vbench("report", "reports/out/comparison.json", "--out", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again/comparison.md").exists()
