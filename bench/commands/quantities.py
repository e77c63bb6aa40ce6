"""Numbers, sizes, times and shares as options give them: each read in one place, within limits that the engine can bear."""

from __future__ import annotations

import re
from collections.abc import Sequence

from impls.case import BadName, whole
from impls.messages import quoted

PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,18})?(?:e[+-]?[0-9]{1,2})?|\.[0-9]{1,18}")
SHORTEST_S, LONGEST_S = 0.1, 30 * 86_400.0
"""Least and most seconds that may be asked for: clocks and waits of the system take no more than some years."""
LARGEST_BYTES = 1 << 60


class OptionError(ValueError):
    """An option's value that cannot be meant; the message is one line and says what to write."""


def number(text: str) -> float:
    """Read ``90``, ``2.5`` or ``1e-3``: digits of ASCII, neither sign nor infinity. Raises OptionError."""
    if not PLAIN.fullmatch(text):
        raise OptionError(f"not a number: {quoted(text)}")
    return float(text)


def count(option: str, text: str, least: int = 1) -> int:
    """Read a whole number, such as ``10000`` or ``1e4``. Raises OptionError."""
    try:
        value = whole(text)
    except BadName as error:
        raise OptionError(f"{option}: {error}") from error
    if value < least:
        raise OptionError(f"{option} must be at least {least}, not {value}")
    return value


def counts(option: str, texts: Sequence[str], least: int = 1) -> list[int]:
    """Read whole numbers. Raises OptionError."""
    return [count(option, text, least) for text in texts]


def seconds(option: str, text: str) -> float:
    """Read ``90``, ``90s``, ``5m`` or ``1h``. Raises OptionError."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    try:
        value = number(text[:-1] if unit else text) * (unit or 1)
    except OptionError:
        value = -1.0
    if not SHORTEST_S <= value <= LONGEST_S:
        raise OptionError(
            f"{option}: not a time from {SHORTEST_S:g} s to {LONGEST_S / 86_400:g} days: {quoted(text)} (write e.g. 90s or 5m)"
        )
    return value


def share(option: str, text: str) -> float:
    """Read ``2%`` or ``0.02``. Raises OptionError."""
    try:
        value = number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except OptionError:
        value = -1.0
    if 0.2 < value < 100 and not text.endswith("%"):
        raise OptionError(f"{option}: {text} what? For {text} percent write {text}%")
    if not 1e-9 < value < 1:
        raise OptionError(f"{option}: not a share between 0 and 100 %: {quoted(text)} (write e.g. 2%)")
    return value


def size_bytes(option: str, text: str) -> int:
    """Read ``4G``, ``512M`` or a number of bytes. Raises OptionError."""
    units = {"k": 10, "m": 20, "g": 30, "t": 40}
    unit = text.strip().lower().removesuffix("ib").removesuffix("b")
    shift = units.get(unit[-1:], 0)
    try:
        value = whole(unit[:-1] if shift else unit) << shift
    except BadName:
        value = 0
    if not 0 < value <= LARGEST_BYTES:
        raise OptionError(f"{option}: not a size of memory: {quoted(text)} (write e.g. 4G or 512M)")
    return value
