"""Write the outputs of the commands: result files, pages, Markdown, CSV, JUnit XML and summaries for CI."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.result_schema import Comparison, ResultFile


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


def keep(content: ResultFile, path: Path) -> Outputs:
    """Write a result file, and its reports into the same folder."""
    from reports.files import dump, read, write
    from reports.page import report

    text = dump(content)
    write(path, text)
    result = read(path)
    return Outputs(text, result, [*report(result, path.parent), path])


def keep_run(content: ResultFile, out: Path, *, complete: bool, name: str) -> Outputs:
    """Write a run's result file and reports. Only a complete run with at least one measured case is stored for ``history``."""
    from pytest_benchmark.utils import get_machine_id

    from reports.files import dump, store

    stored = None
    if complete and content.benchmarks:
        stored = store(Path(".benchmarks") / get_machine_id(), f"w2vbench-{name}", dump(content))
    return replace(keep(content, out / "result.json"), stored=stored)


def keep_comparison(comparison: Comparison, content: ResultFile, out: Path, junit: Path | None) -> Outputs:
    """Write a comparison's result file and reports; in a GitHub workflow, add it to the job's summary.

    Parameters
    ----------
    content
        The result file without the comparison.
    junit
        Where to write the verdicts as JUnit XML, if anywhere.
    """
    from reports.comparison import markdown
    from reports.comparison_ci import junit as junit_xml
    from reports.files import write
    from reports.result_schema import with_part

    kept = keep(with_part(content, comparison=comparison), out / "comparison.json")
    if junit:
        write(junit, junit_xml(comparison))
        kept.paths.insert(-1, junit)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with contextlib.suppress(OSError), Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(comparison, kept.result.w2vbench.warnings))
    return kept
