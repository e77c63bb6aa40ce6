"""What the machine can do, measured in the same run."""

from __future__ import annotations

from typing import Any

CALL = "limit.call"
"""The lane of a function that does nothing: what a call costs, and, from round to round, how fast the machine is."""


def nothing(*arguments: Any) -> None:
    pass
