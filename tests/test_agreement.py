"""The script that sets the engine's figures against other tools'; its timings are not tested, since machines are busy."""

from __future__ import annotations

import pytest

from bench import agreement
from impls import words


def test_peak_allocation_is_what_memray_sees(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("memray")
    assert agreement.allocation(words.builtin()), capsys.readouterr().out
    assert capsys.readouterr().out.count("@V=") == len(agreement.WEIGHED)


def test_the_timed_cases_exist_and_repeat_one_batch() -> None:
    names = []
    for name, _, problem, arguments in agreement.lanes(words.builtin()):
        names.append(name)
        assert len(problem.batches) == 1
        assert len(arguments) >= 2
    assert len(names) == 6
