"""What the commands keep: result files, pages, Markdown, CSV, JUnit XML and summaries for CI."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.history import Trend
    from reports.results import Comparison, ResultFile


@dataclass(frozen=True)
class Kept:
    """A result file that was written, as text and as read again, and the files beside it. stored: where a run is kept for
    its history; None if it is not."""

    text: str
    result: ResultFile
    paths: list[Path]
    stored: Path | None = None


def writable(folder: Path) -> None:
    """Make sure that results can be written before anything is measured. Raises OSError.

    A folder that is made here asks git to ignore it.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
    probe = folder / ".writable"
    probe.write_text("")
    probe.unlink()


def keep_run(content: dict[str, Any], out: Path, *, complete: bool, name: str) -> Kept:
    """Keep a run's results, and build its reports. A run that measured nothing, or not all of it yet, has no place in a history."""
    from pytest_benchmark.utils import get_machine_id

    from reports.page import report
    from reports.results import dump, read, store, write

    text = dump(content)
    stored = None
    if complete and content["benchmarks"]:
        stored = store(Path(".benchmarks") / get_machine_id(), f"w2vbench-{name}", text)
    write(out / "result.json", text)
    result = read(out / "result.json")
    return Kept(text, result, [*report(result, out), out / "result.json"], stored)


def keep_comparison(found: Comparison, content: dict[str, Any], out: Path, junit: Path | None) -> Kept:
    """Keep a comparison's result file, whose other content is given, and its reports; CI's summary too, where there is one."""
    from reports import comparison as reporting
    from reports.results import dump, read, write

    content["w2vbench"]["comparison"] = found.model_dump(mode="json")
    text = dump(content)
    write(out / "comparison.json", text)
    result = read(out / "comparison.json")
    paths = reporting.report(result, out)
    if junit:
        write(junit, reporting.junit(found))
        paths.append(junit)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with contextlib.suppress(OSError), Path(summary).open("a", encoding="utf-8") as file:
            file.write(reporting.markdown(found, result.w2vbench.warnings))
    return Kept(text, result, [*paths, out / "comparison.json"])


def keep_calibration(out: Path) -> Kept:
    """Write the trials that a folder has as Markdown too."""
    from reports import calibration as reporting
    from reports.results import read, write

    path = out / "calibration.json"
    result = read(path)
    assert result.w2vbench.calibration is not None
    write(out / "calibration.md", reporting.markdown(result.w2vbench.calibration))
    return Kept(path.read_text(encoding="utf-8"), result, [out / "calibration.md", path])


def keep_history(found: Sequence[Trend], left: Sequence[str], threshold: float, out: Path) -> list[Path]:
    """Write the page of trends."""
    from reports import history as reporting
    from reports.results import write

    write(out / "history.html", reporting.html(found, left, threshold))
    return [out / "history.html"]


def write_quality(training: dict[str, Any], frame: dict[str, Any], out: Path, *, complete: bool) -> str:
    """Keep whole training runs in a result file, and give its text."""
    from reports.results import dump, write

    suite = {**frame["w2vbench"], "training": training, "complete": complete}
    text = dump({**frame, "w2vbench": suite})
    write(out / "quality.json", text)
    return text


def keep_quality(training: dict[str, Any], frame: dict[str, Any], out: Path, *, complete: bool) -> Kept:
    """Keep whole training runs, and build their page."""
    from reports import training as reporting
    from reports.results import read

    text = write_quality(training, frame, out, complete=complete)
    result = read(out / "quality.json")
    return Kept(text, result, [*reporting.report(result, out), out / "quality.json"])
