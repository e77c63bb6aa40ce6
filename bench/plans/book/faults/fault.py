"""What is known of a fault that learners make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault that learners make.

    Attributes
    ----------
    says, instead
        What is wrong, and what to write instead. ``{…}`` are filled in by the check.
    at
        What a line at fault looks like, as regular expressions, the surest first. Without such a line, the method's first one is
        named.
    remark
        Whether the result is right all the same: it costs time, or it will not do for other files of the book.
    of_dtype
        Whether it is none where all weights are float64.
    """

    says: str
    instead: str
    at: tuple[str, ...] = ()
    remark: bool = False
    of_dtype: bool = False
