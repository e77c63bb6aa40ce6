"""The command ``w2vbench``. What it needs is imported when a command runs, so that its help answers at once."""

from __future__ import annotations

import inspect
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.plans.selection import Selection

if TYPE_CHECKING:
    from bench.engine.workers import Workers
    from bench.plans.presets import Kernel
    from impls.case import Size
    from impls.interface import Implementation
    from impls.words import Corpus

SEVERAL = ("--vocab", "--batch")
"""Options that take several values after one name."""

MOST_THREADS, MOST_TIMES, LARGEST_SEED = 1024, 10_000, (1 << 63) - 1
"""Limits of what may be asked for: what is beyond is a slip of the finger, and numbers must fit into a result file."""
LONGEST_WORD = 300
"""Characters of a word, or a path, that a message repeats."""
LEAST_MEMORY = 512 << 20
"""Bytes that a worker needs at least."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Profile and benchmark the kernels inside word2vec, and inside every embedding model: which implementation is fastest at your size, and why.",
    epilog="Start with [bold]w2vbench run --preset quick[/bold], half a minute; then open [bold]reports/out/index.html[/bold].",
)


def print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"w2vbench {version('w2vbench')}")
        raise typer.Exit


@app.callback()
def w2vbench(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


class PresetName(StrEnum):
    quick = "quick"
    default = "default"
    deck = "deck"
    full = "full"


class Dtype(StrEnum):
    f32 = "f32"
    f64 = "f64"
    float32 = "float32"
    float64 = "float64"


class Index(StrEnum):
    i32 = "i32"
    i64 = "i64"


class WordsName(StrEnum):
    zipf = "zipf"
    uniform = "uniform"
    repeat = "repeat"


Impl = Annotated[
    list[Path] | None,
    typer.Option(
        "--impl",
        metavar="FILE",
        help="A Python file with your own implementations (see README); may be given several times.",
    ),
]
Kernels = Annotated[
    list[str] | None,
    typer.Option(
        "--kernel",
        metavar="K",
        help="A kernel, e.g. scatter.dense; a family (scatter) takes all its variants; may be given several times.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="GLOB",
        help="Cases whose name matches, e.g. add-at or 'scatter.*/add-at@*'; baselines stay; may be given several times.",
    ),
]
CorpusFile = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        metavar="FILE",
        help="Your own UTF-8 text, a sentence a line or all in one; else the State of the Union addresses.",
    ),
]
TimeLimit = Annotated[
    str,
    typer.Option("--time-limit", metavar="TIME", help="Longest that one step of an implementation may take, e.g. 90s."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.command("list")
def list_(kernel: Kernels = None, impl: Impl = None, json: Json = False) -> None:
    """Every implementation, whether it can run here, and if not what to install."""
    from bench.commands import terminal as show
    from impls import catalogue

    show.implementations(narrowed(catalogue.load(impl or ()), kernel), as_json=json)


@app.command()
def check(
    kernel: Kernels = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Longest that one implementation may take, e.g. 90s or 5m.")
    ] = "30",
    json: Json = False,
) -> None:
    """Every implementation against its kernel's reference: awkward sizes, duplicates, empty and one-row batches, gradients, goodness of fit."""
    from bench.commands import terminal as show
    from bench.commands.quantities import seconds
    from bench.engine.race import Settings, Track, run_contract
    from bench.engine.workers import Workers
    from bench.plans import run as running
    from impls import catalogue

    limit_s = seconds("--time-limit", time_limit)
    implementations = narrowed(catalogue.load(impl or ()), kernel)
    files = tuple(file.resolve() for file in impl or ())
    with running.saved(read_corpus(corpus)) as folder, Workers() as workers:
        verdicts = run_contract(implementations, Track(workers, folder, files, Settings(time_limit_s=limit_s)))
    sound = show.verdicts(implementations, verdicts, as_json=json)
    raise typer.Exit(0 if sound else 1)


