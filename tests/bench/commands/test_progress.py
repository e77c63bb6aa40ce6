"""Lines of progress."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from w2vbench.bench.commands.terminal.progress import Display, RunProgress


def test_checks_in_several_threads_are_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress, together = RunProgress([], 1, Display(None)), Barrier(8)

    def check(key: str) -> None:
        together.wait()
        progress.checking(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(check, map(str, range(8))))
    assert capsys.readouterr().err == "checking the implementations against their references\n"
