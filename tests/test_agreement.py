"""The script that sets the engine's figures against other tools'; its timings are not tested, since machines are busy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from w2vbench.impls.corpus import texts

from tests import agreement, saved


def test_peak_allocation_is_what_memray_sees(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("memray")
    assert agreement.allocation(texts.builtin()), capsys.readouterr().out
    assert capsys.readouterr().out.count("@V=") == len(agreement.MEMORY_CASES)


def test_the_timed_cases_exist_and_repeat_one_batch() -> None:
    variants = list(agreement.variants(texts.builtin()))
    assert len({variant.name for variant in variants}) == 6
    for variant in variants:
        assert len(variant.problem.batches) == 1
        assert len((*variant.problem.batches[0], *variant.workspace)) >= 2


def test_two_runs_are_compared_by_their_speed_ups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, gather in (("a", 1e-5), ("b", 8e-6)):  # 100 and 125 times faster
        rows = [saved.row("one-hot", 1e-3, baseline=True), saved.row("gather", gather), saved.row("take", 1e-5)]
        (tmp_path / name).write_text(json.dumps(saved.content(*rows)))
    agreement.compare_runs(tmp_path / "a", tmp_path / "b")
    printed = capsys.readouterr().out
    assert "2 speed-ups in both: half within 12.5%, all within 25.0% (lookup/gather@" in printed
    assert "1 differ by over 15 %" in printed