@app.command(
    epilog="Example: [bold]w2vbench run --kernel scatter --vocab 10000 300000 --hidden 300 --batch 512 --dtype float64[/bold]"
)
def run(
    preset: Annotated[
        PresetName,
        typer.Option(
            help="quick: the book's kernels in half a minute; default: all kernels, some minutes; full: the longest; deck: the source deck's own sizes."
        ),
    ] = PresetName.default,
    kernel: Kernels = None,
    only: Only = None,
    vocab: Annotated[
        list[str] | None,
        typer.Option("--vocab", metavar="N...", help="Your own vocabularies, not the preset's: --vocab 10000 1e6."),
    ] = None,
    hidden: Annotated[str | None, typer.Option("--hidden", metavar="N", help="Hidden size H (default 100).")] = None,
    batch: Annotated[
        list[str] | None, typer.Option("--batch", metavar="N...", help="Batch sizes B (default 100).")
    ] = None,
    negatives: Annotated[
        str | None, typer.Option("--negatives", metavar="K", help="Negatives a target (default 5).")
    ] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="Floating-point type (default f32).")] = None,
    index: Annotated[Index | None, typer.Option(help="Type of the word ids (default i64).")] = None,
    words: Annotated[
        WordsName | None,
        typer.Option(help="zipf: the corpus's words; uniform: all alike; repeat: one batch, in cache."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="BLAS and OpenMP threads (default 1, pinned to one CPU)."),
    ] = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, Markdown, CSV and result file go.")] = Path(
        "reports/out"
    ),
    launches: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_TIMES,
            help="Fresh processes a race (default 5): more give narrower intervals, fewer than 3 none.",
        ),
    ] = None,
    time_limit: TimeLimit = "30",
    memory_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Most that a worker may hold (default: 3G for quick and default, else what is free less 1G).",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of all inputs and of the order of samples.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the finished launches of the same command, if it was killed.")
    ] = False,
    json: Json = False,
) -> None:
    """Check, race and weigh the implementations: tables and a recommendation here, and result file, page, Markdown and CSV in --out."""
    from dataclasses import replace
    from functools import partial

    from bench.commands import terminal as show
    from bench.commands.quantities import count, counts, seconds, size_bytes
    from bench.engine import environment
    from bench.engine.journal import Journal, hold
    from bench.engine.race import SPARES, Track
    from bench.plans import run as running
    from bench.plans.presets import PRESETS, changed_sizes, own_sizes
    from impls import catalogue

    chosen, limit_s = PRESETS[preset], seconds("--time-limit", time_limit)
    given = {
        "H": None if hidden is None else count("--hidden", hidden),
        "K": None if negatives is None else count("--negatives", negatives),
        "dtype": dtype and {"float32": "f32", "float64": "f64"}.get(dtype, str(dtype)),
        "index": index and str(index),
        "words": words and str(words),
        "threads": threads,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    vocabularies, batches = counts("--vocab", vocab or ["10000"], least=2), counts("--batch", batch or ["100"])
    if vocab or batch:
        sizes: Callable[[Kernel], list[Size]] = partial(own_sizes, vocabularies=vocabularies, batches=batches)
    else:
        sizes = chosen.sizes
    own = bool(vocab or batch or changed)
    frugal = preset in ("quick", "default") and not own
    free = min(3 << 30, free_memory()) if frugal else free_memory()
    limit = free if memory_limit is None else size_bytes("--memory-limit", memory_limit)
    if limit < LEAST_MEMORY:
        raise running.PlanError(
            f"--memory-limit must be at least {LEAST_MEMORY >> 20}M: a worker needs that for NumPy alone"
        )
    settings = replace(
        chosen.settings,
        seed=seed,
        time_limit_s=limit_s,
        memory_limit_bytes=limit,
        launches=launches or chosen.settings.launches,
    )
    files = [file.resolve() for file in impl or ()]
    busy = environment.busy_cpus()
    every = narrowed(catalogue.load(files), kernel)
    left_out = () if kernel or only or files or vocab or batch else chosen.left_out
    races = running.plan(
        [i for i in every if i.kernel.name not in left_out],
        partial(changed_sizes, sizes, changed),
        Selection(globs=only or ()),
    )
    show.writable(out)
    machine, interrupted = environment.describe(busy), False
    stop_on_signals()
    with measuring(machine, busy, threads or 1) as (workers, cpu):
        workers.begin(
            1, min(SPARES, len(workers.cpus) + 1)
        )  # while the text is read: for the checks, and for the first pass
        going = running.Run(
            show.command(sys.argv), None if own else preset.value, settings, read_corpus(corpus), machine
        )
        journal = Journal(out, running.identity(going, races, files))
        hold(out)
        known = journal.finished(i for race in races for i in race.implementations) if resume else {}
        if not resume and journal.begin():
            show.error(f"an unfinished run's journal was put aside in {out} (--resume would have gone on from it)")
        with running.saved(going.corpus) as folder, show.progress(races, settings.launches) as bar:
            track = Track(workers, folder, tuple(files), settings, cpu)
            try:
                running.check(races, track, going, bar.checking)
                running.race_all(races, track, going, journal, known, bar.racing)
            except KeyboardInterrupt:
                interrupted = True
    if not going.races:
        journal.close()
        show.error("interrupted before the first launch was finished: nothing to keep")
        raise typer.Exit(130)
    show.finished(going, running.result(going), out, as_json=json)
    if left_out and not json:
        names = ", ".join(left_out)
        show.console().print(f"\nleft out by --preset {preset.value}: {names} (--kernel NAME runs one)", style="dim")
    if going.complete:
        journal.close()
    raise typer.Exit(130 if interrupted else 1 if going.broken else 0 if going.measured else 3)


@app.command(
    epilog="Example: [bold]w2vbench profile lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1[/bold] (slide 6)"
)
def profile(
    case: Annotated[
        str, typer.Argument(metavar="CASE", help="A case's name; from its kernel and slug alone, V = 1e4.")
    ],
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = "120",
    json: Json = False,
) -> None:
    """Line by line: hits, time, allocation and memory growth beside each line of an implementation's source."""
    from bench.commands import terminal as show
    from bench.commands.quantities import seconds
    from bench.engine import environment
    from bench.engine.race import Settings, Track, run_profile
    from bench.engine.workers import Died
    from bench.plans import run as running
    from bench.plans.presets import fit
    from impls import catalogue
    from impls.case import Case, Size

    files = [file.resolve() for file in impl or ()]
    every = {i.key: i for i in catalogue.load(files)}
    key = case.partition("@")[0]
    if key not in every:
        raise running.PlanError(f"no implementation {key!r}; w2vbench list shows them, written e.g. lookup/gather")
    implementation = every[key]
    if implementation.no_lines:
        raise running.PlanError(
            f"{key} has no lines to profile: {implementation.no_lines}; w2vbench run shows its time, and where a step's goes"
        )
    size = Case.parse(case).size if "@" in case else fit(implementation.kernel, Size(10_000))
    settings = Settings(time_limit_s=seconds("--time-limit", time_limit), memory_limit_bytes=free_memory())
    with (
        running.saved(read_corpus(corpus)) as folder,
        measuring({}, environment.busy_cpus(), size.threads) as (workers, cpu),
    ):
        try:
            found = run_profile(implementation, size, Track(workers, folder, tuple(files), settings, cpu))
        except Died as death:
            raise running.PlanError(f"{implementation.case(size)}: {death.status}: {death.reason}") from death
    show.profile(str(implementation.case(size)), implementation, found, as_json=json)
    raise typer.Exit(1 if found["status"] == "wrong" and not implementation.wrong else 0)


@app.command(
    epilog="Example: [bold]w2vbench compare main[/bold], before you push; exit codes: 0 nothing is slower, 1 something is, 3 it could not be told"
)
def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A git revision, or a result file.")],
    head: Annotated[
        str | None, typer.Argument(metavar="[HEAD]", help="Another; the work tree as it is if not given.")
    ] = None,
    kernel: Kernels = None,
    only: Only = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Race cases whose code is the same too, and however many they are.")
    ] = False,
    impl: Annotated[
        list[Path] | None,
        typer.Option(
            "--impl", metavar="FILE", help="Your own implementations' file, in any git repository, at both revisions."
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, max=MOST_THREADS, help="BLAS and OpenMP threads (default 1, pinned to one CPU)."),
    ] = 1,
    threshold: Annotated[
        str,
        typer.Option(
            metavar="P%", help="A change of time or peak memory below this is none; nor is one of memory up to 4 KiB."
        ),
    ] = "2%",
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Race only as many cases as fit, e.g. 90s or 5m.")
    ] = None,
    across_machines: Annotated[
        bool,
        typer.Option("--across-machines", help="Result files of different machines: compare speed-ups, not times."),
    ] = False,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where comparison.json and comparison.md go.")] = Path(
        "reports/out"
    ),
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML too.")] = None,
    time_limit: TimeLimit = "30",
    json: Json = False,
) -> None:
    """Did a change make something slower? Races two git revisions in one process, in pairs, and gives a verdict for each case.

    BASE is checked out into a temporary worktree; inputs and checks come from HEAD. Only cases whose code differs are raced.
    """
    from bench.commands import terminal as show
    from bench.commands.quantities import seconds, share
    from bench.engine import environment
    from bench.engine.race import Settings, Track
    from bench.plans import revision_comparison as gate
    from bench.plans import run as running
    from bench.plans.compare import Unanswerable, Wanted
    from reports.comparison import exit_code

    margin, limit_s = share("--threshold", threshold), seconds("--time-limit", time_limit)
    budget_s = float("inf") if budget is None else seconds("--budget", budget)
    busy, before = environment.busy_cpus(), environment.counters()
    machine = environment.describe(busy)
    if base.endswith(".json") and head and head.endswith(".json"):
        from reports import between, results

        if impl or kernel or only or everything or budget or corpus or threads > 1:
            raise running.PlanError(
                "two result files have been measured already: of the options only --threshold, --across-machines, --out, --junit and --json apply"
            )
        two = results.read(Path(base)), results.read(Path(head))
        found = between.compare_files(*two, (base, head), margin, across_machines)
        raise typer.Exit(
            exit_code(show.compared(found, gate.frame_of("compare", show.command(sys.argv), machine), out, junit, json))
        )
    root, files = gate.asked_of(impl or [])
    asked = gate.Asked(
        root,
        base,
        head,
        files,
        Wanted(kernel or (), only or (), everything, threads),
        margin,
        budget_s,
    )
    show.writable(out)
    if junit and not junit.parent.is_dir():
        raise running.PlanError(f"--junit: no folder {junit.parent}: make it first")
    if junit and junit.exists() and not junit.is_file():
        raise running.PlanError(f"--junit: {junit} is no ordinary file")
    stop_on_signals()
    with (
        gate.both(asked) as (older, newer),
        running.saved(read_corpus(corpus)) as folder,
        show.steps() as note,
        measuring(machine, busy, threads) as (workers, cpu),
    ):
        settings = Settings(time_limit_s=limit_s, memory_limit_bytes=free_memory())
        track = Track(workers, folder, (), settings, cpu)
        try:
            found = gate.compare(asked, track, older, newer, note)
        except Unanswerable as error:
            show.error(str(error))
            raise typer.Exit(3) from error
    machine |= environment.spoiled(before)
    warnings = environment.warnings_of(machine, threads=threads, waiting=found.waiting)
    frame = gate.frame_of("compare", show.command(sys.argv), machine, warnings)
    raise typer.Exit(exit_code(show.compared(found, frame, out, junit, json)))


