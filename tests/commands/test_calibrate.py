"""calibrate, as a user does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.plans.calibrate import CalibrateRequest, calibrate
from bench.plans.comparison_run import ComparisonRun
from tests.notes import Notes
from tests.processes import w2vbench


def test_a_calibration_is_kept_can_be_added_to_and_shows_other_rules_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one, with slowed code, in this process and in few processes; the second as a user adds to it."""
    monkeypatch.setattr(ComparisonRun, "stages", (2, 3))
    calibrate(
        CalibrateRequest(
            command="w2vbench calibrate",
            out=tmp_path,
            kernels=["lookup"],
            batches=1,
            cases=1,
            slowed=True,
            threshold=0.02,
            seed=0,
            resume=False,
        ),
        lambda line: None,
        Notes(),
    )
    asked = ("calibrate", "--batches", "1", "--cases", "1", "--kernel", "lookup", "--out", str(tmp_path))
    again = w2vbench(*asked, "--same-only", "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    found = json.loads((tmp_path / "calibration.json").read_text())["w2vbench"]["calibration"]
    kinds = [(round(trial["injected"], 3), trial["threshold"]) for trial in found["trials"]]
    assert kinds == [(0, 0.02), (0.02, 0.02), (0.05, 0.02), (0.1, 0.02), (0.02, 0.005), (-0.048, 0.02), (0, 0.02)]
    assert all(set(trial["rules"]) == set(found["trials"][0]["rules"]) for trial in found["trials"])
    assert found["comparisons"] == 2
    for text in (again.stdout, (tmp_path / "calibration.md").read_text()):
        assert "Mann-Whitney" in text
        assert "Identical code was called slower in" in text
    other = w2vbench(*asked, "--resume", "--threshold", "5%", cwd=tmp_path)
    assert other.returncode == 2
    assert "no calibration of this kind at this threshold" in other.stderr
