"""The main job: check the implementations, race them, and make the result file's content."""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.engine import environment, memory
from bench.engine.contract import OK, Verdict
from bench.engine.journal import Journal
from bench.engine.leftovers import abandoned
from bench.engine.race import LaneResult, RaceResult, Settings, Track, enter, run_contract, run_launch, run_limits
from bench.plans.selection import Selection
from impls import catalogue, words
from impls.bytecode import loops
from impls.case import Size
from impls.interface import Implementation, Kernel
from impls.messages import message_of, readable
from reports.story import headline

BROKEN = ("wrong", "error", "crashed")
LIMITS = 3
"""How often a run measures what the machine can do, before as many of its passes: their median outvotes one spell of noise."""


class PlanError(ValueError):
    """A run that would measure nothing, or asks for what does not exist; the message is one line and says what to do."""


@dataclass(frozen=True)
class Race:
    """A race to be run: implementations of one kernel, at a size."""

    kernel: Kernel
    size: Size
    implementations: tuple[Implementation, ...]

    @property
    def name(self) -> str:
        return f"{self.kernel.name}@{self.size}"


@dataclass
class Run:
    """A run under way: what was asked, and what is finished."""

    command: str
    preset: str | None
    settings: Settings
    corpus: words.Corpus
    environment: dict[str, Any]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    entered: list[RaceResult] = field(default_factory=list)
    counters: dict[str, int | None] = field(default_factory=lambda: environment.counters())
    limits: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    @property
    def races(self) -> list[RaceResult]:
        """The races that have figures: at least one launch is finished."""
        return [race for race in self.entered if race.launches]

    @property
    def measured(self) -> bool:
        """Whether any case has figures."""
        return any(lane.status == OK for race in self.races for lane in race.lanes)

    @property
    def broken(self) -> list[LaneResult]:
        """Cases that gave a wrong result, failed or crashed, but for those marked as the textbook's mistake."""
        return [
            lane
            for race in self.races
            for lane in race.lanes
            if lane.status in BROKEN and not lane.implementation.wrong
        ]


def plan(
    implementations: Sequence[Implementation], sizes: Callable[[Kernel], list[Size]], selection: Selection
) -> list[Race]:
    """The races of a run: every kernel's implementations at its sizes, narrowed by globs.

    The baseline stays in a race that they narrow, since ratios refer to it. Raises PlanError.
    """
    races = []
    for kernel in catalogue.kernels(implementations):
        mine = [i for i in implementations if i.kernel.name == kernel.name]
        for size in sizes(kernel):
            chosen = [i for i in mine if selection.has_case(str(i.case(size)))]
            if chosen:
                races.append(Race(kernel, size, tuple(i for i in mine if i in chosen or i.baseline)))
    if not races:
        raise PlanError(
            f"nothing matches --only {' '.join(map(repr, selection.globs))}; w2vbench list shows the names"
            if selection.globs
            else "these kernels have no sizes in this preset"
        )
    return races


