"""The page of a comparison, and its Markdown beside it."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2vbench.reports.drawing.templates import render
from w2vbench.reports.file.files import write_texts
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.result import ResultFile, with_part
from w2vbench.reports.findings.rerun import own_files
from w2vbench.reports.statistics.units import counted, listed, percent

from .stages import looks_of, recomputed
from .tables import (
    ABSENT,
    ENVIRONMENT_HEADER,
    HEADER,
    PASSED,
    SAME,
    SLOWER,
    environment_rows,
    exit_code,
    failing,
    is_about,
    markdown,
    notes,
    outcome,
    ranked,
    row,
    unanswered,
    worst,
)


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``comparison.html`` and ``comparison.md`` into a folder, and return their paths.

    The verdicts are computed anew from the samples in the file.

    Raises
    ------
    ResultError
        If a file cannot be written.
    """
    assert result.w2vbench.comparison is not None
    comparison = recomputed(result.w2vbench.comparison)
    texts = {
        "comparison.html": html(with_part(result, comparison=comparison)),
        "comparison.md": "# w2vbench compare\n\n" + markdown(comparison, result.w2vbench.warnings),
    }
    return write_texts(folder, texts)


def html(result: ResultFile) -> str:
    """Return a self-contained page, with the intervals of all cases drawn on one scale."""
    comparison = result.w2vbench.comparison
    assert comparison is not None
    span = half_width(comparison)
    both = environment_rows(comparison) if comparison.environments else []
    looks = [look.processes for look in looks_of(comparison.cases)]
    return render(
        "comparison.html",
        result=result,
        comparison=comparison,
        heading=f"{comparison.head} against {comparison.base}",
        outcome=outcome(comparison),
        passed=exit_code(comparison) == PASSED,
        excused=any(case.acknowledged is not None for case in comparison.cases),
        failed=exit_code(comparison) == SLOWER,
        environment_header=ENVIRONMENT_HEADER,
        environments=[one for one in both if one[3] != SAME],
        alike=", ".join(f"{name} {version}" for name, version, _, kind in both if kind == SAME and version),
        looks=looks,
        looks_text=listed([str(processes) for processes in looks]) if looks else "",
        header=HEADER,
        rows=[
            (case, row(case), drawing(case, case.margin or comparison.threshold, span)) for case in ranked(comparison)
        ],
        axis=axis(span),
        failing=failing,
        worst=worst,
        steps=steps(comparison, " ".join(["", *own_files(result.w2vbench.command)])),
        notes=list(notes(comparison)),
    )


@dataclass(frozen=True)
class NextSteps:
    """What to do about a case: sentences, each with its command or none, and the files whose differences may be the reason."""

    title: str
    verdict: str
    commands: list[tuple[str, str]]
    files: list[str]


def steps(comparison: Comparison, files: str) -> list[NextSteps]:
    """Return what to do about each case that fails the gate, and about all without an answer together.

    files: options for the user's own files, with a space before them.
    """
    found = [
        NextSteps(
            case.case,
            worst(case),
            after_failure(case, comparison, files),
            [case.file] if case.file in comparison.diffs else list(comparison.diffs),
        )
        for case in ranked(comparison)
        if failing(case)
    ]
    open_cases = [case for case in comparison.cases if unanswered(case)]
    if open_cases and comparison.interleaved:
        names = [f"--only {shlex.quote(case.case)}" for case in open_cases]
        threads = re.search(r",t(\d+)$", open_cases[0].case)  # all have as many
        more = [f"--threads {threads[1]}"] if threads and threads[1] != "1" else []
        sides = f"--packages {quoted_sides(comparison)}" if comparison.environments else base_of(comparison)
        again = " ".join(["w2vbench compare", sides, *names, *more]) + files
        title = counted(len(open_cases), "case")
        found.append(NextSteps(title, "no answer", [("Measure just these, on a quieter machine", again)], []))
    return found


def quoted_sides(comparison: Comparison) -> str:
    """Return both sides as ``compare --packages`` takes them: requirements, then the interpreter, or both of them."""
    sides = [shlex.quote(" ".join(side.requirements)) for side in comparison.environments]
    return " ".join([*sides, "--python", *dict.fromkeys(minor(side.python) for side in comparison.environments)])