@app.command(
    epilog="Example: [bold]w2vbench calibrate[/bold] before you trust a gate on a new machine; each batch takes some four minutes"
)
def calibrate(
    batches: Annotated[
        int, typer.Option(min=1, max=MOST_TIMES, help="Comparisons to make; more give narrower intervals.")
    ] = 3,
    cases: Annotated[int, typer.Option(min=1, max=MOST_TIMES, help="Cases in each; a gate has at most 16.")] = 16,
    everything: Annotated[
        bool, typer.Option("--all", help="Every case of every implementation: before a release, with --same-only.")
    ] = False,
    same_only: Annotated[
        bool, typer.Option("--same-only", help="Identical code only: false alarms, in a sixth of the time.")
    ] = False,
    kernel: Kernels = None,
    only: Only = None,
    threshold: Annotated[str, typer.Option(metavar="P%", help="As in compare.")] = "2%",
    add: Annotated[bool, typer.Option("--add", help="Count the trials in DIR's calibration.json too.")] = False,
    corpus: CorpusFile = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the first batch; each has its own.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where calibration.json and calibration.md go.")] = Path(
        "reports/out"
    ),
    json: Json = False,
) -> None:
    """How often is compare right on this machine? Races identical code, and code slowed by exactly 2, 5 and 10 %."""
    from dataclasses import replace
    from functools import partial

    import impls
    from bench.commands import terminal as show
    from bench.commands.quantities import share
    from bench.engine import environment
    from bench.engine.race import Settings, Track
    from bench.plans import calibrate as calibrating
    from bench.plans import run as running
    from bench.plans.compare import Wanted

    margin = share("--threshold", threshold)
    show.writable(out)
    stop_on_signals()
    busy, before = environment.busy_cpus(), environment.counters()
    machine = environment.describe(busy)
    so_far = calibrating.resumed(out, margin, machine) if add else calibrating.Calibrating(margin)
    settings = Settings(memory_limit_bytes=free_memory())
    folder = Path(impls.__file__).resolve().parents[1]
    interrupted = False
    with running.saved(read_corpus(corpus)) as saved, show.steps() as note, measuring(machine, busy) as (workers, cpu):
        track = Track(workers, saved, (), replace(settings, seed=seed), cpu)
        try:
            track, contests = calibrating.cases(
                track, folder, Wanted(kernel or (), only or ()), None if everything else cases
            )
            for number in range(so_far.comparisons, so_far.comparisons + batches):
                said = partial(calibrating.prefixed, note, f"batch {number + 1}: ")
                calibrating.batch(track, contests, number, so_far, not same_only, said)
                warnings = environment.warnings_of(machine | environment.spoiled(before))
                calibrating.write(so_far, out, show.command(sys.argv), machine, warnings)
        except KeyboardInterrupt:
            interrupted = True
    if not so_far.trials:
        show.error(
            "interrupted before the first batch was finished: nothing to keep"
            if interrupted
            else "no case could be raced"
        )
        raise typer.Exit(130 if interrupted else 3)
    show.calibrated(out, as_json=json)
    raise typer.Exit(130 if interrupted else 0)