@contextmanager
def saved(corpus: words.Corpus) -> Iterator[Path]:
    """The corpus in a temporary folder, for the workers; what killed runs have left of theirs is taken away."""
    for left in abandoned("w2vbench"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-") as name:
        corpus.save(Path(name))
        yield Path(name)


def check(races: Sequence[Race], track: Track, run: Run, note: Callable[[str], None]) -> None:
    """Put each implementation that will race through its kernel's contract."""
    racing = {i.key: i for race in races for i in race.implementations}
    run.verdicts.update(run_contract(list(racing.values()), track, note))


def race_all(
    races: Sequence[Race],
    track: Track,
    run: Run,
    journal: Journal,
    known: dict[str, RaceResult],
    note: Callable[[int, int], None],
) -> None:
    """Run the first launch of every race, then every second one, and so on, each into the journal as soon as it is finished.

    A race's launches are far apart in time, so that a spell of noise does not hit them all; and a run that is interrupted
    has fewer launches of each race, instead of fewer races. known: races as far as an earlier run came, by name. note is
    told the numbers of race and launch that begin.
    """
    run.limits = journal.limits
    for launch in range(track.settings.launches):
        track.workers.retire()
        if launch == 0:
            run.entered += [
                known.get(race.name) or enter(race.implementations, race.size, track.settings, run.verdicts)
                for race in races
            ]
            at = profiled_at(run.entered)
        sizes = [race.size for race in run.entered if race.racing]
        if sizes and len(run.limits) <= launch < LIMITS and (found := run_limits(sizes, track)):
            run.limits.append(found)
            journal.append({"limits": found})
        for number, race in enumerate(run.entered):
            if race.launches > launch:
                continue
            note(number, launch)
            standing = [slug for slug, lane in race.racing.items() if at[lane.implementation.key] == race.problem]
            run_launch(race, track, profiled=standing if track.settings.profile else ())
            journal.add(race)
    run.complete = True


def profiled_at(entered: Sequence[RaceResult]) -> dict[str, str]:
    """The problem at which each implementation is profiled line by line, by key: the one that stands for those it races at."""
    problems: dict[str, list[str]] = {}
    for race in entered:
        for lane in race.racing.values():
            problems.setdefault(lane.implementation.key, []).append(race.problem)
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


def identity(run: Run, races: Sequence[Race], files: Sequence[Path]) -> dict[str, Any]:
    """What two runs share if one can go on where the other was killed: races, code, corpus and settings."""
    settings = asdict(run.settings)
    del settings["memory_limit_bytes"]  # what is free changes from hour to hour
    return {
        "command": run.command.replace(" --resume", ""),
        "races": [race.name for race in races],
        "implementations": [i.key for race in races for i in race.implementations],
        "machine": {name: run.environment.get(name) for name in MACHINE},
        "corpus_and_code": corpus_and_code(run.corpus, files),
        "settings": settings,
    }


def result(run: Run) -> dict[str, Any]:
    """The content of the run's result file."""
    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
    from pytest_benchmark.utils import get_commit_info

    implementations = {lane.implementation.key: lane.implementation for race in run.races for lane in race.lanes}
    found = {
        **run.environment,
        **environment.spoiled(run.counters),
        "load_after": environment.load(),
        "unsteadiness": unsteadiness(run.races),
    }
    return {
        "machine_info": pytest_benchmark_generate_machine_info(),
        "commit_info": get_commit_info(),
        "benchmarks": [row(lane, race) for race in run.races for lane in race.lanes if lane.status == OK],
        "datetime": datetime.now(UTC).isoformat(),
        "version": environment.installed("pytest-benchmark"),
        "w2vbench": {
            "schema_version": 1,
            "engine": "race",
            "command": run.command,
            "preset": run.preset,
            "seed": run.settings.seed,
            "complete": run.complete,
            "settings": asdict(run.settings),
            "corpus": corpus_part(run.corpus, {race.size.V for race in run.races if race.racing}),
            "environment": found,
            "warnings": environment.warnings_of(
                found,
                found["unsteadiness"],
                max((race.size.threads for race in run.races), default=1),
                max((launch["blas_threads"] for launch in run.limits if launch.get("blas_threads")), default=None),
                waiting(run.races),
            )
            + too_few_words(
                run.corpus, {race.size.V for race in run.races if race.racing and race.size.words != "uniform"}
            ),
            "kernels": {i.kernel.name: i.kernel.title for i in implementations.values()},
            "not_measured": [
                {**name(lane), "case": str(lane.case), "status": lane.status, "reason": lane.reason}
                for race in run.races
                for lane in race.lanes
                if lane.status != OK
            ],
            "limits": typical_limits(run.limits),
            "floors": {race.problem: race.floors for race in run.races if race.floors},
            "profiles": {
                str(lane.case): lane.profile
                for race in run.races
                for lane in race.lanes
                if lane.status == OK and "lines" in lane.profile
            },
            "not_profiled": {
                str(lane.case): lane.profile["why_not"]
                for race in run.races
                for lane in race.lanes
                if lane.status == OK and "why_not" in lane.profile
            },
            "stages": {
                str(lane.case): lane.stages
                for race in run.races
                for lane in race.lanes
                if lane.status == OK and lane.stages
            },
            "sources": {key: source(i) for key, i in implementations.items()},
        },
    }


def unsteadiness(races: Iterable[RaceResult]) -> float:
    """By what factor the machine's own speed varied: the slow tenth of all calls of an empty function over the fast tenth."""
    import numpy as np

    paces = []
    for kernel in {race.problem.partition("@")[0] for race in races}:  # an empty call costs more with more arguments
        mine = (race.floors.get("call", []) for race in races if race.problem.startswith(f"{kernel}@"))
        times = (launch["wall_s"] for launches in mine for launch in launches)
        calls = np.array([call for launch in times for call in launch if call is not None])
        paces += list(calls / np.median(calls)) if calls.size else []
    slow, fast = np.percentile(paces, (90, 10)) if paces else (1.0, 1.0)
    return float(slow / fast)


def waiting(races: Iterable[RaceResult]) -> float:
    """Share of wall time that lanes of one thread did not spend on a CPU: the median over lanes."""
    lanes = [lane for race in races for lane in race.lanes if lane.case.size.threads == 1 and lane.wall_s]

    def total(launches: list[list[float | None]]) -> float:
        return sum(figure for launch in launches for figure in launch if figure is not None)

    shares = [1 - total(lane.cpu_s) / total(lane.wall_s) for lane in lanes]
    return median(shares) if shares else 0.0


def typical_limits(launches: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The median over launches of what the machine could do; None where it was not measured."""
    if not launches:
        return None
    curves = {
        kind: [
            [points[0][0], median(point[1] for point in points)]
            for points in zip(*(launch[kind] for launch in launches), strict=True)
        ]
        for kind in ("read", "write", "copy")
    }
    matmul = {name: median(launch["matmul"][name] for launch in launches) for name in launches[0]["matmul"]}
    return {**curves, "matmul": matmul}


def corpus_part(corpus: words.Corpus, vocabularies: Iterable[int]) -> dict[str, Any]:
    """What the file says of the corpus, and of the stream of words at each vocabulary."""
    return {
        "name": corpus.name,
        "tokens": len(corpus.ids),
        "words": len(corpus.counts),
        "tail_exponent": corpus.tail.exponent,
        "streams": {str(V): corpus.describe(V) for V in sorted(vocabularies)},
    }


def too_few_words(corpus: words.Corpus, vocabularies: Iterable[int]) -> list[str]:
    """A warning where most words that were looked up are not of the text."""
    at = next((V for V in sorted(vocabularies) if corpus.added(V) > 0.5), None)
    return [] if at is None else [f"most words at V = {at:,} are made up: {corpus.describe(at)} (--vocab for fewer)"]


def name(lane: LaneResult) -> dict[str, Any]:
    """How a case is named in the file."""
    implementation = lane.implementation
    return {
        "kernel": implementation.kernel.name,
        "implementation": implementation.slug,
        "title": implementation.title,
        "size": asdict(lane.case.size),
    }


def row(lane: LaneResult, race: RaceResult) -> dict[str, Any]:
    """A measured case as pytest-benchmark writes it, with all else in its extra_info."""
    from pytest_benchmark.stats import Stats

    implementation, size = lane.implementation, lane.case.size
    stats = Stats()
    for launch in lane.wall_s:
        for sample in launch:
            if sample is not None:
                stats.update(sample)
    least = implementation.kernel.work(size)
    work = implementation.moves(size) if implementation.moves else least
    return {
        "group": race.problem,
        "name": str(lane.case),
        "fullname": str(lane.case),
        "params": None,
        "param": None,
        "extra_info": {
            **name(lane),
            "plain": implementation.plain,
            "baseline": implementation.baseline,
            "slide": implementation.slide,
            "grows_with": implementation.grows_with,
            "needs": implementation.requires,
            "touched_rows": race.touched or None,
            "launches": [{"wall_s": wall, "cpu_s": cpu} for wall, cpu in zip(lane.wall_s, lane.cpu_s, strict=True)],
            "prepare_s": min(lane.prepare_s) if implementation.prepare else None,
            "adapt_s": median(lane.adapt_s) if lane.adapt_s else None,
            **{key: lane.memory.get(key) for key in (*memory.FIGURES, "why_not")},
            "read_bytes": work.read_bytes,
            "written_bytes": work.written_bytes,
            "flops": work.flops,
            "least_read_bytes": least.read_bytes,
            "least_written_bytes": least.written_bytes,
            "moves_more": implementation.moves is not None,
            "loops": loops(implementation.function),
            "covers": implementation.covered(size),
            "differs": implementation.differs,
        },
        "options": {},
        "stats": {**stats.as_dict(), "iterations": lane.plan[0]},
    }


def source(implementation: Implementation) -> dict[str, Any]:
    """Where an implementation stands, and its text. The path is relative to its package, or the bare name of a file."""
    path, _, line = catalogue.source(implementation).rpartition(":")
    package = Path(__file__).resolve().parents[2]
    file = Path(path)
    return {
        "file": readable(str(file.relative_to(package)) if file.is_relative_to(package) else file.name),
        "line": int(line),
        "code": "\n\n".join(map(code_of, (implementation.function, *implementation.shows))),
    }


def code_of(function: Callable[..., Any]) -> str:
    """A function's source, or a comment that says why there is none to show."""
    try:
        return readable(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError) as error:  # made by exec, or its file has changed or gone
        return f"# no source to show: {message_of(error)}\n"
