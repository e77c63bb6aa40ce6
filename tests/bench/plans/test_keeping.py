"""Results written over those of an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.plans.run.keeping import keep, replaced
from w2vbench.reports.file.files import ResultError, read, write

from tests import saved
from tests.saved import row


def test_a_page_that_a_smaller_run_replaces_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("my out/result.json")
    large, small = saved.result(row("gather", 1e-5), row("take", 1e-5)), saved.result(row("gather", 1e-5))
    kept = keep(large, out, 0, store_as="default")
    assert replaced(out, large) == ""
    said = replaced(out, small)
    assert said == (
        "my out showed an earlier run, with 1 timing that this one lacks; its page: w2vbench report "
        f"{kept.stored} --out earlier"
    )
    keep(small, out, 0)
    assert replaced(out, large) == ""  # which has all that is there


def test_what_is_stored_nowhere_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("out/result.json")
    whole = saved.result(row("gather", 1e-5), row("take", 1e-5))
    keep(whole, out, 0)
    Path(".benchmarks/here").mkdir(parents=True)
    Path(".benchmarks/here/0001_gone.json").symlink_to("nowhere")
    Path(".benchmarks/here/0002_folder.json").mkdir()
    assert replaced(out, saved.result()).endswith(
        "with 2 timings that this one lacks; its page: w2vbench report out/result.previous-1.json --out earlier"
    )
    assert len(read(out.with_name("result.previous-1.json")).benchmarks) == 2


@pytest.mark.parametrize("text", ["", "no JSON", "{}"])
def test_a_file_that_is_no_result_is_nothing_to_keep(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    write(path, text)
    with pytest.raises(ResultError):
        read(path)
    assert replaced(path, saved.result()) == ""
    assert path.exists()
