"""Why an implementation is faster than the textbook's: in bytes, operations, stages, lines and limits of the very size."""

from __future__ import annotations

import math

from w2vbench.reports.drawing.lines import total_s
from w2vbench.reports.file.frame import wall_s, wall_time
from w2vbench.reports.file.limits import ARITHMETIC, CACHE, CALL, MEMORY, exceeded, roofline_limit
from w2vbench.reports.file.memory import call_peak, setup_peak
from w2vbench.reports.file.schema.result import ResultFile, Row
from w2vbench.reports.statistics.units import amount, seconds, share, size_bytes

from .answers import Answer

MUCH = 3.0
"""From this ratio of operations or memory up, the difference is given as a reason for a difference in time."""
SAME = 0.1
"""Below this relative difference, two calls move the same number of bytes."""
NOTABLE = 0.2
"""Memory below this share of the bytes that a call moves is no reason for its time."""


def moved(row: Row) -> float | None:
    """Bytes that a call reads and writes; None where the file does not say."""
    read, written = row.extra_info.read_bytes, row.extra_info.written_bytes
    return None if read is None or written is None else read + written


def per(unit: str) -> str:
    return f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"


def bytes_moved(row: Row) -> str:
    """``moves 320 MB a call, 40.0 MB a word``; ``at least``, where the file has only what every implementation must move."""
    size, unit, moves = row.extra_info.size, row.extra_info.unit, moved(row) or 0.0
    each = f", {size_bytes(moves / size.B)} {per(unit)}" if unit and size.B > 1 else ""
    least = "" if row.extra_info.moves_more else "at least "
    return f"moves {least}{size_bytes(moves)} a call{each}"


def why(answer: Answer, result: ResultFile) -> str:
    """Return why the case to use is faster than the textbook's, in bytes and operations of this size, or in what its stages
    take. Code stands in backticks."""
    if stages := stages_words(answer, result):
        return stages
    use, book = answer.use, answer.baseline
    if book is None or len(answer.rows) == 1:
        return ""
    limit = limit_words(use, result)
    if answer.ties(book):
        return f"Nothing is clearly faster than the textbook’s `{book.slug}`{f': {limit}' if limit else ''}."
    theirs, ours = moved(book), moved(use)
    if not theirs or not ours:
        return ""
    flops, fewer_flops = book.extra_info.flops, use.extra_info.flops
    sentences = []
    if theirs >= MUCH * ours:
        sentences.append(f"`{book.slug}` {bytes_moved(book)}; `{use.slug}` {bytes_moved(use)}.")
    if flops is not None and fewer_flops is not None and flops >= MUCH * max(fewer_flops, 1.0):
        sentences.append(
            f"`{book.slug}` computes {amount(flops)} operations; `{use.slug}` {amount(fewer_flops) if fewer_flops else 'none'}."
        )
    if not sentences or MUCH * theirs / ours < answer.slower(book).estimate:
        more = same_work(book, use, result)
        same = (
            f"`{book.slug}` and `{use.slug}` both move {'at least ' * (not use.extra_info.moves_more)}{size_bytes(ours)} a call."
            if math.isclose(theirs, ours, rel_tol=SAME)
            else ""
        )
        sentences += [sentence for sentence in (same, more) if sentence]
    if limit:
        sentences.append(f"{limit[0].upper()}{limit[1:]}.")
    return " ".join(sentences)


def stages_words(answer: Answer, result: ResultFile) -> str:
    """Where the time of each textbook implementation and of the best of NumPy goes, where the stages of a call were timed."""
    parts, plain = [], answer.best("NumPy/SciPy")
    for row in answer.rows:
        stages = result.w2vbench.stages.get(row.case, {})
        if any(stages.values()) and (row.extra_info.family == "textbook" or row is plain):
            most = max(stages, key=lambda name: stages[name])
            parts.append(f"`{row.slug}` spends {share(stages[most] / sum(stages.values()))} of a call on {most}")
    return f"{'; '.join(parts)}." if parts else ""


def hottest_line(row: Row, result: ResultFile) -> tuple[float, str] | None:
    """Return the share of a case's time that its slowest line takes, and the line; None where it was not profiled."""
    profile = result.w2vbench.profiles.get(row.case)
    total = total_s(profile) if profile else 0.0
    if not profile or not total:
        return None
    line = max(profile.lines, key=lambda line: line.time_s or 0.0)
    return (line.time_s or 0.0) / total, line.text.strip().replace("`", "'")


def same_work(book: Row, use: Row, result: ResultFile) -> str:
    """Why one of two cases with the same work is slower."""
    B, unit = book.extra_info.size.B, book.extra_info.unit
    hottest = hottest_line(book, result)
    if hottest and book.extra_info.grows_with:
        return f"{share(hottest[0])} of the time of `{book.slug}` is `{hottest[1]}`."
    if book.extra_info.loops and use.extra_info.family != "textbook":
        each = f", {seconds(wall_s(book) / B)} {per(unit)}" if unit and B > 1 and not book.extra_info.grows_with else ""
        how = {"compiled": "in compiled code", "framework": "inside the framework"}.get(
            use.extra_info.family, "inside NumPy"
        )
        return f"`{book.slug}` loops over the batch in Python{each}; `{use.slug}` loops {how}."
    kept = setup_peak(use.extra_info)
    theirs = allocated(use) + (kept.size_bytes if kept else 0)  # what set-up keeps need not be allocated again
    if allocated(book) >= MUCH * theirs and allocated(book) >= NOTABLE * (moved(use) or 0.0):
        return (
            f"`{book.slug}` allocates {size_bytes(allocated(book))} a call, `{use.slug}` {size_bytes(allocated(use))}."
        )
    return ""


def allocated(row: Row) -> int:
    """Bytes that a call allocates at most."""
    peak = call_peak(row.extra_info)
    return peak.size_bytes if peak else 0


def limit_words(row: Row, result: ResultFile) -> str:
    """How far a case is from what the machine can do; empty where no limit explains its time."""
    limit = roofline_limit(row, result.w2vbench, wall_time(row))
    if limit is None or limit.share.estimate < 0.2 or exceeded(limit.share):
        return ""
    part = f"{share(limit.share.estimate)} of" if round(limit.share.estimate, 2) < 1 else "all"
    needs = f"this machine needs {part} the time of `{row.slug}`"
    if limit.name in (MEMORY, CACHE):
        return f"{needs} just to move {'as many bytes' if row.extra_info.moves_more else 'these rows'}"
    if limit.name == ARITHMETIC:
        return f"{needs} for a matrix product of as many operations"
    return f"{needs} to call an empty function" if limit.name == CALL else ""
