"""Compare the engine's figures with other tools: ``python -m tests.agreement``.

It compares wall time with timeit (interleaved with ours), CPU time with getrusage, and peak allocation with memray, and
measures the engine's own cost inside a sample.
"""

from __future__ import annotations

import gc
import resource
import tempfile
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from w2vbench.bench.engine.machine.process import pin
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.engine.worker.checking.verify import Verifier
from w2vbench.bench.engine.worker.profiling import memory
from w2vbench.bench.engine.worker.timing import floors as limits
from w2vbench.bench.engine.worker.timing.timing import calibrate
from w2vbench.bench.engine.worker.variants.loop import sampler
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, prepare_variant
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation, Problem
from w2vbench.impls.interface.case import Case, Size
from w2vbench.reports.file.frame import load
from w2vbench.reports.statistics.units import seconds, size_bytes

TIMED_CASES = (
    "lookup/take-out@V=1e3,H=4,B=1,f32,i64,repeat,t1",
    "scatter.scalar/add-at@V=1e4,H=1,B=1e3,f32,i64,repeat,t1",
    "lookup/csr-one-hot@V=1e4,H=100,B=100,f32,i64,repeat,t1",
    "scatter.dense/unique-csr@V=1e4,H=100,B=1e3,f32,i64,repeat,t1",
    "output.softmax/blocked@V=1e5,H=100,B=16,f32,i64,repeat,t1",
)
"""From about 1 µs to 50 ms a call. ``variants`` puts a call of about 0.1 µs before them."""

MEMORY_CASES = (
    "lookup/gather@V=1e4,H=100,B=1e4,f32,i64,zipf,t1",
    "scatter.scalar/bincount@V=1e5,H=1,B=1e4,f32,i64,zipf,t1",
    "scatter.accumulate/csr@V=1e5,H=100,B=1e4,f32,i64,zipf,t1",
    "scatter.rows/sort-reduceat@V=1e5,H=100,B=1e4,f32,i64,zipf,t1",
    "output.softmax/full@V=1e5,H=100,B=16,f32,i64,zipf,t1",
    "sampling.without-replacement/gumbel-top-k@V=1e5,H=1,B=16,K=5,f32,i64,zipf,t1",
)
"""Cases that allocate NumPy arrays only. Only memray sees the buffers of BLAS (0.5 MB beside the 4.0 MB of a one-hot product)."""

TIMING = MeasurementSettings(sample_s=0.002, variant_s=0.1, rounds=50)
ROUNDS = 100


def main(
    results: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Compare the speed-ups of two result files of the same command instead."),
    ] = None,
) -> None:
    """Compare the engine's figures with timeit, getrusage and memray on this machine. Exit code 1 if they disagree."""
    if results:
        compare_runs(*results)
        return
    pin(1)
    corpus = texts.builtin()
    agreed = [wall_and_cpu(corpus), allocation(corpus), overhead()]
    raise typer.Exit(0 if all(agreed) else 1)


def load_case(name: str, corpus: Corpus) -> tuple[Implementation, Problem]:
    """Return a case's implementation and its inputs."""
    case = Case.parse(name)
    implementation = next(i for i in catalogue.own() if i.key == f"{case.kernel}/{case.slug}")
    return implementation, implementation.kernel.make(case.size, corpus, np.random.default_rng(0))


def one_row(W: Any, word: int) -> Any:
    return W[word]


def variants(corpus: Corpus) -> Iterator[PreparedVariant]:
    """Yield the timed cases."""
    table = np.ones((1000, 100), np.float32)
    single = Problem(Size(1000), {}, [(table, 5)], 0.0)
    yield PreparedVariant("one row, W[5]", one_row, (), single, sampler(2, False))
    for name in TIMED_CASES:
        yield prepare_variant(name, *load_case(name, corpus))


