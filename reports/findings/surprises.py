"""What a reader would not expect, found by rule: pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.memory import call_peak
from w2vbench.reports.file.schema.result import ResultFile, SizeRecord
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import counted, seconds, share, size_bytes

from .answers import Answer, answers, at, slower_text
from .reasons import MUCH, NOTABLE, allocated, bytes_moved, limit_words, moved
from .sizes import types

LOSES = 1.2
"""From this ratio up, an implementation that comes after the textbook's and is slower than it is a surprise."""
STAGES = {"sampling": "drawing the negatives", "output": "scoring words and their gradients"}
"""What a stage of training does, in the words of a sentence."""
GAIN = 1.1
"""Within this ratio, compiling makes no difference that matters. Far slower compiled code is badly written, which says nothing of compiling."""
KNOWN = 1.5
"""Only where the ratio's interval reaches no further than this."""


@dataclass(frozen=True)
class Surprise:
    """Something that a reader would not expect, found by rule."""

    title: str  # one clause; code stands in backticks
    text: str  # figures and reason
    problem: str  # where it was found
    subject: str  # what it is about: of several about the same, the most surprising one is shown
    weight: float  # how surprising it is: surprises are shown from the largest down
    ratio: Interval | None = None  # the ratio that its sentences word, if any


def surprises(result: ResultFile) -> list[Surprise]:
    """Return what surprises on the fewest threads, the most surprising first: one of each kind and kernel, and of each implementation that loses."""
    every_answer = answers(result)
    fewest = min((answer.size.threads for answer in every_answer.values()), default=1)
    found = {problem: answer for problem, answer in every_answer.items() if answer.size.threads == fewest}
    every: list[Surprise] = []
    for kind in (losers, no_gain_by_compiling, textbook_ties):
        by_rule = [one for answer in found.values() for one in kind(answer, result)]
        subjects: dict[str, Surprise] = {}
        for one in sorted(by_rule, key=lambda one: -one.weight):
            subjects.setdefault(one.subject, one)
        every += list(subjects.values())[: 2 if kind is losers else 1]
    every += [*list(slower_chapter(found, result))[:1], *sampling_against_softmax(found)]
    return sorted(every, key=lambda one: -one.weight)


def place(size: SizeRecord) -> str:
    """Return a size in words, with H: a surprise may be of another H than the tables around it."""
    return at(size) + (f", H = {size.H:,}" if size.H > 1 else "")


def losers(answer: Answer, result: ResultFile) -> Iterator[Surprise]:
    """Implementations that are slower than the textbook's."""
    book = answer.baseline
    for row in answer.rows:
        if book is None or row.extra_info.family in ("textbook", "framework"):
            continue
        ratio = answer.slower(row, book)
        if ratio.estimate >= LOSES and (ratio.low is None or ratio.low > 1):
            reason = ""
            moves, least = moved(row) or 0.0, moved(book) or 0.0
            if moves >= MUCH * least > 0:
                reason = f": it {bytes_moved(row)}"
            elif call_peak(book.extra_info) and allocated(row) >= max(MUCH * allocated(book), NOTABLE * moves, 1.0):
                reason = f": it allocates {size_bytes(allocated(row))} a call"
            yield Surprise(
                f"`{row.slug}` is {slower_text(ratio)} than the textbook’s `{book.slug}`",
                f"{seconds(wall_s(row))} against {seconds(wall_s(book))} for {answer.kernel} at {place(answer.size)}{reason}.",
                answer.problem,
                row.slug,
                1 + math.log(ratio.estimate),
                ratio,
            )


