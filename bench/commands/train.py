"""``w2vbench train``: word vectors from a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .terminal.app import app
from .terminal.options import Epochs, MinCount, random_seed

MODELS = ("skip-gram", "cbow")


def architecture(model: str | None, sg: int | None, cbow: int | None) -> str:
    """Return the model that --model, --sg or --cbow selects. Raises PlanError if they contradict each other."""
    from w2vbench.bench.plans.run.request import PlanError

    named = {model, None if sg is None else MODELS[1 - sg], None if cbow is None else MODELS[cbow]} - {None}
    if len(named) > 1:
        raise PlanError("--model, --sg and --cbow contradict each other: give only one of them")
    return next(iter(named), None) or MODELS[0]


@app.command(
    epilog="Example: w2vbench train --corpus text8 --out vectors.bin --threads 2. Options may also have the names of word2vec.c and gensim."
)
def train(
    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus", "--train", metavar="FILE", help="A UTF-8 text (default: the State of the Union addresses)."
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--output",
            metavar="FILE",
            help="Where the vectors go: as text if the name ends in .txt or .vec, else binary.",
        ),
    ] = Path("vectors.bin"),
    model: Annotated[
        Literal["skip-gram", "cbow"] | None, typer.Option(help="The architecture (default skip-gram).")
    ] = None,
    sg: Annotated[
        int | None, typer.Option("--sg", metavar="N", min=0, max=1, help="As in gensim: 1 skip-gram, 0 CBOW.")
    ] = None,
    cbow: Annotated[
        int | None, typer.Option("--cbow", metavar="N", min=0, max=1, help="As in word2vec.c: 1 CBOW, 0 skip-gram.")
    ] = None,
    hidden: Annotated[
        int,
        typer.Option(
            "--hidden", "--size", "--vector-size", metavar="N", min=1, max=2048, help="Length of the vectors, H."
        ),
    ] = 100,
    window: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Words on each side, at most.")] = 5,
    negatives: Annotated[
        int, typer.Option("--negatives", "--negative", metavar="N", min=1, max=100, help="Negatives per target, K.")
    ] = 5,
    sample: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, max=1e9, help="Subsample words that are more frequent than this share; 0: keep all."
        ),
    ] = 1e-3,
    alpha: Annotated[float, typer.Option(metavar="X", min=1e-6, max=1, help="The learning rate at the start.")] = 0.025,
    min_alpha: Annotated[float, typer.Option(metavar="X", min=0, max=1, help="The learning rate at the end.")] = 0.0001,
    ns_exponent: Annotated[
        float,
        typer.Option(metavar="X", min=0, max=1, help="Negatives are drawn in proportion to this power of the counts."),
    ] = 0.75,
    epochs: Epochs = 5,
    min_count: MinCount = 5,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            "--workers",
            metavar="N",
            min=1,
            max=256,
            help="Threads (default: all CPUs). One thread gives the same vectors for the same seed.",
        ),
    ] = None,
    seed: Annotated[int, random_seed("Seed of the random numbers.")] = 1,
    binary: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=1, help="1 binary, 0 text, whatever the file's name.")
    ] = None,
) -> None:
    """Train word vectors with the fastest implementation, and save them in word2vec's format, which gensim's KeyedVectors reads.

    A word is a run of letters, in lower case, and may contain apostrophes; digits and other punctuation separate words. The
    text is read once, then streamed from the folder for temporary files ($TMPDIR), which needs 8 bytes a word. Memory holds
    only the vocabulary, the vectors, and the positions of lines. The defaults are gensim's, except for skip-gram (word2vec.c
    and gensim: CBOW, here --cbow 1). If interrupted (Ctrl-C), it saves the vectors learnt so far and puts the file's earlier
    vectors aside.
    """
    from w2vbench.bench.plans.train import train as training

    from .terminal import printing as show
    from .terminal.progress import training_progress

    request = training.TrainingRequest(
        corpus=corpus,
        min_count=min_count,
        model=architecture(model, sg, cbow),
        H=hidden,
        K=negatives,
        window=window,
        sample=sample,
        alpha=alpha,
        min_alpha=min_alpha,
        ns_exponent=ns_exponent,
        epochs=epochs,
        threads=threads,
        seed=seed,
        out=out,
        binary=out.suffix not in (".txt", ".vec") if binary is None else bool(binary),
    )
    done = training.train(request, show.note, show.error, training_progress)
    print(done.summary)
    raise typer.Exit(130 if done.interrupted else 0)
