"""How an implementation fared: a status, and the reason where it is not ``ok``."""

from __future__ import annotations

from dataclasses import dataclass

OK, WRONG, SKIPPED, ERROR, OUT_OF_MEMORY = "ok", "wrong", "skipped", "error", "out of memory"


@dataclass(frozen=True)
class Verdict:
    """The result of checking an implementation.

    Attributes
    ----------
    status
        ``ok | wrong | skipped | error | out of memory``; a run adds ``timeout | crashed``.
    reason
        Why it is not ok.
    """

    status: str
    reason: str = ""
