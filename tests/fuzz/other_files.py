"""Changed corpora, dispatch tables, acknowledgements and settings, given to the commands that read them."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import cache
from pathlib import Path

from w2vbench.bench.plans.tune.merge import merge
from w2vbench.bench.plans.tune.tune import earlier_table
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, TableError, load, text_of
from w2vbench.impls.corpus import texts
from w2vbench.impls.interface.case import Size
from w2vbench.impls.messages import UserError

import w2vbench
from tests import tables
from w2vbench.settings import implementation_files

from .kinds import Input
from .mutations import bytes_changed, text_changed

ODD = tables.table("fuzz")
TEXT = "The cat's café sat on the mat, and the dög — 1 dog — sat.\n\nIt isn’t the cat; ÎLE île ſet\n" * 12
ODD_WORDS = (*ODD["corpus"], "\0", "\ud800", "x" * 3000)
TOML_WORDS = tuple(ODD["toml"])
SIZES = (
    Size(10, 1, 1),
    Size(1000, 50, 10),
    Size(10**9, 10**5, 10**6),
    Size(70, 3, 2, K=5, dtype="f64", index="i32", threads=2),
)


def corpus(rng: random.Random) -> Input:
    text = text_changed(rng, TEXT, ODD_WORDS, ODD_WORDS)
    if rng.random() < 0.3:
        text = bytes_changed(
            rng, TEXT.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-32")), "replace")
        )
    line = rng.choice((
        ("train", "--corpus", "text", "--out", "out/v.bin", "--min-count", rng.choice(("1", "3"))),
        ("quality", "--corpus", "text", "--out", "out", "--min-count", "1", "--kernel", "training.cbow", "--only", "numba"),
    ))  # fmt: skip
    if rng.random() < 0.3:
        return Input(files={"text": text}, direct=read_and_described)
    return Input(line, {"text": text, "out/": b""})


def read_and_described(folder: Path) -> None:
    """A run reads the text while workers start, and describes the streams of words that it makes of it."""
    with suppress(texts.CorpusError):
        made = texts.read(folder / "text")
        for V in (2, 5, 1000):
            made.describe(V)
            made.tail_share(V)


@cache
def table_text() -> str:
    its = {size: {"gather": 2e-6, "numba": 5e-7} for size in (SIZES[1], Size(10_000, 50, 10), Size(1000, 300, 100))}
    times = KernelTimes(("gather", "numba"), its)
    return text_of(DispatchTable({"lookup": times, "scatter.dense": times}, made="by w2vbench tune"))


def table(rng: random.Random) -> Input:
    files = {
        "table.toml": text_changed(rng, table_text(), TOML_WORDS, ("[kernels]", "x = 1", "[[a]]", "format = 1", '"""'))
    }
    if rng.random() < 0.5:
        return Input(("tune", "--regret", "--anyway", "--sizes", "2", "--out", "table.toml"), files)
    return Input(files=files, direct=chosen_from)


def chosen_from(folder: Path) -> None:
    file = folder / "table.toml"
    merge(earlier_table(file, lambda line: None), {}, ())
    with suppress(TableError):
        found = load(file, anyway=True)
        for size in SIZES:
            for kernel in (*found.kernels, "lookup"):
                found.choose(kernel, size)
        with suppress(ValueError):
            w2vbench.best("lookup", V=1000, H=50, B=10, table=file, anyway=True)


ACKNOWLEDGED = '[[acknowledged]]\ncase = "lookup/gather@*"\nwhy = "checks its indices"\nwhen = 2026-11-24T18:00:00Z\n'


def acknowledged(rng: random.Random) -> Input:
    """The tracked file of a repository, or of a folder that is none."""
    files = {
        "w2vbench.toml": text_changed(rng, ACKNOWLEDGED * 2, TOML_WORDS, ("x = 1", "[a]", "[[acknowledged]]", "\0"))
    }
    line = rng.choice((("--store", "store"), ("--acknowledge", "lookup/gather@*", "--why", "it is meant")))
    return Input(("history", *line, "--out", "out"), {**files, "store/": b"", "mine.py": b""})


SETTINGS = '[tool.w2vbench]\nimplementations = ["kernels.py"]\n'


def settings(rng: random.Random) -> Input:
    """The settings of pytest --benchmark in a user's pyproject.toml."""
    text = text_changed(
        rng, SETTINGS, (*TOML_WORDS, "tool", '"*"', '"../*.py"', '"/"', '"**"'), ("[tool]", "x = 1", "\0")
    )
    return Input(files={"pyproject.toml": text, "kernels.py": b""}, direct=settings_read)


def settings_read(folder: Path) -> None:
    with suppress(UserError):
        implementation_files(folder)
