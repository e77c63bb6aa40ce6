"""Figures as people read them: three significant digits and a unit, rounded in this one place."""

from __future__ import annotations

import math

from .statistics import Interval

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def three(value: float) -> str:
    """Three significant digits: ``0.0123``, ``1.23``, ``12.3``, ``123``, ``12,300``; far from one ``1.23e-09``."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.2e}"
    rounded = float(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}"


def scaled(value: float | None, unit: str, least: float = 0.0) -> str:
    """A figure with an SI prefix, ``12.3 µs``; a dash where there is none. Prefixes below least are not used."""
    if value is None or not math.isfinite(value):
        return "–"
    rounded = float(f"{value:.2e}")  # before its prefix is chosen: 999.6 µs are 1.00 ms
    for factor, prefix in PREFIXES:
        if abs(rounded) >= factor or factor <= least:
            return f"{three(rounded / factor)} {prefix}{unit}"
    return f"{three(rounded / 1e-9)} n{unit}" if value else f"0 {unit}"


def seconds(value: float | None) -> str:
    return scaled(value, "s")


def size_bytes(value: float | None) -> str:
    """Bytes in powers of a thousand: ``0 B``, ``40.1 kB``, ``400 MB``."""
    return f"{value:.0f} B" if value is not None and abs(value) < 999.5 else scaled(value, "B", least=1.0)


def times(ratio: Interval | None) -> str:
    """A ratio with its interval: ``12.3× (11.9–12.8)``."""
    if ratio is None:
        return "–"
    if ratio.low is None or ratio.high is None:
        return f"{three(ratio.estimate)}×"
    return f"{three(ratio.estimate)}× ({three(ratio.low)}–{three(ratio.high)})"


def power(growth: Interval | None, of: str = "V") -> str:
    """A growth exponent: ``V^0.98 (0.9–1.06)``."""
    if growth is None:
        return "–"
    estimate, low, high = (
        None if value is None else f"{round(value, 2) + 0.0:.2f}"
        for value in (growth.estimate, growth.low, growth.high)
    )
    return f"{of}^{estimate}" if low is None or high is None else f"{of}^{estimate} ({low}–{high})"


def rate(value: float | None) -> str:
    """Things a second: ``4.31 million``, ``12,300``."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{three(value / 1e6)} million" if value >= 1e6 else f"{float(f'{value:.3g}'):,.0f}"


def count(value: int) -> str:
    return f"{value:,}"


def percent(ratio: float) -> str:
    """A ratio as a change: ``+5.1 %``, ``-0.2 %``."""
    return f"{round((ratio - 1) * 100, 1) + 0.0:+.1f} %"


def change(estimate: float, low: float | None, high: float | None) -> str:
    """A ratio of times as a change with its interval, ``+5.1 % (+3.2 to +7.0 %)``; as times where it is large."""
    if not 0.5 < estimate < 2:
        return times(Interval(estimate, low, high))
    if low is None or high is None:
        return percent(estimate)
    return f"{percent(estimate)} ({percent(low).removesuffix(' %')} to {percent(high)})"
