"""Write what commands leave: result files, pages, Markdown, CSV, JUnit XML and summaries for CI."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from filecmp import cmp
from itertools import count
from pathlib import Path
from shlex import quote

from pytest_benchmark.utils import get_machine_id
from w2vbench.reports.compare.ci import junit as junit_xml
from w2vbench.reports.compare.tables import exit_code, markdown
from w2vbench.reports.file.files import ResultError, dump, read, store, write
from w2vbench.reports.file.schema.comparison import Comparison
from w2vbench.reports.file.schema.result import ResultFile, with_part
from w2vbench.reports.outputs import report
from w2vbench.reports.statistics.units import counted

from .request import PlanError


@dataclass(frozen=True)
class Outputs:
    """The outputs of a command."""

    # the result file, as text and as it is read again
    text: str
    result: ResultFile
    paths: list[Path]  # all files that were written
    exit_code: int  # the command's
    unfinished: str = ""  # how far it came, if it was interrupted
    stored: Path | None = None  # where a run is stored for ``history``; None if it is not stored
    not_stored: str = ""  # why it could not be stored


def prepare_folder(folder: Path, junit: Path | None = None) -> None:
    """Make sure, before anything is measured, that results can be written. Raises PlanError, OSError.

    A new folder gets a ``.gitignore``, so that git ignores it. junit: where verdicts go as JUnit XML, if anywhere.
    """
    nearest = next((at for at in (folder, *folder.parents) if at.exists()), folder)
    if nearest.exists() and not nearest.is_dir():
        raise PlanError(f"--out: {nearest} is a file, not a folder")
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
    probe = folder / ".writable"
    probe.write_text("")
    probe.unlink()
    if junit and not junit.parent.is_dir():
        raise PlanError(f"--junit: no folder {junit.parent}: make it first")
    if junit and junit.exists() and not junit.is_file():
        raise PlanError(f"--junit: {junit} is no ordinary file")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Prepare a folder, and lock it. Raises PlanError if another run has locked it."""
    prepare_folder(folder)
    try:
        import fcntl
    except ImportError:  # not available on this system
        yield
        return
    with (folder / ".running").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PlanError(f"{folder}: another run is writing there: give this one another --out") from error
        yield


def put_aside(path: Path) -> Path | None:
    """Rename the file of an earlier run, so that it is not overwritten. Return its new path, or None if there is no file."""
    if not path.exists():
        return None
    names = (path.with_suffix(f".previous-{number}{path.suffix}") for number in count(1))
    return path.replace(next(name for name in names if not name.exists()))


def replaced(path: Path, content: ResultFile) -> str:
    """Say where an earlier run's result file is that is about to be replaced, if the new one lacks cases of it; else return an empty string.

    A file that is not stored for ``history`` is put aside.
    """
    try:
        earlier = read(path)
    except ResultError:
        return ""
    cases = {row.case for row in content.benchmarks}
    lost = sum(row.case not in cases for row in earlier.benchmarks)
    if not lost:
        return ""
    file = next((one for one in sorted(Path(".benchmarks").glob("*/*.json")) if same_text(one, path)), None)
    try:
        file = file or put_aside(path)
    except OSError:  # a result that is new counts for more
        return f"{path.parent} showed an earlier run, with {counted(lost, 'timing')} that this one lacks"
    again = f"w2vbench report {quote(str(file))} --out {quote(str(path.parent.with_name('earlier')))}"
    return f"{path.parent} showed an earlier run, with {counted(lost, 'timing')} that this one lacks; its page: {again}"


def same_text(one: Path, other: Path) -> bool:
    """Whether two files have the same content. One that cannot be read has not."""
    try:
        return one.stat().st_size == other.stat().st_size and cmp(one, other, shallow=False)
    except OSError:
        return False


def keep(content: ResultFile, path: Path, exit_code: int, *, unfinished: str = "", store_as: str = "") -> Outputs:
    """Write a result file, and its reports into the same folder. store_as: its name for ``history``, if it is stored."""
    text, stored, not_stored = dump(content), None, ""
    write(path, text)
    result = read(path)
    paths = [*report(result, path.parent), path]
    if store_as:
        try:
            stored = store(Path(".benchmarks") / get_machine_id(), f"w2vbench-{store_as}", text)
        except ResultError as error:  # the current folder may be read-only, and --out elsewhere
            not_stored = str(error)
    return Outputs(
        text=text,
        result=result,
        paths=paths,
        exit_code=exit_code,
        unfinished=unfinished,
        stored=stored,
        not_stored=not_stored,
    )


def keep_comparison(comparison: Comparison, content: ResultFile, *, out: Path, junit: Path | None) -> Outputs:
    """Write a comparison's result file and reports; in a GitHub workflow, add it to the job's summary.

    Parameters
    ----------
    content
        The result file without the comparison.
    junit
        Where to write the verdicts as JUnit XML, if anywhere.
    """
    kept = keep(with_part(content, comparison=comparison), out / "comparison.json", exit_code(comparison))
    if junit:
        write(junit, junit_xml(comparison))
        kept.paths.insert(-1, junit)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with contextlib.suppress(OSError), Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(comparison, kept.result.w2vbench.warnings))
    return kept