@app.command(
    epilog="Example: [bold]w2vbench history --kernel lookup[/bold]; in CI [bold]w2vbench history --fail[/bold]"
)
def history(
    kernel: Kernels = None,
    only: Only = None,
    store: Annotated[Path, typer.Option(metavar="DIR", help="Where runs are kept.")] = Path(".benchmarks"),
    threshold: Annotated[str, typer.Option(metavar="P%", help="Changes below this are not shown.")] = "10%",
    fail: Annotated[
        bool,
        typer.Option(
            "--fail",
            help="Exit with 1 if something became slower, which nobody says is meant; with 3 if too few runs were steady.",
        ),
    ] = False,
    acknowledge: Annotated[
        str | None,
        typer.Option(
            "--acknowledge",
            metavar="CASE",
            help="A slowdown of this case (or glob) is meant: write it to w2vbench.toml.",
        ),
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why it is meant.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where history.html goes.")] = Path("reports/out"),
    json: Json = False,
) -> None:
    """Stored runs over time: each case's trend, and where it changed, with the commits between which it did.

    Runs are not interleaved with each other, so only large changes can be trusted; compare tells small ones.
    """
    from bench.commands import terminal as show
    from bench.commands.quantities import share
    from bench.plans.revisions import here
    from bench.plans.run import PlanError
    from reports import acknowledged
    from reports import history as trends

    if acknowledge is not None or why is not None:
        if not (acknowledge and why and why.strip()):
            raise PlanError("an intended slowdown needs both: --acknowledge CASE --why TEXT")
        path = acknowledged.add(here(), acknowledge, why)
        print(f"acknowledged in {path}: commit it with the change")
        if not acknowledged.read(here())[-1].covers_any(show.case_names(out)):
            show.error(
                f"note: neither w2vbench nor the comparison in {out} has a case called {acknowledge!r}; is it spelt right?"
            )
        return
    margin = share("--threshold", threshold)
    runs, left = trends.stored(store)
    found = show.chosen(trends.trends(runs), Selection(kernel or (), only or ()))
    excuses = acknowledged.read(here())
    for trend in found:
        trends.find_all(trend, margin, excuses)
    show.history(found, left, margin, out, as_json=json)
    slower = any(
        trends.failing(change, margin) for trend in found for one in trend.series.values() for change in one.changes
    )
    unanswered = any(trend.unanswered for trend in found)
    raise typer.Exit(0 if not fail else 1 if slower else 3 if unanswered else 0)


@app.command()
def report(
    result: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A result file, e.g. reports/out/result.json or one under .benchmarks/."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, Markdown and CSV go.")] = Path("reports/out"),
) -> None:
    """Build page, Markdown and CSV again from a result file."""
    from bench.commands import terminal as show
    from reports import page
    from reports.results import read

    show.written(page.report(read(result), out))


