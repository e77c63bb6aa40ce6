"""Which implementation to use for each problem, how much slower the others are, why, and what surprised: pure functions.

The page, the terminal and the Markdown report all show these answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from .frame import example_s, wall_s, wall_time
from .limits import ARITHMETIC, CACHE, CALL, MEMORY, RooflineLimit, exceeded, roofline_limit
from .memory import call_peak, setup_peak
from .ranking import Ranking, rank, winner_speedup
from .rerun import rerun_command
from .result_schema import Family, ResultFile, Row, SizeRecord
from .sizes import nearest, size_to_show, types
from .statistics import Interval
from .units import seconds, share, size_bytes, slower, three, two

FAMILIES: tuple[Family, ...] = ("textbook", "NumPy/SciPy", "compiled", "framework")
MUCH = 3.0
"""From this ratio of operations or memory up, the difference is given as a reason for a difference in time."""
SAME = 0.1
"""Below this relative difference, two calls move the same number of bytes."""
LOSES = 1.2
"""From this ratio up, an implementation that comes after the textbook's and is slower than it is a surprise."""
FEW = 2
"""Up to this many undecided cases are named in the command that decides them; more are the whole problem."""
NOTABLE = 0.2
"""Memory below this share of the bytes that a call moves is no reason for its time."""
GAIN = 1.1
"""Below this ratio, compiling gains nothing."""


@dataclass(frozen=True)
class Answer:
    """What was found for one problem.

    Attributes
    ----------
    problem
        Its name.
    rows
        Its measured cases, in the file's order: from the textbook's to the fastest.
    ranking
        Which of them are fastest.
    """

    problem: str
    rows: tuple[Row, ...]
    ranking: Ranking

    @property
    def kernel(self) -> str:
        return self.rows[0].extra_info.kernel

    @property
    def size(self) -> SizeRecord:
        return self.rows[0].extra_info.size

    @property
    def use(self) -> Row:
        """The case to use: the fastest, and of several that tie the simplest."""
        return self.ranking.recommended

    @cached_property
    def baseline(self) -> Row | None:
        return next((row for row in self.rows if row.extra_info.baseline), None)

    def best(self, family: str) -> Row | None:
        """Return the case to use of one family."""
        rows = [row for row in self.rows if row.extra_info.family == family]
        return rank(rows).recommended if rows else None

    def ties(self, row: Row) -> bool:
        """Whether a case is as fast as the one to use."""
        return row in self.ranking.fastest

    def slower(self, row: Row, than: Row | None = None) -> Interval:
        """Return a case's time over another's, by default over that of the case to use.

        The ratio is per example where calls cover different numbers. The intervals of all cases of the problem hold together
        (Bonferroni), since the data chose the case to use.
        """
        other = than or self.use
        return winner_speedup(other, row, self.rows) or Interval(example_s(row) / example_s(other))


@lru_cache(maxsize=1)
def answers(result: ResultFile) -> dict[str, Answer]:
    """Return an answer for each problem with measured cases, in the file's order."""
    problems: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        problems.setdefault(f"{row.extra_info.kernel}@{row.case.rpartition('@')[2]}", []).append(row)
    return {problem: Answer(problem, tuple(rows), rank(rows)) for problem, rows in problems.items()}


def by_kernel(found: Mapping[str, Answer]) -> dict[str, list[Answer]]:
    kernels: dict[str, list[Answer]] = {}
    for answer in found.values():
        kernels.setdefault(answer.kernel, []).append(answer)
    return kernels


def sizes(found: Mapping[str, Answer]) -> list[tuple[str, SizeRecord]]:
    """Return kernel and size of each answer."""
    return [(answer.kernel, answer.size) for answer in found.values()]


def at_one_size(result: ResultFile) -> list[Answer]:
    """Return one answer for each kernel, at the size that is nearest to the one to show first."""
    found = answers(result)
    size = size_to_show(sizes(found))
    if size is None:
        return []
    return [
        nearest(its, lambda answer: answer.size, size.V, size.B, size.H, types(size))
        for its in by_kernel(found).values()
    ]


# -- why


def slug(row: Row) -> str:
    return row.extra_info.implementation


