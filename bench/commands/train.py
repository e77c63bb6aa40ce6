"""``w2vbench train``: word vectors from a text."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import LARGEST_SEED, MOST_TIMES
from .setup import stop_on_signals


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
    """Train word vectors with the fastest implementation, and save them in word2vec's format, which gensim's KeyedVectors reads.

    Words are runs of letters, with apostrophes inside them, in lower case, as everywhere in w2vbench: digits and other
    punctuation part them. A text is read once and then streamed from the folder for temporary files ($TMPDIR), which needs
    8 bytes a word: memory is needed for the vocabulary, the vectors, and where lines begin. Defaults are gensim's, but for
    skip-gram (word2vec.c and gensim: CBOW, which is --cbow 1). Interrupted (Ctrl-C), it saves what was learnt so far, and puts
    aside the vectors that the file had.
    """
    from bench.commands import terminal as show
    from bench.commands.progress import trainings
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
        trainings,
    )
    raise typer.Exit(130 if interrupted else 0)
