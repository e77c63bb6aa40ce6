"""Texts that were checked by eye. ``GOLDEN=rewrite pytest tests/reports`` writes those of ``tests/golden`` again; then look at them."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).with_name("golden")


def check(name: str, made: str) -> None:
    """Check a text against the golden file of that name, or rewrite the file."""
    if os.environ.get("GOLDEN") == "rewrite":
        (GOLDEN / name).write_text(made, "utf-8", newline="")
    assert made == (GOLDEN / name).read_bytes().decode()
