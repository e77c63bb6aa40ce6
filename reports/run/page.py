"""A run's page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from w2vbench.reports.deck import page as deck_page
from w2vbench.reports.deck import printed as deck
from w2vbench.reports.drawing.code_lines import from_def, highlighted, line_cells
from w2vbench.reports.drawing.diagrams import diagram
from w2vbench.reports.drawing.templates import KINDS, render
from w2vbench.reports.file.frame import csv, frame
from w2vbench.reports.file.schema.result import KernelFacts, ResultFile
from w2vbench.reports.findings.answers import FAMILIES, Answer, answers, at_one_size, trust
from w2vbench.reports.findings.facts import date, facts
from w2vbench.reports.findings.ranking import AS_FAST, MAY_BE_AS_FAST
from w2vbench.reports.findings.reasons import hottest_line
from w2vbench.reports.findings.surprises import surprises
from w2vbench.reports.statistics.units import counted, share

from .lines import from_outside
from .markdown import as_markdown
from .page_data import page_data

MISSING_PACKAGE = r"^needs (.+): pip install"
"""The reason of a case that was skipped for want of a package."""


def outputs(result: ResultFile) -> dict[str, str]:
    """Return page, Markdown and CSV of a run, by the names of their files; of a run of the deck, its page too."""
    texts = {"index.html": html(result), "report.md": as_markdown(result), "cases.csv": csv(frame(result))}
    return texts | ({deck_page.NAME: deck_page.html(result)} if deck_page.is_deck(result) else {})


INTERLEAVED = (
    "All implementations of a problem are timed together: in turn, in random order, in several fresh processes."
)
ONE_BY_ONE = "pytest-benchmark timed one case after another, in one process: ratios have no intervals, and drift is part of them."
METHOD = (
    "A ratio of two implementations is the geometric mean over processes of each process’s median ratio of samples of the "
    "same round. A time is a mean over processes, of five or more without the slowest and the fastest fifth, so a ratio of two "
    "times shown here can differ from the ratio shown.",
    "Bars and ranges beside a ratio are 95 % intervals that hold for all rows of a table together (Bonferroni), since the data "
    "chose the fastest. Whiskers in charts are 95 % intervals of each time alone.",
    f"An implementation ties with the fastest within {share(AS_FAST - 1)}, and within {share(MAY_BE_AS_FAST - 1)} where paired t-tests do "
    "not call it slower, unless its ratio is hardly known (~). Of those that tie, the simplest is recommended, and counts as the "
    "fastest: the textbook’s, else an exact one, else the one that needs the fewest packages. ? marks what these processes leave "
    "undecided, ~ a ratio whose interval’s ends differ threefold, and ≈ an implementation that approximates. The test pairs processes, so it can separate "
    "two whose interval includes 1×.",
    "Growth is the fitted power of V from V = 10,000 up, or of B from 10 up, all else equal.",
    "Memory is the peak of what one call allocates, measured apart, and what set-up keeps. * marks growth of the process’s "
    "resident set, where libraries allocate memory that cannot be traced.",
    "The hardware limit is the least time in which this machine can move the same rows in the same order, compute as many "
    "operations, or call an empty function, whichever takes longest, as a share of the time of a call.",
    "Line by line: time by line_profiler, whose own cost is included; memory by tracemalloc, the peak that a line of one call allocates.",
)
"""How to read the page."""
ON_THREADS = (
    "On more threads, an implementation has processes of its own: a speed-up is a ratio of two times shown, and its 95 % interval, "
    "which holds for all implementations of a size together, comes from the spread of both times over processes (Welch’s, of trimmed means). Nothing is "
    "ranked across numbers of threads. What must be moved is timed on one thread, whatever the number."
)


def html(result: ResultFile) -> str:
    """Return one self-contained page, which fetches nothing when it is opened."""
    from markupsafe import Markup

    suite, found = result.w2vbench, answers(result)
    data = page_data(result)
    kernels = [kernel["name"] for kernel in data["kernels"]]
    groups: dict[str, list[str]] = {}
    for kernel in kernels:
        groups.setdefault(kernel.partition(".")[0], []).append(kernel)
    kinds = {
        f"{kernel['name']}/{one['slug']}": KINDS[FAMILIES[one["family"]]]
        for kernel in data["kernels"]
        for one in kernel["implementations"]
    }
    profiles = {case.partition("@")[0]: (case, profile) for case, profile in suite.profiles.items()}
    ways = len({(row.extra_info.kernel, row.slug) for row in result.benchmarks})
    return render(
        "page.html",
        suite=suite,
        machine=suite.environment.get("cpu") or "an unknown CPU",
        when=date(result),
        timings=counted(len(result.benchmarks), "timing"),
        counted=f"{counted(len(kernels), 'step')} of word2vec (“kernel{'s' * (len(kernels) > 1)}”) and "
        f"{counted(ways, 'way')} to write {'them' if len(kernels) > 1 else 'it'}",
        not_measured=not_measured(result),
        letters=letters(found.values()),
        groups=groups,
        group_titles={group: about(its, suite.kernel_facts) for group, its in groups.items()},
        families=KINDS,
        diagrams={name: Markup(drawn) for name, one in suite.kernel_facts.items() if (drawn := diagram(one.diagram))},
        surprises=surprises(result)[:5],
        yours=[one.text for one in from_outside(result, at_one_size(result))],
        trust=trust(result),
        opened=kernels[0] if kernels else "",
        sources={
            kernel: [key for key in suite.sources if key.partition("/")[0] == kernel and key in kinds]
            for kernel in kernels
        },
        kinds=kinds,
        profiles=profiles,
        not_profiled={case.partition("@")[0]: reason for case, reason in suite.not_profiled.items()},
        hottest={kernel: slowest_line(kernel, result, found.values()) for kernel in kernels},
        line_cells=line_cells,
        highlighted=highlighted,
        from_def=from_def,
        deck=deck.deck_table(result),
        deck_header=deck.HEADER,
        deck_note=deck.NOTE,
        deck_page=deck_page.NAME if deck_page.is_deck(result) else "",
        method=[
            INTERLEAVED if suite.engine == "run" else ONE_BY_ONE,
            *METHOD,
            *([ON_THREADS] if data["threads"] else ()),
        ],
        threads=data["threads"],
        facts=facts(result),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    )


def about(kernels: Iterable[str], facts: Mapping[str, KernelFacts]) -> str:
    """What the kernels of a group do, as the file says it."""
    return "; ".join(facts[name].about for name in kernels if name in facts and facts[name].about)


LETTERS = {
    "V": "vocabulary: different words, the rows of a table",
    "H": "numbers in a word’s vector",
    "B": "batch: words, bags of words or examples of one call",
    "K": "wrong words (negatives) drawn per example; of bags, the mean number of words",
}


def letters(found: Iterable[Answer]) -> dict[str, str]:
    """What the letters of a size mean, with their value where the file has only one."""
    sizes = [answer.size for answer in found]
    meanings = {}
    for letter, meaning in LETTERS.items():
        values = {getattr(size, letter) for size in sizes} - {0, 1 if letter == "H" else 0}
        if not values:
            continue  # no size has it
        meanings[letter] = f"{meaning}, here {values.pop():,}" if len(values) == 1 else meaning
    return meanings


def not_measured(result: ResultFile) -> str:
    """How many implementations were not measured, and why: ``Not measured: 8 without torch, 2 wrong on purpose``."""
    reasons: dict[str, set[str]] = {}
    measured = {(row.extra_info.kernel, row.slug) for row in result.benchmarks}
    for case in result.w2vbench.not_measured:
        if (case.kernel, case.implementation) in measured:
            continue  # it was, at another size
        package = re.match(MISSING_PACKAGE, case.reason)
        reason = "wrong on purpose" if case.marked_wrong else f"for want of {package[1]}" if package else case.status
        reasons.setdefault(reason, set()).add(f"{case.kernel}/{case.implementation}")
    return f"Not measured: {', '.join(f'{len(ways)} {reason}' for reason, ways in reasons.items())}" if reasons else ""


def slowest_line(kernel: str, result: ResultFile, found: Iterable[Answer]) -> tuple[str, str]:
    """Return a size, and which line takes most of the time of the kernel's textbook implementation there."""
    for answer in found:
        if answer.kernel == kernel and answer.baseline and (line := hottest_line(answer.baseline, result)):
            return answer.problem.partition("@")[2], f"{share(line[0])} of the textbook’s time is one line: `{line[1]}`"
    return "", ""
