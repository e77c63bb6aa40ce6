"""calibrate, as a user does."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from w2vbench.bench.main import app
from w2vbench.bench.plans.calibrate.calibrate import CalibrateRequest, calibrate
from w2vbench.bench.plans.compare.measured import ComparisonRun

from tests.processes import w2vbench


def test_a_calibration_is_kept_can_be_added_to_and_shows_other_rules_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one with slowed code, the second as a user adds to it; both in this process, with few workers."""
    monkeypatch.setattr(ComparisonRun, "stages", (2, 3))
    calibrate(
        CalibrateRequest(
            command="w2vbench calibrate",
            out=tmp_path,
            kernels=["lookup"],
            globs=["*/gather@*"],
            batches=1,
            cases=1,
            same_only=False,
            threshold=0.02,
            seed=0,
            resume=False,
        ),
        lambda line: None,
        nullcontext(lambda what, done, of: None),
    )
    asked = (
        "calibrate",
        "--batches",
        "1",
        "--cases",
        "1",
        "--kernel",
        "lookup",
        "--only",
        "*/gather@*",
        "--out",
        str(tmp_path),
    )
    code = app(args=[*asked, "--same-only", "--resume"], standalone_mode=False)
    again = capsys.readouterr()
    assert not code, again.err
    found = json.loads((tmp_path / "calibration.json").read_text())["w2vbench"]["calibration"]
    kinds = [(round(trial["injected"], 3), trial["threshold"]) for trial in found["trials"]]
    assert kinds == [(0, 0.02), (0.02, 0.02), (0.05, 0.02), (0.1, 0.02), (0.02, 0.005), (-0.048, 0.02), (0, 0.02)]
    assert all(set(trial["rules"]) == set(found["trials"][0]["rules"]) for trial in found["trials"])
    assert found["comparisons"] == 2
    for text in (again.out, (tmp_path / "calibration.md").read_text()):
        assert "Mann-Whitney" in text
        assert "Identical code was called slower in" in text
    other = w2vbench(*asked, "--resume", "--threshold", "5%", cwd=tmp_path)
    assert other.returncode == 2
    assert "no calibration of this kind at this threshold" in other.stderr
    (tmp_path / "text").write_text("one two three two\n" * 50)
    other = w2vbench(*asked, "--resume", "--corpus", "text", cwd=tmp_path)
    assert other.returncode == 2
    assert "made with another text or version" in other.stderr
