"""Write the outputs of the commands: result files, pages, Markdown, CSV, JUnit XML and summaries for CI."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.history import Trend
    from reports.results import Comparison, ResultFile, Training


@dataclass(frozen=True)
class Outputs:
    """The outputs of a command.

    Attributes
    ----------
    text, result
        The result file, as text and as it is read again.
    paths
        All files that were written.
    stored
        Where a run is stored for ``history``; None if it is not stored.
    """

    text: str
    result: ResultFile
    paths: list[Path]
    stored: Path | None = None


def prepare_folder(folder: Path) -> None:
    """Make sure, before anything is measured, that results can be written. Raises OSError.

    A new folder gets a ``.gitignore``, so that git ignores it.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
    probe = folder / ".writable"
    probe.write_text("")
    probe.unlink()


def keep_run(content: ResultFile, out: Path, *, complete: bool, name: str) -> Outputs:
    """Write a run's result file and reports. Only a complete run with at least one measured case is stored for ``history``."""
    from pytest_benchmark.utils import get_machine_id

    from reports.files import dump, read, store, write
    from reports.page import report

    text = dump(content)
    stored = None
    if complete and content.benchmarks:
        stored = store(Path(".benchmarks") / get_machine_id(), f"w2vbench-{name}", text)
    write(out / "result.json", text)
    result = read(out / "result.json")
    return Outputs(text, result, [*report(result, out), out / "result.json"], stored)


def keep_comparison(comparison: Comparison, content: ResultFile, out: Path, junit: Path | None) -> Outputs:
    """Write a comparison's result file and reports; in a GitHub workflow, add it to the job's summary.

    Parameters
    ----------
    content
        The result file without the comparison.
    junit
        Where to write the verdicts as JUnit XML, if anywhere.
    """
    from reports import comparison_page as reporting
    from reports.comparison import markdown
    from reports.comparison_ci import junit as junit_xml
    from reports.files import dump, read, write
    from reports.results import with_part

    text = dump(with_part(content, comparison=comparison))
    write(out / "comparison.json", text)
    result = read(out / "comparison.json")
    paths = reporting.report(result, out)
    if junit:
        write(junit, junit_xml(comparison))
        paths.append(junit)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with contextlib.suppress(OSError), Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(comparison, result.w2vbench.warnings))
    return Outputs(text, result, [*paths, out / "comparison.json"])


def keep_calibration(out: Path) -> Outputs:
    """Write the Markdown of the calibration in a folder."""
    from reports import calibration as reporting
    from reports.files import read, write

    path = out / "calibration.json"
    result = read(path)
    assert result.w2vbench.calibration is not None
    write(out / "calibration.md", reporting.markdown(result.w2vbench.calibration))
    return Outputs(path.read_text(encoding="utf-8"), result, [out / "calibration.md", path])


def keep_history(trends: Sequence[Trend], skipped: Sequence[str], threshold: float, out: Path) -> list[Path]:
    """Write the page of trends."""
    from reports import history_page as reporting
    from reports.files import write

    write(out / "history.html", reporting.html(trends, skipped, threshold))
    return [out / "history.html"]


def write_quality(training: Training, frame: ResultFile, out: Path, *, complete: bool) -> str:
    """Write the result file of training runs. Return its text."""
    from reports.files import dump, write
    from reports.results import with_part

    text = dump(with_part(frame, training=training, complete=complete))
    write(out / "quality.json", text)
    return text


def keep_quality(training: Training, frame: ResultFile, out: Path, *, complete: bool) -> Outputs:
    """Write the result file and the reports of training runs."""
    from reports import training_page as reporting
    from reports.files import read

    text = write_quality(training, frame, out, complete=complete)
    result = read(out / "quality.json")
    return Outputs(text, result, [*reporting.report(result, out), out / "quality.json"])