class Architecture(StrEnum):
    skip_gram = "skip-gram"
    cbow = "cbow"


def architecture(name: Architecture | None, sg: int | None, cbow: int | None) -> str:
    """The kernel that is meant, whichever option says so. Raises PlanError if they contradict each other."""
    from bench.plans.run import PlanError

    said = [name, None if sg is None else (Architecture.cbow, Architecture.skip_gram)[sg]]
    said.append(None if cbow is None else (Architecture.skip_gram, Architecture.cbow)[cbow])
    meant = {one for one in said if one is not None} or {Architecture.skip_gram}
    if len(meant) > 1:
        raise PlanError("--model, --sg and --cbow contradict each other: leave all but one out")
    return f"training.{meant.pop().value}"


@app.command(
    epilog="Example: [bold]w2vbench train --corpus text8 --out vectors.bin --threads 2[/bold]. Options have word2vec.c's and gensim's names too."
)
def train(
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", "--train", metavar="FILE", help="UTF-8 text; else the State of the Union addresses."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "--output", metavar="FILE", help="Where the vectors go; text if it ends in .txt or .vec."
        ),
    ] = Path("vectors.bin"),
    model: Annotated[
        Architecture | None, typer.Option(help="What to learn from a window; skip-gram if nothing is said.")
    ] = None,
    sg: Annotated[int | None, typer.Option("--sg", min=0, max=1, help="gensim's name: 1 skip-gram, 0 CBOW.")] = None,
    cbow: Annotated[int | None, typer.Option("--cbow", min=0, max=1, help="word2vec.c's: 1 CBOW, 0 skip-gram.")] = None,
    hidden: Annotated[
        int, typer.Option("--hidden", "--size", "--vector-size", min=1, max=2048, help="Length of the vectors, H.")
    ] = 100,
    window: Annotated[int, typer.Option(min=1, max=100, help="Words on each side, at most.")] = 5,
    negatives: Annotated[
        int, typer.Option("--negatives", "--negative", min=1, max=100, help="Drawn words a centre, K.")
    ] = 5,
    hs: Annotated[int, typer.Option("--hs", min=0, max=1, help="0: negative sampling, which is what is offered.")] = 0,
    sample: Annotated[
        float, typer.Option(min=0, max=1e9, help="Leave words out that are more frequent than this; 0: none.")
    ] = 1e-3,
    alpha: Annotated[float, typer.Option(min=1e-6, max=1, help="The first rate.")] = 0.025,
    min_alpha: Annotated[float, typer.Option(min=0, max=1, help="The last rate.")] = 0.0001,
    ns_exponent: Annotated[
        float, typer.Option(min=0, max=1, help="Power of the counts that negatives are drawn by.")
    ] = 0.75,
    epochs: Annotated[
        int, typer.Option("--epochs", "--iter", min=1, max=MOST_TIMES, help="Times through the text.")
    ] = 5,
    min_count: Annotated[int, typer.Option(min=1, max=1 << 40, help="Leave words out that occur less often.")] = 5,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            "--workers",
            min=1,
            max=256,
            help="Threads; all CPUs if not given. One: the same vectors for a seed.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed.")] = 1,
    binary: Annotated[
        int | None, typer.Option(min=0, max=1, help="1 binary, 0 text, whatever the file is called.")
    ] = None,
) -> None:
    """Train word vectors with the fastest rung, and save them in word2vec's format, which gensim's KeyedVectors reads.

    Words are runs of letters, with apostrophes inside them, in lower case, as everywhere in w2vbench: digits and other
    punctuation part them. A text is read once and then streamed from the folder for temporary files ($TMPDIR), which needs
    8 bytes a word: memory is needed for the vocabulary, the vectors, and where lines begin. Defaults are gensim's, but for
    skip-gram (word2vec.c and gensim: CBOW, which is --cbow 1). Interrupted (Ctrl-C), it saves what was learnt so far, and puts
    aside the vectors that the file had.
    """
    from bench.commands import terminal as show
    from bench.plans import train as command
    from bench.plans.run import PlanError

    stop_on_signals()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads and threads > cpus:
        show.error(f"{threads} threads on {cpus} CPUs: more threads than CPUs are slower")
    if hs:
        raise PlanError("--hs: only 0, negative sampling, is offered here (for 1, take gensim)")
    interrupted = command.train(
        command.Wanted(
            kernel=architecture(model, sg, cbow),
            corpus=corpus,
            out=out,
            H=hidden,
            K=negatives,
            threads=threads or cpus,
            epochs=epochs,
            min_count=min_count,
            seed=seed,
            settings={
                "window": window,
                "sample": sample,
                "alpha": alpha,
                "min_alpha": min_alpha,
                "power": ns_exponent,
            },
            binary=out.suffix not in (".txt", ".vec") if binary is None else bool(binary),
        ),
        show.trainings,
    )
    raise typer.Exit(130 if interrupted else 0)


