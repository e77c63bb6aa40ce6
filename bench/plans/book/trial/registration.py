"""What this plan adds to the engine's workers. It is imported in each of them, so the rest is imported when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.worker.variants import extensions
from w2vbench.bench.engine.worker.variants.extensions import MethodCalls
from w2vbench.impls.interface import Implementation, Kernel


def check(job: protocol.CheckBook, emit: protocol.Emit) -> None:
    from . import job as checking

    checking.check(job, emit)


def implementations_of(file: Path) -> Sequence[Implementation]:
    from w2vbench.bench.plans.book.reader.variants import implementations_of

    return implementations_of(file)


def method_calls(kernel: Kernel, names: Sequence[str]) -> dict[str, MethodCalls]:
    from w2vbench.bench.plans.book.reader.ours import method_calls

    return method_calls(kernel, names)


extensions.JOBS[protocol.CheckBook] = check
extensions.READERS.append(implementations_of)
extensions.LAYERS.append(method_calls)
