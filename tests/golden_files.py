"""Texts that were checked by eye. ``GOLDEN=rewrite pytest tests/reports`` writes those of ``tests/golden`` again; then look at them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).with_name("golden")


def check(name: str, made: str) -> None:
    """Check a text against the golden file of that name, or rewrite the file."""
    if os.environ.get("GOLDEN") == "rewrite":
        (GOLDEN / name).write_text(made, "utf-8", newline="")
    assert made == (GOLDEN / name).read_bytes().decode()


def check_calls(name: str, names: Mapping[str, Any]) -> None:
    """Check a file whose every line is a call and what it gives: further calls are added in the file itself."""
    calls = [line.partition(" = ")[0] for line in (GOLDEN / name).read_text("utf-8").splitlines()]
    assert calls
    check(name, "".join(f"{call} = {eval(call, dict(names)) or '(nothing)'}\n" for call in calls))