def wall_and_cpu(corpus: Corpus) -> bool:
    """Alternate our samples with timeit's, of as many calls of the same function. Compare our CPU time with getrusage."""
    print(f"{'wall, a call':<62} {'ours':>9} {'timeit':>9} {'differ by':>9}   CPU against getrusage")
    agree = True
    for variant in variants(corpus):
        calibrate(variant, TIMING, Verifier(variant, np.random.default_rng(0)))
        arguments = {f"a{i}": one for i, one in enumerate((*variant.problem.batches[0], *variant.workspace))}
        timer = timeit.Timer(f"f({', '.join(arguments)})", globals={"f": variant.function, **arguments})
        ours, theirs, cpu, used = [], [], 0, 0.0
        gc.collect()
        gc.disable()  # as timeit and the engine do
        for round_ in range(ROUNDS):
            if round_ % 2:
                theirs.append(timer.timeit(variant.calls) / variant.calls)
            before = cpu_seconds()
            wall_ns, cpu_ns, *_ = variant.time_calls(variant.calls)
            used += cpu_seconds() - before
            cpu += cpu_ns
            ours.append(wall_ns / variant.calls / 1e9)
            if not round_ % 2:
                theirs.append(timer.timeit(variant.calls) / variant.calls)
        gc.enable()
        variant.problem.reset()
        # the median over pairs, so that one noisy stretch does not decide
        differ = float(np.exp(np.median(np.log(ours) - np.log(theirs)))) - 1
        cpu_differ = cpu / 1e9 / used - 1
        agree &= abs(differ) <= 0.05 and abs(cpu_differ) <= 0.02
        print(
            f"{variant.name:<62} {seconds(float(np.median(ours))):>9} {seconds(float(np.median(theirs))):>9} {differ:>+9.1%}   {cpu_differ:+.2%}"
        )
    return agree


def cpu_seconds() -> float:
    """Return the CPU time of this process, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def allocation(corpus: Corpus) -> bool:
    """Compare the peak allocation of one call with memray, which traces malloc."""
    try:
        import memray
    except ImportError:
        print("\npeak allocation: not compared, memray is not installed (pip install memray)")
        return True
    print(f"\n{'peak allocation of a call':<80} {'ours':>9} {'memray':>9} {'differ by':>9}")
    agree = True
    for name in MEMORY_CASES:
        implementation, problem = load_case(name, corpus)
        function, last = implementation.start(problem)
        function(*problem.batches[0], *last)
        problem.reset()
        ours = memory.measure(implementation, problem, 60.0).peak_bytes
        assert ours is not None
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "peak"
            with memray.Tracker(file):
                function(*problem.batches[0], *last)
            theirs = memray.FileReader(file).metadata.peak_memory
        differ = ours / theirs - 1
        agree &= abs(differ) <= 0.01
        print(f"{name:<80} {size_bytes(ours):>9} {size_bytes(theirs):>9} {differ:>+9.2%}")
    return agree


def overhead() -> bool:
    """Measure what the engine adds to a sample: reading two clocks once, and the loop around each call."""
    empty = sampler(2, False)
    fixed = float(np.median([empty(limits.nothing, iter(()), ())[0] for _ in range(10_000)]))
    n = 10_000
    batches = [(1, 2)] * n
    looped = float(np.median([empty(limits.nothing, iter(batches), ())[0] for _ in range(100)])) / n
    bare = timeit.Timer("f(1, 2)", globals={"f": limits.nothing})
    called = min(bare.repeat(100, n)) / n * 1e9
    share = fixed / 2e6
    print(
        f"\nthe engine adds {fixed:.0f} ns to a sample ({share:.2%} of 2 ms); its loop adds {looped - called:.0f} ns a call more than timeit's"
    )
    return share <= 0.01


def compare_runs(first: Path, second: Path) -> None:
    """Print how far the speed-ups of two runs differ: the median and the largest difference."""
    both = load(first).merge(load(second), on="case", suffixes=("", "_again"))
    both = both[(both.status == "ok") & (both.status_again == "ok") & ~both.baseline.astype(bool)]
    ratios = both.dropna(subset=["speedup", "speedup_again"])
    gap = np.expm1(np.abs(np.log((ratios.speedup / ratios.speedup_again).to_numpy())))
    if not len(gap):
        raise typer.BadParameter("the two files have no speed-up in common: give two result files of the same command")
    print(
        f"{len(gap)} speed-ups in both: half within {np.median(gap):.1%}, all within {gap.max():.1%} "
        f"({ratios.case.iloc[int(gap.argmax())]}); {int((gap > 0.15).sum())} differ by over 15 %"
    )


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
