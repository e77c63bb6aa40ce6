"""Command lines, asked in this process as far as to where processes would be started."""

from __future__ import annotations

import io
import signal
import sys
from functools import cache
from typing import Any
from unittest.mock import Mock

from typer.main import get_command
from w2vbench.bench import main
from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.plans.train import train as training
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.words import Corpus

COMMAND = get_command(main.app)
"""Built once: typer would build it anew at each call, which takes longer than all else here."""


class Began(Exception):
    """Measuring, or training, would have begun: the input was taken."""


@cache
def small_text() -> Corpus:
    """Return what stands for the built-in text."""
    return texts.encode("small", ["the cat sat on the mat and the dog sat on the cat\n" * 50])


def stand_ins() -> tuple[tuple[Any, str, Any], ...]:
    """What is replaced, so that a command answers at once: its owner, its name, and what takes its place."""
    return (
        (texts, "builtin", small_text),
        (environment, "busy_cpus", lambda: [0.0]),
        (environment, "describe", lambda busy: {}),
        (main, "app", COMMAND),
        (signal, "signal", lambda *_: None),
        (Workers, "__enter__", Mock(side_effect=Began)),
        (training, "train_implementation", Mock(side_effect=Began)),
    )


def answer_to(*arguments: str) -> tuple[int | None, str]:
    """Run a command line where the stand-ins are. Returns its exit code (None: the input was taken) and what stood on stderr."""
    before, err = (sys.argv, sys.stdout, sys.stderr), io.StringIO()
    sys.argv, sys.stdout, sys.stderr = ["w2vbench", *arguments], io.StringIO(), err
    try:
        main.main()
    except SystemExit as end:
        return int(end.code or 0), err.getvalue()
    except Began:
        return None, err.getvalue()
    finally:
        sys.argv, sys.stdout, sys.stderr = before
    raise AssertionError("a command ends by its exit code")
