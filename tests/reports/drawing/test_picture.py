"""Pictures of a page, as README has them."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from w2vbench.reports.drawing.picture import pictures

from tests.processes import PATIENCE_S, ROOT


@pytest.mark.usefixtures("chromium")
def test_pictures_show_the_story_of_a_page_on_light_and_dark_ground(
    saved_pages: Callable[[str], Path], tmp_path: Path
) -> None:
    """In a process of its own, since this one's browser is in use."""
    out = tmp_path / "new folder" / "report.png"
    subprocess.run(
        [sys.executable, "-m", "w2vbench.reports.drawing.picture", saved_pages("problem"), out],
        cwd=ROOT,
        check=True,
        timeout=PATIENCE_S,
    )
    light, dark = (file.read_bytes() for file in (out, out.with_stem("report-dark")))
    assert light[24:] != dark[24:]
    assert light[:24] == dark[:24]  # both are PNGs of one size
    assert light.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", light[16:24])
    assert 1000 < width < 1440 * 1.5
    assert height > 100


def test_without_a_browser_it_is_said_which_would_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no browser: install one of chromium"):
        pictures(tmp_path / "index.html", tmp_path / "report.png")