SEEDS = 5
"""Runs of each implementation that ``quality`` plans."""


@app.command(
    epilog="Example: [bold]w2vbench quality --only numba --only gensim[/bold] (needs pip install gensim, which also ships the word lists)"
)
def quality(
    kernel: Annotated[
        list[str] | None,
        typer.Option("--kernel", metavar="K", help="training.cbow or training.skip-gram; both if not given."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="GLOB", help="Rungs whose name matches, e.g. numba; may be given several times."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Runs of each rung, with seeds of their own (5 if not given); the test is of so many."
        ),
    ] = None,
    epochs: Annotated[
        int, typer.Option("--epochs", "--iter", min=1, max=MOST_TIMES, help="Times through the text.")
    ] = 5,
    budget: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Longest that a run should train; slower rungs train on what fits, gensim on all."
        ),
    ] = "30s",
    threads: Annotated[
        list[int] | None,
        typer.Option("--threads", min=1, max=256, help="Threads (1 if not given); may be given several times."),
    ] = None,
    min_count: Annotated[int, typer.Option(min=1, max=1 << 40, help="Leave words out that occur less often.")] = 5,
    corpus: CorpusFile = None,
    impl: Impl = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where quality.json, quality.html and quality.md go.")
    ] = Path("reports/out"),
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep the runs that DIR's quality.json has, if of the same text and code, and make the others.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Speed against quality: train every rung on a text, several seeds in random order, and judge the vectors.

    An implementation is called equal in quality to gensim only if no score is worse by more than a margin: twice the
    standard deviation of gensim's own seeds, and 0.001. The test, at 5 %, is of the seeds that the first run planned
    (--seeds), once all are done. A run that was interrupted goes on with --resume, which also adds implementations; seeds
    that it adds narrow the intervals of means, and have no part in the test.
    """
    from bench.commands import terminal as show
    from bench.commands.quantities import seconds
    from bench.engine import environment
    from bench.engine.journal import hold, put_aside
    from bench.engine.race import Settings, Track
    from bench.engine.training_loop import kept
    from bench.plans import quality as comparing
    from bench.plans import revision_comparison as gate
    from bench.plans import run as running
    from bench.plans import scores
    from impls import catalogue

    budget_s = seconds("--budget", budget)
    files = [file.resolve() for file in impl or ()]
    every = [i for i in narrowed(catalogue.load(files), kernel) if i.kernel.name.startswith("training.")]
    chosen = [i for i in every if Selection(globs=only or ()).has_case(i.key)]
    if not chosen:
        raise running.PlanError("no training rung matches; w2vbench list --kernel training shows the names")
    path = out / "quality.json"
    if resume and not path.exists():
        raise running.PlanError(
            f"--resume: {path}: No such file, so there is nothing to go on from: leave --resume out"
        )
    show.writable(out)
    hold(out)
    stop_on_signals()
    busy = environment.busy_cpus()
    machine = environment.describe(busy)
    text = read_corpus(corpus)
    V = int((text.counts >= min_count).sum())
    if V < 2:
        raise running.PlanError(f"--min-count: no two words of {text.name} occur {min_count} times or more")
    first = seeds or SEEDS
    asked = comparing.Asked(chosen, V, tuple(threads or [1]), first, first, epochs, budget_s)
    if not asked.runs():
        raise running.PlanError("these rungs have one thread: leave --threads out, or choose numba, gensim or torch")
    digest = running.corpus_and_code(text, files)
    records: list[dict[str, Any]] = []
    if resume:
        asked, records = comparing.earlier(path, asked, digest, machine, seeds)
        if asked.seeds != asked.planned:
            show.error(f"the test stays that of the {asked.planned} seeds that were planned before the first run")
    if not resume and (aside := put_aside(path)):
        show.error(f"earlier runs were put aside as {aside} (--resume would have gone on from them)")
    text = kept(text, V)
    known, tests = len(records), scores.tests(text.vocabulary[:V])

    def content() -> dict[str, Any]:
        return comparing.content(asked, text, tests, digest, records)

    interrupted = False
    with (
        running.saved(text) as folder,
        show.steps("run") as note,
        measuring(machine, busy, max(threads or [1])) as (workers, cpu),
    ):
        warnings = environment.warnings_of(machine, threads=max(threads or [1]))
        frame = gate.frame_of("quality", show.command(sys.argv), machine, warnings)
        track = Track(workers, folder, tuple(files), Settings(memory_limit_bytes=free_memory()), cpu)

        def kept_so_far(what: str, done: int, of: int) -> None:
            if what:
                note(what, done, of)
            elif len(records) > known:
                show.keep_qualities(content(), frame, out, complete=False)

        try:
            comparing.compare(asked, len(text.ids), tests, track, kept_so_far, records)
        except KeyboardInterrupt:
            interrupted = True
    if not records:
        show.error("interrupted before the first run was finished: nothing to keep")
        raise typer.Exit(130)
    show.qualities(content(), frame, out, complete=not interrupted, as_json=json)
    if interrupted:
        left = len(asked.left(records))
        show.error(f"interrupted: {left} of {len(asked.runs())} runs are left; the same command with --resume goes on")
    statuses = {record["status"] for record in records}
    raise typer.Exit(130 if interrupted else 1 if statuses & set(running.BROKEN) else 0 if "ok" in statuses else 3)


def narrowed(every: Sequence[Implementation], kernels: Sequence[str] | None) -> list[Implementation]:
    """The implementations of some kernels or families of kernels. Raises PlanError."""
    from difflib import get_close_matches

    from bench.plans.run import PlanError

    names = list(dict.fromkeys(i.kernel.name for i in every))
    for kernel in kernels or ():
        if any(Selection([kernel]).has_kernel(name) for name in names):
            continue
        families = dict.fromkeys(name.partition(".")[0] for name in names)
        by_ending = {
            **{name.rpartition(".")[2]: name for name in names},
            **{name: name for name in (*names, *families)},
        }
        near = [name for name in by_ending if name.startswith(kernel)] or get_close_matches(kernel, by_ending, 1)
        guess = f"did you mean {by_ending[near[0]]}? " if near else ""
        raise PlanError(f"no kernel {kernel!r}; {guess}there are {', '.join(names)}")
    return [i for i in every if Selection(kernels or ()).has_kernel(i.kernel.name)]


def read_corpus(file: Path | None) -> Corpus:
    """The built-in corpus, or a file's. Raises CorpusError."""
    from impls import words

    return words.read(file) if file else words.builtin()


