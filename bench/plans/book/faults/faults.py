"""The faults that learners make: one entry each, with a sentence for what is wrong, and one for what to write instead.

A wrong result is explained by comparing it with what each mistake would give (``checks.Mistakes``): a fault is named only where
the result is wrong, and equals what that mistake gives. So an unusual solution whose results are right is never accused.
"""

from __future__ import annotations

import re

from .fault import Fault
from .form import FORM
from .value import VALUE

FAULTS: dict[str, Fault] = FORM | VALUE
"""Every fault, by the name that ``--json`` prints."""

ERRORS = (
    (r"^NotImplementedError", "not-written"),
    (r"TypeError: (list indices must be|only integer scalar arrays|can't multiply sequence)|'list' (and|object)|and 'list'", "not-unpacked"),
    (r"TypeError: .*NoneType|AttributeError: 'NoneType'", "not-kept"),
    (r"has no attribute '(\w+)'", "never-set"),
    (r"name '(\w+)' is not defined", "never-set"),
    (r"cannot access local variable '(\w+)'", "never-set"),
    (r"TypeError: .* object is not subscriptable", "wrong-brackets"),
    (r"IndexError: arrays used as indices must be of integer", "ids-not-whole"),
    (r"TypeError: .*(positional argument|unexpected keyword|takes no arguments)", "other-signature"),
    (r"ValueError: .*(broadcast|not aligned|mismatch|shape|reshape|too many values|not enough values)", "shapes-do-not-fit"),
)  # fmt: skip
"""Which fault an error shows: a pattern of its type and message, and the fault's name. The first that fits counts."""


def fault_of_error(text: str) -> tuple[str, str]:
    """Return the fault that an error shows, and the name that its message has; both of any other error are general."""
    for pattern, fault in ERRORS:
        if found := re.search(pattern, text):
            return fault, (found[1] or "") if found.groups() else ""
    return "raises", ""
