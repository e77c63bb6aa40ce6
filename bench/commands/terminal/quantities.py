"""Numbers, times, shares and sizes of memory as options give them: typer's parsers, within limits that the engine can bear.

A parser's error names the option, since typer adds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import typer
from w2vbench.impls.messages import quoted

PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,18})?(?:e[+-]?[0-9]{1,2})?|\.[0-9]{1,18}")
SHORTEST_S, LONGEST_S = 0.1, 30 * 86_400.0
"""Least and most seconds: clocks and waits of the system take no more than some years."""
LARGEST_BYTES = 1 << 60


def number(text: str) -> float:
    """Read ``90``, ``2.5`` or ``1e-3``: ASCII digits without a sign. Raises ValueError."""
    if not PLAIN.fullmatch(text):
        raise ValueError(text)
    return float(text)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers from least up to most, such as ``10000`` or ``1e4``."""

    def count(text: str) -> int:
        from w2vbench.impls.interface.case import BadName, parse_number

        try:
            value = parse_number(text)
        except BadName as error:
            negative = re.fullmatch(r"-[0-9]{1,16}", text.strip())
            raise typer.BadParameter(f"at least {least}, not {negative[0]}" if negative else str(error)) from error
        if value < least:
            raise typer.BadParameter(f"at least {least}, not {value}")
        if most is not None and value > most:
            raise typer.BadParameter(f"at most {most}, not {value}")
        return value

    return count


def duration(given: str | float) -> float:
    """Read ``90``, ``90s``, ``5m`` or ``1h`` as seconds."""
    text = str(given)  # an option's default is a number already
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    try:
        value = number(text[:-1] if unit else text) * (unit or 1)
    except ValueError:
        value = -1.0
    if not SHORTEST_S <= value <= LONGEST_S:
        limits = f"from {SHORTEST_S:g} s to {LONGEST_S / 86_400:g} days"
        raise typer.BadParameter(f"not a time {limits}: {quoted(text)} (write e.g. 90s or 5m)")
    return value


def share(given: str | float) -> float:
    """Read ``2%`` or ``0.02``."""
    text = str(given)
    try:
        value = number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if 0.2 < value < 100 and not text.endswith("%"):
        raise typer.BadParameter(f"{text} what? For {text} percent write {text}%")
    if not 1e-9 < value < 1:
        raise typer.BadParameter(f"not a share between 0 and 100 %: {quoted(text)} (write e.g. 2%)")
    return value


def memory_size(text: str) -> int:
    """Read ``4G``, ``512M`` or a number of bytes."""
    from w2vbench.impls.interface.case import BadName, parse_number

    units = {"k": 10, "m": 20, "g": 30, "t": 40}
    unit = text.strip().lower().removesuffix("ib").removesuffix("b")
    shift = units.get(unit[-1:], 0)
    try:
        value = parse_number(unit[:-1] if shift else unit) << shift
    except BadName:
        value = 0
    if not 0 < value <= LARGEST_BYTES:
        raise typer.BadParameter(f"not a size of memory: {quoted(text)} (write e.g. 4G or 512M)")
    return value
