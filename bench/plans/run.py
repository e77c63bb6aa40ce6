"""The main job: which problems a run has, and in which order they are measured."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.engine import environment, protocol
from bench.engine.context import RunContext, Settings
from bench.engine.contract import OK, Verdict
from bench.engine.contracts import check_contracts
from bench.engine.leftovers import abandoned
from impls import catalogue, words
from impls.case import Size
from impls.interface import Implementation, Kernel
from reports.story import headline

from .journal import Journal
from .problems import CaseRun, ProblemRun, enter, measure_next
from .selection import Selection

BROKEN = ("wrong", "error", "crashed")
LIMITS = 3
"""How often a run measures what the machine can do: the median outvotes one spell of noise."""


class PlanError(ValueError):
    """A run that would measure nothing, or asks for what does not exist; the message is one line and says what to do."""


@dataclass(frozen=True)
class Problem:
    """A problem of a run: a kernel at a size, and the implementations that are measured there together."""

    kernel: Kernel
    size: Size
    implementations: tuple[Implementation, ...]

    @property
    def name(self) -> str:
        return f"{self.kernel.name}@{self.size}"


@dataclass(kw_only=True)
class Run:
    """A run under way: what was asked, and what is finished."""

    command: str
    preset: str | None
    settings: Settings
    corpus: words.Corpus
    environment: dict[str, Any]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    entered: list[ProblemRun] = field(default_factory=list)
    counters: dict[str, int | None] = field(default_factory=lambda: environment.counters())
    limits: list[protocol.MachineLimits] = field(default_factory=list)
    complete: bool = False

    @property
    def problems(self) -> list[ProblemRun]:
        """The problems that have figures: at least one process is finished."""
        return [problem for problem in self.entered if problem.processes]

    @property
    def measured(self) -> bool:
        """Whether any case has figures."""
        return any(case.status == OK for problem in self.problems for case in problem.cases)

    @property
    def broken(self) -> list[CaseRun]:
        """Cases that gave a wrong result, failed or crashed, but for those marked as the textbook's mistake."""
        return [
            case
            for problem in self.problems
            for case in problem.cases
            if case.status in BROKEN and not case.implementation.wrong
        ]


def plan(
    implementations: Sequence[Implementation], sizes: Callable[[Kernel], list[Size]], selection: Selection
) -> list[Problem]:
    """The problems of a run: every kernel's implementations at its sizes, narrowed by globs.

    The baseline stays among those that they narrow, since ratios refer to it. Raises PlanError.
    """
    problems = []
    for kernel in catalogue.kernels(implementations):
        mine = [i for i in implementations if i.kernel.name == kernel.name]
        for size in sizes(kernel):
            chosen = [i for i in mine if selection.has_case(str(i.case(size)))]
            if chosen:
                problems.append(Problem(kernel, size, tuple(i for i in mine if i in chosen or i.baseline)))
    if not problems:
        raise PlanError(
            f"nothing matches --only {' '.join(map(repr, selection.globs))}; w2vbench list shows the names"
            if selection.globs
            else "these kernels have no sizes in this preset"
        )
    return problems


@contextmanager
def saved(corpus: words.Corpus) -> Iterator[Path]:
    """The corpus in a temporary folder, for the workers; what killed runs have left of theirs is taken away."""
    for left in abandoned("w2vbench"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-") as name:
        corpus.save(Path(name))
        yield Path(name)


def check(problems: Sequence[Problem], context: RunContext, run: Run, note: Callable[[str], None]) -> None:
    """Put each implementation that will be measured through its kernel's contract."""
    keys = dict.fromkeys(i.key for problem in problems for i in problem.implementations)
    run.verdicts.update(check_contracts(list(keys), context, note))


def measure_all(
    problems: Sequence[Problem],
    context: RunContext,
    run: Run,
    journal: Journal,
    known: dict[str, ProblemRun],
    note: Callable[[int, int], None],
) -> None:
    """Measure every problem in a first process, then every one in a second, and so on, each into the journal at once.

    A problem's processes are far apart in time, so that a spell of noise does not hit them all; and a run that is interrupted
    has fewer processes of each problem, instead of fewer problems. known: problems as far as an earlier run came, by name.
    note is given the numbers of problem and process that begin.
    """
    run.limits = journal.limits
    for process in range(context.settings.processes):
        context.workers.retire()
        if process == 0:
            run.entered += [
                known.get(problem.name) or enter(problem.implementations, problem.size, context.settings, run.verdicts)
                for problem in problems
            ]
            at = profiled_at(run.entered)
        sizes = [problem.size for problem in run.entered if problem.measured]
        if sizes and len(run.limits) <= process < LIMITS and (found := context.machine_limits(sizes)):
            run.limits.append(found)
            journal.add_limits(found)
        for number, problem in enumerate(run.entered):
            if problem.processes > process:
                continue
            note(number, process)
            standing = [
                slug for slug, case in problem.measured.items() if at[case.implementation.key] == problem.problem
            ]
            measure_next(problem, context, profiled=standing if context.settings.profile else ())
            journal.add(problem)
    run.complete = True


def profiled_at(entered: Sequence[ProblemRun]) -> dict[str, str]:
    """The problem at which each implementation is profiled line by line, by key: the one that its kernel's section shows."""
    problems: dict[str, list[str]] = {}
    for problem in entered:
        for case in problem.measured.values():
            problems.setdefault(case.implementation.key, []).append(problem.problem)
    return {key: headline(mine) for key, mine in problems.items()}


MACHINE = ("cpu", "cpus_allowed", "python", "packages", "blas")
"""Facts of the environment that two runs share if one can go on where the other was killed."""


def corpus_and_code(corpus: words.Corpus, files: Sequence[Path]) -> str:
    """A digest of a text and of all code that is measured or measures it."""
    package = Path(__file__).resolve().parents[2]
    folders = ("impls", "bench/engine")
    digest = hashlib.sha256()
    for part in (corpus.ids, corpus.starts, corpus.counts):
        digest.update(part.tobytes())
    digest.update("\0".join(corpus.vocabulary).encode())
    for file in [*(file for folder in folders for file in sorted((package / folder).rglob("*.py"))), *files]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def identity(run: Run, problems: Sequence[Problem], files: Sequence[Path]) -> dict[str, Any]:
    """What two runs share if one can go on where the other was killed: problems, code, corpus and settings."""
    settings = asdict(run.settings)
    del settings["memory_limit_bytes"]  # what is free changes from hour to hour
    return {
        "command": run.command.replace(" --resume", ""),
        "problems": [problem.name for problem in problems],
        "implementations": [i.key for problem in problems for i in problem.implementations],
        "machine": {name: run.environment.get(name) for name in MACHINE},
        "corpus_and_code": corpus_and_code(run.corpus, files),
        "settings": settings,
    }