def moved(row: Row) -> float | None:
    """Bytes that a call reads and writes; None where the file does not say."""
    read, written = row.extra_info.read_bytes, row.extra_info.written_bytes
    return None if read is None or written is None else read + written


def count(number: float) -> str:
    """Return a number of operations: ``3,600``, ``5.2 million``, ``2.1 billion``."""
    for factor, name in ((1e9, " billion"), (1e6, " million")):
        if number >= 0.9995 * factor:
            return f"{three(number / factor)}{name}"
    return f"{number:,.0f}"


EXAMPLES = {"lookup": "word", "scatter": "word", "sampling": "word", "output": "example"}
"""What the B of a call counts, by group of kernels."""


def example(row: Row) -> str:
    return EXAMPLES.get(row.extra_info.kernel.partition(".")[0], "")


def per(unit: str) -> str:
    return f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"


def bytes_moved(row: Row) -> str:
    """``moves 320 MB a call, 40.0 MB a word``."""
    size, unit, moves = row.extra_info.size, example(row), moved(row) or 0.0
    each = f", {size_bytes(moves / size.B)} {per(unit)}" if unit and size.B > 1 else ""
    return f"moves {size_bytes(moves)} a call{each}"


def why(answer: Answer, result: ResultFile) -> str:
    """Return why the case to use is faster than the textbook's, in bytes and operations of this size, or in what its stages
    take. Code stands in backticks."""
    if stages := stages_words(answer, result):
        return stages
    use, book = answer.use, answer.baseline
    if book is None:
        return ""
    limit = limit_words(use, result)
    if answer.ties(book):
        return f"Nothing is clearly faster than the textbook’s `{slug(book)}`{f': {limit}' if limit else ''}."
    theirs, ours = moved(book), moved(use)
    if not theirs or not ours:
        return ""
    flops, fewer_flops = book.extra_info.flops, use.extra_info.flops
    sentences = []
    if theirs >= MUCH * ours:
        sentences.append(f"`{slug(book)}` {bytes_moved(book)}; `{slug(use)}` {bytes_moved(use)}.")
    if flops is not None and fewer_flops is not None and flops >= MUCH * max(fewer_flops, 1.0):
        sentences.append(
            f"`{slug(book)}` computes {count(flops)} operations; `{slug(use)}` {count(fewer_flops) if fewer_flops else 'none'}."
        )
    if not sentences or MUCH * theirs / ours < answer.slower(book).estimate:
        more = same_work(book, use, result)
        same = (
            f"`{slug(book)}` and `{slug(use)}` both move {size_bytes(ours)} a call."
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
            parts.append(f"`{slug(row)}` spends {share(stages[most] / sum(stages.values()))} of a call on {most}")
    return f"{'; '.join(parts)}." if parts else ""


def hottest_line(row: Row, result: ResultFile) -> tuple[float, str] | None:
    """Return the share of a case's time that its slowest line takes, and the line; None where it was not profiled."""
    profile = result.w2vbench.profiles.get(row.case)
    total = sum(line.time_s or 0.0 for line in profile.lines) if profile else 0.0
    if not profile or not total:
        return None
    line = max(profile.lines, key=lambda line: line.time_s or 0.0)
    return (line.time_s or 0.0) / total, line.text.strip().replace("`", "'")


def same_work(book: Row, use: Row, result: ResultFile) -> str:
    """Why one of two cases with the same work is slower."""
    B, unit = book.extra_info.size.B, example(book)
    hottest = hottest_line(book, result)
    if hottest and book.extra_info.grows_with:
        return f"{share(hottest[0])} of the time of `{slug(book)}` is `{hottest[1]}`."
    if book.extra_info.loops and not book.extra_info.grows_with and use.extra_info.family != "textbook":
        each = f", {seconds(wall_s(book) / B)} {per(unit)}" if unit and B > 1 else ""
        how = {"compiled": "in compiled code", "framework": "inside the framework"}.get(
            use.extra_info.family, "inside NumPy"
        )
        return f"`{slug(book)}` loops over the batch in Python{each}; `{slug(use)}` loops {how}."
    if held(book) >= MUCH * held(use) and held(book) >= NOTABLE * (moved(use) or 0.0):
        return f"`{slug(book)}` needs {size_bytes(held(book))} of memory, `{slug(use)}` {size_bytes(held(use))}."
    return ""


def held(row: Row) -> int:
    """Bytes that a call allocates at most, and that set-up keeps."""
    return sum(peak.size_bytes for peak in (call_peak(row.extra_info), setup_peak(row.extra_info)) if peak)


def limit_words(row: Row, result: ResultFile) -> str:
    """How far a case is from what the machine can do; empty where no limit explains its time."""
    limit = limit_of(row, result)
    if limit is None or limit.share.estimate < 0.2 or exceeded(limit.share):
        return ""
    of_it = f"{share(min(limit.share.estimate, 1))} of the time of `{slug(row)}`"
    if limit.name in (MEMORY, CACHE):
        return f"moving {'as many bytes' if row.extra_info.moves_more else 'these rows'} alone takes {of_it}"
    if limit.name == ARITHMETIC:
        return f"a matrix product of as many operations takes {of_it}"
    return f"calling an empty function takes {of_it}" if limit.name == CALL else ""


def limit_of(row: Row, result: ResultFile) -> RooflineLimit | None:
    return roofline_limit(row, result.w2vbench, wall_time(row))


# -- what surprised


@dataclass(frozen=True)
class Surprise:
    """Something that a reader would not expect, found by rule.

    Attributes
    ----------
    title
        One clause; code stands in backticks.
    text
        Figures and reason.
    problem
        Where it was found.
    weight
        How surprising it is: surprises are shown from the largest down.
    """

    title: str
    text: str
    problem: str
    weight: float


def surprises(result: ResultFile) -> list[Surprise]:
    """Return what surprises, the most surprising first: one of each kind and kernel."""
    found = answers(result)
    every: list[Surprise] = []
    for kind in (losers, no_gain_by_compiling, textbook_ties):
        by_rule = [one for answer in found.values() for one in kind(answer, result)]
        kernels: dict[str, Surprise] = {}
        for one in sorted(by_rule, key=lambda one: -one.weight):
            kernels.setdefault(one.problem.partition("@")[0], one)
        every += list(kernels.values())[: 2 if kind is losers else 1]
    every += [*list(slower_chapter(found, result))[:1], *sampling_against_softmax(found)]
    return sorted(every, key=lambda one: -one.weight)


def at(size: SizeRecord) -> str:
    return f"V = {size.V:,}" + (f", B = {size.B:,}" if size.B > 1 else "")


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
            elif call_peak(book.extra_info) and held(row) >= max(MUCH * held(book), NOTABLE * moves, 1.0):
                reason = f": it needs {size_bytes(held(row))} of memory"
            yield Surprise(
                f"`{slug(row)}` is {slower(ratio.estimate)} than the textbook’s `{slug(book)}`",
                f"{seconds(wall_s(row))} against {seconds(wall_s(book))} for {answer.kernel} at {at(answer.size)}{reason}.",
                answer.problem,
                1 + math.log(ratio.estimate),
            )


def no_gain_by_compiling(answer: Answer, result: ResultFile) -> Iterator[Surprise]:
    """Problems whose best compiled implementation is hardly faster than the best of NumPy."""
    compiled, plain = answer.best("compiled"), answer.best("NumPy/SciPy")
    if compiled and plain and answer.slower(plain, compiled).estimate < GAIN and answer.ranking.tested:
        limit = limit_words(plain, result)
        yield Surprise(
            f"Compiling gains hardly anything: {answer.kernel} at V = {answer.size.V:,}",
            f"`{slug(compiled)}` takes {seconds(wall_s(compiled))}, `{slug(plain)}` without a compiler {seconds(wall_s(plain))}"
            f" (B = {answer.size.B:,}){f': {limit}' if limit else ''}.",
            answer.problem,
            1 + math.log10(answer.size.V) / 10,
        )


def textbook_ties(answer: Answer, result: ResultFile) -> Iterator[Surprise]:
    """Problems in which nothing is clearly faster than the textbook's implementation."""
    book = answer.baseline
    if book and answer.ties(book) and len(answer.rows) > 1 and answer.ranking.conclusive:
        limit = limit_words(book, result)
        yield Surprise(
            f"Nothing clearly beats the textbook: {answer.kernel} at {at(answer.size)}",
            f"`{slug(book)}` takes {seconds(wall_s(book))} a call{f': {limit}' if limit else ''}.",
            answer.problem,
            1 + math.log10(answer.size.V) / 10,
        )


def slower_chapter(found: Mapping[str, Answer], result: ResultFile) -> Iterator[Surprise]:
    """Training with the book's negative sampling (chapter 4.2) that is slower than with full softmax (4.1), and the stage that is why."""
    for answer in found.values():
        rows = {slug(row): row for row in answer.rows}
        softmax, sampled = rows.get("chapter-4-1"), rows.get("chapter-4-2")
        if softmax is None or sampled is None:
            continue
        ratio = answer.slower(sampled, softmax)
        if ratio.low is not None and ratio.low > 1:
            stages = result.w2vbench.stages.get(sampled.case, {})
            largest = max(stages, key=lambda name: stages[name], default="")
            total = sum(stages.values())
            reason = f": {share(stages[largest] / total)} of it is {largest}" if total else ""
            objective = answer.kernel.partition(".")[2]
            yield Surprise(
                f"Chapter 4.2 trains {objective} slower than chapter 4.1",
                f"Negative sampling is {slower(ratio.estimate)} than the full softmax ({seconds(wall_s(sampled))} and "
                f"{seconds(wall_s(softmax))} a step), at V = {answer.size.V:,}{reason}.",
                answer.problem,
                3 + math.log(ratio.estimate),
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
            f"{seconds(sampled_s)} against {seconds(full_s)} for {answer.size.B:,} examples, in {answer.size.K + 1} layers "
            "with a gradient each as large as the table.",
            answer.problem,
            3.0,
        )


# -- what is undecided, and how far to trust the rest


def undecided(answer: Answer, result: ResultFile) -> str:
    """Return what is not known about a problem, with the command that decides it; empty where all is."""
    ranking = answer.ranking
    if ranking.conclusive:
        return ""
    if not ranking.processes:
        return "No separate processes: no intervals, and no test of which is fastest."
    if not ranking.tested:
        many = "1 process is" if ranking.processes == 1 else f"{ranking.processes} processes are"
        return f"{many} too few for intervals; {rerun_command((), ranking.leader, result)} measures more."
    row = ranking.undecided[0]
    ratio = answer.slower(row)
    ends = "" if ratio.low is None or ratio.high is None else f" (95 % interval {span(ratio)})"
    more = f", nor {len(ranking.undecided) - 1} more" if len(ranking.undecided) > 1 else ""
    return (
        f"`{slug(row)}` looks {slower(ratio.estimate)} than `{slug(answer.use)}`, but these processes do not settle it{ends}{more}; "
        f"this does: {rerun_command((ranking.leader, *ranking.undecided) if len(ranking.undecided) <= FEW else (), ranking.leader, result)}"
    )


def span(ratio: Interval) -> str:
    return f"{two(ratio.low or 0.0)}–{two(ratio.high or 0.0)}×"


def trust(result: ResultFile) -> str:
    """Return how precise the ratios of a file are, in one or two sentences; empty where there are no ratios."""
    widths = [
        max(ratio.high / ratio.estimate, ratio.estimate / max(ratio.low, 1e-12)) - 1
        for answer in answers(result).values()
        for row in answer.rows
        if row is not answer.use
        for ratio in [answer.slower(row)]
        if ratio.low is not None and ratio.high is not None
    ]
    if not widths:
        several = any(len(answer.rows) > 1 for answer in answers(result).values())
        return "Ratios have no intervals: there are too few processes." if several else ""
    typical, most = np.percentile(widths, (50, 90))
    sentence = f"A ratio is known to ±{share(typical)} typically, and nine of ten to ±{share(most)}."
    varied = result.w2vbench.environment.get("clock_variation")
    if isinstance(varied, int | float) and varied >= 1.2:
        sentence += f" The machine’s speed varied {varied:.1f}-fold: expect more between runs."
    return sentence