@contextmanager
def measuring(machine: dict[str, Any], busy: Sequence[float], threads: int = 1) -> Iterator[tuple[Workers, int | None]]:
    """Workers to measure with, and the CPU that those of one thread are kept on: the idlest that no other run holds.

    machine: where it is noted. This process leaves the CPUs to its workers, if it may use others.
    """
    from bench.commands import terminal as show
    from bench.engine import cpus, environment
    from bench.engine.workers import Workers

    with cpus.held(environment.idlest(busy), threads) as mine, Workers(mine.cpus) as workers:
        machine["idlest_cpu"] = mine.cpu if threads == 1 else None
        if mine.shared:
            machine["cpus_shared"] = True
            show.error(environment.CROWDED)
        yield workers, mine.cpu


def stop_on_signals() -> None:
    """Have the signals that end a program raise KeyboardInterrupt, so that what was begun is tidied away."""
    for ending in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), signal.default_int_handler)


def free_memory() -> int:
    """Bytes that a worker may hold if nothing else is said: what is available, less a reserve of at most a gigabyte."""
    from bench.engine import environment

    available = environment.available_bytes()
    return max(LEAST_MEMORY, available - min(1 << 30, available // 4))


def several(arguments: list[str]) -> list[str]:
    """Repeat an option's name before each of its values: ``--vocab 1 2`` becomes ``--vocab 1 --vocab 2``.

    ``train`` takes options as word2vec.c and gensim write them, too: ``-min-count``, ``--vector_size``.
    """
    if arguments[:1] == ["train"]:
        written = re.compile(r"--?([a-z][a-z_-]+)(=.*)?")
        names = [written.fullmatch(argument) for argument in arguments]
        arguments = [
            f"--{name[1].replace('_', '-')}{name[2] or ''}" if name else argument
            for name, argument in zip(names, arguments, strict=True)
        ]
    spread: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in SEVERAL else ""
        elif option and spread[-1] != option:
            spread.append(option)
        spread.append(argument)
    return spread


class Output(io.TextIOWrapper):
    """A standard stream that falls silent when nobody reads it any more (``| head``) or its disk is full, so that a run still
    ends and is kept. lost: why it did, unless its reader has just left."""

    lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self.fall_silent(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.fall_silent(error)

    def fall_silent(self, error: OSError) -> None:
        self.lost = self.lost or (None if isinstance(error, BrokenPipeError) else error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def open_streams() -> None:
    """Have the standard streams open and unable to end a run.

    A shell may have closed some (``>&-``): the next files opened would have their numbers, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, errors in (("stdout", "replace"), ("stderr", "backslashreplace")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            at_once = name == "stderr" or stream.isatty()
            setattr(sys, name, Output(stream.buffer, stream.encoding, errors, line_buffering=at_once))


INPUT_ERRORS = (
    "BadName",
    "CatalogueError",
    "CorpusError",
    "JournalError",
    "OptionError",
    "PlanError",
    "ResultError",
    "RevisionError",
)
"""Errors whose message is meant for the user; by name, since importing them would import NumPy and pydantic."""


def unwrapped(text: str) -> str:
    """A docstring as help shows it: each paragraph one line, to be wrapped as the terminal has room."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


for registered in app.registered_commands:
    registered.help = unwrapped(registered.callback.__doc__ or "") if registered.callback else None


def said(error: BaseException) -> str:
    """What is wrong with the input, in a line; empty if help was shown instead. Raises the error again if the input is not to blame."""
    if isinstance(error, typer.TyperException):
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        context = getattr(error, "ctx", None)
        return message and f"{message} (see {context.command_path if context else 'w2vbench'} --help)"
    if isinstance(error, MemoryError):
        return "not enough memory: try a smaller --vocab or --batch (of a text, a larger --min-count)"
    if isinstance(error, OSError):
        return f"{error.filename or ''}{': ' if error.filename else ''}{error.strerror or error}"
    if type(error).__name__ in INPUT_ERRORS:
        return str(error)
    raise error


def shortened(word: str) -> str:
    """A word as a line has room for it: the middle of a very long one is left out."""
    return word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 20]}…{word[-20:]}"


def main() -> None:
    """Run the command; whatever is wrong with its input becomes one line on stderr and exit code 2."""
    open_streams()
    try:
        code = app(args=several(sys.argv[1:]), prog_name="w2vbench", standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        code = 2
        if message := " ".join(map(shortened, said(error).split())):
            print(f"w2vbench: {message}", file=sys.stderr)
    sys.stdout.flush()
    if lost := getattr(sys.stdout, "lost", None):
        print(f"w2vbench: what was to be printed is lost: {lost.strerror or lost}", file=sys.stderr)
        code = code or 2
    sys.exit(code)