def minor(version: str) -> str:
    """Return a Python's version as ``--python`` takes it: ``3.13`` for 3.13.1, and ``3.14t`` for 3.14.0t."""
    return ".".join(version.split(".")[:2]) + "t" * version.endswith("t")


def base_of(comparison: Comparison) -> str:
    return comparison.base_commit[:12] if comparison.base_commit else comparison.base


def after_failure(case: ComparedRow, comparison: Comparison, files: str) -> list[tuple[str, str]]:
    """What to do about a case that fails the gate."""
    if case.verdict in ("wrong", "broken"):
        return [("Check it against its reference", f"w2vbench check --kernel {case.kernel}{files}")]
    if not comparison.interleaved:
        return [("Profile it line by line", f"w2vbench profile {case.case}{files}")]
    if comparison.environments:
        return [("Find the release that changed it", releases_command(comparison, case, files))]
    at_base = f"git worktree add ../base {base_of(comparison)} && (cd ../base && w2vbench profile {case.case}{files})"
    return [
        ("Profile it line by line at HEAD", f"w2vbench profile {case.case}{files}"),
        ("and at BASE", at_base),
        ("Remove the copy of BASE then", "git worktree remove ../base"),
        ("If it is intended, say so in a tracked file", f"w2vbench history --acknowledge {case.case} --why '…'"),
    ]


def releases_command(comparison: Comparison, case: ComparedRow, files: str) -> str:
    """The command that times a case over the releases between both sides, of the first package that was asked for.

    All else is as at HEAD. If one side lacks the package, its releases up to the other side's are timed.
    """
    asked = [row for row in environment_rows(comparison) if row[3] != SAME and row[0] not in ("Python", "BLAS")]
    if not asked:
        return f"w2vbench profile {shlex.quote(case.case)}{files}"
    name, *sides, _ = asked[0]
    *lowest, highest = sorted((version for version in sides if version != ABSENT), key=numbers)
    releases = ",".join([*(f">={version}" for version in lowest), f"<={highest}"])
    head = comparison.environments[-1]
    words = ["versions", name, releases, "--python", minor(head.python), "--only", case.case]
    if lowest:
        words.append("--all")
    if others := " ".join(one for one in head.requirements if not is_about(name, one)):
        words += ["--with", others]
    return f"w2vbench {shlex.join(words)}{files}"


def numbers(version: str) -> list[int]:
    """Return a version's numbers, by which releases are in order."""
    return [int(part) for part in re.findall(r"\d+", version)]


WIDE = 220.0
NARROWEST, WIDEST = math.log(1.05), math.log(2)


def axis(span: float) -> list[tuple[float, str, str]]:
    """Return position, text and alignment of the labels of the intervals' scale."""
    return [
        (4.0, percent(math.exp(-span)), "start"),
        (WIDE / 2, "no change", "middle"),
        (WIDE - 4, percent(math.exp(span)), "end"),
    ]


def half_width(comparison: Comparison) -> float:
    """Half the scale's width as a logarithm: enough for every interval, but between NARROWEST and WIDEST."""
    ratios = [case.ratio for case in comparison.cases if case.ratio]
    ends = [abs(math.log(end)) for one in ratios for end in (one.low, one.high, one.estimate) if end]
    return min(WIDEST, max(NARROWEST, 2 * math.log1p(comparison.threshold), *ends))


def drawing(case: ComparedRow, threshold: float, span: float) -> dict[str, Any] | None:
    """Positions of a case's interval and of the threshold on the scale. What lies outside is drawn at its ends.

    ``beyond`` is 1 or -1 where the change itself lies outside, else 0.
    """
    if case.ratio is None:
        return None

    def place(ratio: float) -> float:
        return round(min(1.0, max(0.0, 0.5 + math.log(ratio) / (2 * span))) * (WIDE - 8) + 4, 1)

    ratio = case.ratio
    change = math.log(ratio.estimate)
    return {
        "beyond": 0 if abs(change) <= span else 1 if change > 0 else -1,
        "at": place(ratio.estimate),
        "low": place(ratio.estimate if ratio.low is None else max(ratio.low, 1e-12)),
        "high": place(ratio.estimate if ratio.high is None else ratio.high),
        "zero": place(1.0),
        "margin": (place(1 / (1 + threshold)), place(1 + threshold)),
    }
