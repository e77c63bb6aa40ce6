"""How an implementation fared: a status, and the reason where it is not ``ok``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How an implementation fared, as result files and messages name it."""

    OK = "ok"
    WRONG = "wrong"
    SKIPPED = "skipped"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    ERROR = "error"


@dataclass(frozen=True)
class Verdict:
    """The result of checking an implementation: its status, and why it is not ok."""

    status: Status
    reason: str = ""