def no_gain_by_compiling(answer: Answer, result: ResultFile) -> Iterator[Surprise]:
    """Problems whose best compiled implementation is about as fast as the best of NumPy."""
    compiled, plain = answer.best("compiled"), answer.best("NumPy/SciPy")
    if not compiled or not plain or not answer.ranking.tested:
        return
    ratio = answer.slower(plain, compiled)
    known = ratio.low is not None and ratio.high is not None and ratio.low > 1 / KNOWN and ratio.high < KNOWN
    if known and 1 / GAIN < ratio.estimate < GAIN:
        limit = limit_words(plain, result)
        yield Surprise(
            f"Compiling gains hardly anything: {answer.kernel} at {place(answer.size)}",
            f"`{compiled.slug}` takes {seconds(wall_s(compiled))}, `{plain.slug}` without a compiler {seconds(wall_s(plain))}"
            f"{f': {limit}' if limit else ''}.",
            answer.problem,
            answer.kernel,
            1 + math.log10(answer.size.V) / 10,
        )


def textbook_ties(answer: Answer, result: ResultFile) -> Iterator[Surprise]:
    """Problems in which nothing is clearly faster than the textbook's implementation."""
    book = answer.baseline
    if book and answer.ties(book) and len(answer.rows) > 1 and answer.ranking.conclusive:
        limit = limit_words(book, result)
        yield Surprise(
            f"Nothing clearly beats the textbook: {answer.kernel} at {place(answer.size)}",
            f"`{book.slug}` takes {seconds(wall_s(book))} a call{f': {limit}' if limit else ''}.",
            answer.problem,
            answer.kernel,
            1 + math.log10(answer.size.V) / 10,
        )


def slower_chapter(found: Mapping[str, Answer], result: ResultFile) -> Iterator[Surprise]:
    """Training with the book's negative sampling (chapter 4.2) that is slower than with full softmax (4.1), and the stage that is why."""
    for answer in found.values():
        rows = {row.slug: row for row in answer.rows}
        softmax, sampled = rows.get("chapter-4-1"), rows.get("chapter-4-2")
        if softmax is None or sampled is None:
            continue
        ratio = answer.slower(sampled, softmax)
        if ratio.low is not None and ratio.low > 1:
            stages = result.w2vbench.stages.get(sampled.case, {})
            largest = max(stages, key=lambda name: stages[name], default="")
            total, objective = sum(stages.values()), answer.kernel.partition(".")[2]
            reason = f": {share(stages[largest] / total)} of it is {STAGES.get(largest, largest)}" if total else ""
            yield Surprise(
                f"Chapter 4.2 trains {objective} slower than chapter 4.1",
                f"A call takes {seconds(wall_s(sampled))} with negative sampling and {seconds(wall_s(softmax))} with full "
                f"softmax ({slower_text(ratio)}), at {place(answer.size)}{reason}.",
                answer.problem,
                answer.kernel,
                3 + math.log(ratio.estimate),
                ratio,
            )


def sampling_against_softmax(found: Mapping[str, Answer]) -> Iterator[Surprise]:
    """The largest vocabulary at which the book's negative sampling is no faster than its full softmax."""
    softmaxes = {
        (answer.size.V, answer.size.B, answer.size.H, types(answer.size)): answer
        for answer in found.values()
        if answer.kernel == "output.softmax"
    }
    no_faster = []
    for answer in found.values():
        full = softmaxes.get((answer.size.V, answer.size.B, answer.size.H, types(answer.size)))
        if answer.kernel == "output.negative-sampling" and full and answer.baseline and full.baseline:
            sampled_s, full_s = wall_s(answer.baseline), wall_s(full.baseline)
            if sampled_s >= full_s:
                no_faster.append((answer, sampled_s, full_s))
    if no_faster:
        answer, sampled_s, full_s = max(no_faster, key=lambda one: one[0].size.V)
        yield Surprise(
            f"The book’s negative sampling is no faster than full softmax at V = {answer.size.V:,}",
            f"{seconds(sampled_s)} against {seconds(full_s)} for {counted(answer.size.B, 'example')}. (The two were timed apart: such "
            "ratios may be off by tens of per cent.)",
            answer.problem,
            answer.kernel,
            3.0,
        )
