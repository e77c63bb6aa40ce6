"""Numbers as text for people: three significant digits and a unit. All rounding is done here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .problems import Interval, share_interval

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
NEAR = 1.1
"""A speed-up below this factor is shown as a percentage."""
LARGE = 2.0
"""A change of time from this factor up is shown as a factor, and below it as a percentage."""


def three(value: float) -> str:
    """Return three significant digits: ``0.0123``, ``1.23``, ``12.3``, ``123``, ``12,300``; far from one ``1.23e-09``."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.2e}"
    rounded = float(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}"


def scaled(value: float | None, unit: str, least: float = 0.0) -> str:
    """Return a number with an SI prefix, ``12.3 µs``, or a dash if there is none. Prefixes below ``least`` are not used."""
    if value is None or not math.isfinite(value):
        return "–"
    rounded = float(f"{value:.2e}")  # before its prefix is chosen: 999.6 µs are 1.00 ms
    for factor, prefix in PREFIXES:
        if abs(rounded) >= factor or factor <= least:
            return f"{three(rounded / factor)} {prefix}{unit}"
    return f"{three(rounded / 1e-9)} n{unit}" if value else f"0 {unit}"


def seconds(value: float | None) -> str:
    """Return a time: ``12.3 µs``."""
    return scaled(value, "s")


def size_bytes(value: float | None) -> str:
    """Return bytes in powers of a thousand: ``0 B``, ``40.1 kB``, ``400 MB``."""
    return f"{value:.0f} B" if value is not None and abs(value) < 999.5 else scaled(value, "B", least=1.0)


def two(value: float) -> str:
    """Return two significant digits: ``0.25``, ``1.9``, ``28,000``."""
    rounded = float(f"{value:.1e}")
    decimals = 1 - math.floor(math.log10(rounded)) if rounded else 0
    return f"{rounded:,.{max(0, decimals)}f}"


def slower(ratio: float) -> str:
    """Return a ratio of times in words, with two digits: ``28,000× slower``, ``5 % slower``, ``1.9× faster``."""
    larger = max(ratio, 1 / ratio)
    amount = f"{(larger - 1) * 100:.0f} %" if larger < NEAR else f"{two(larger)}×"
    return f"{amount} {'slower' if ratio >= 1 else 'faster'}"


def faster(speedup: Interval, near: float = NEAR) -> str:
    """Return a speed-up in words, with its interval.

    Parameters
    ----------
    speedup
        How many times faster; below one, it is slower.
    near
        The factor, up or down, below which percentages are used.

    Returns
    -------
    str
        ``12.3× faster (11.9–12.8)``, ``3.24× slower (3.10–3.40)`` or ``8.0 % faster (5.1–10.9 %)``. If the
        interval includes one, each end has its own word: ``1.50× faster (1.11× slower to 2.50× faster)``.
    """

    def magnitude(value: float) -> float:
        return max(value, 1 / value if value else math.inf)

    def amount(value: float) -> str:
        larger = magnitude(value)
        return f"{(larger - 1) * 100:.1f} %" if is_near(speedup, near) else f"{three(larger)}×"

    def in_words(value: float) -> str:
        return f"{amount(value)} {'slower' if value < 1 else 'faster'}"

    if speedup.low is None or speedup.high is None:
        return in_words(speedup.estimate)
    if speedup.low < 1 < speedup.high:
        return f"{in_words(speedup.estimate)} ({in_words(speedup.low)} to {in_words(speedup.high)})"
    low, high = (amount(end) for end in sorted((speedup.low, speedup.high), key=magnitude))
    return f"{in_words(speedup.estimate)} ({low.rstrip('× %')}–{high.removesuffix('×')})"


def is_near(ratio: Interval, near: float) -> bool:
    """Whether a ratio is within a factor of one."""
    return 1 / near < ratio.estimate < near


def times(speedup: Interval | None) -> str:
    """Return a speed-up for a table: ``12.3× faster (11.9–12.8)``, ``3.24× slower (3.10–3.40)``, or near one ``+8.0 %``."""
    if speedup is None:
        return "–"
    return signed(speedup) if is_near(speedup, NEAR) else faster(speedup)


def change(time_ratio: Interval | None) -> str:
    """Return a ratio of times as a change of time: ``+5.1 % (+3.2 to +7.0 %)``, or ``3.00× slower (2.90–3.10)`` if it is large."""
    if time_ratio is None:
        return "–"
    return signed(time_ratio) if is_near(time_ratio, LARGE) else faster(inverse(time_ratio))


def inverse(ratio: Interval) -> Interval:
    """Return the ratio the other way round: of times from speeds, and of speeds from times."""
    low, high = (None if end is None else 1 / end if end else math.inf for end in (ratio.high, ratio.low))
    return Interval(1 / ratio.estimate, low, high)


def signed(ratio: Interval) -> str:
    """Return a ratio as a percentage with a sign: ``+5.1 % (+3.2 to +7.0 %)``."""
    if ratio.low is None or ratio.high is None:
        return percent(ratio.estimate)
    return f"{percent(ratio.estimate)} ({percent(ratio.low).removesuffix(' %')} to {percent(ratio.high)})"


def power(growth: Interval | None, of: str = "V") -> str:
    """Return a growth exponent: ``V^0.98 (0.90–1.06)``."""
    if growth is None:
        return "–"
    estimate, low, high = (
        None if value is None else f"{round(value, 2) + 0.0:.2f}"
        for value in (growth.estimate, growth.low, growth.high)
    )
    return f"{of}^{estimate}" if low is None or high is None else f"{of}^{estimate} ({low}–{high})"


def share_text(share: Interval) -> str:
    """Return a share with its interval: ``94.8% (93.9%–95.6%)``."""
    return f"{share.estimate:.1%} ({share.low or 0:.1%}–{share.high or 0:.1%})"


def share_of(answers: Sequence[bool]) -> str:
    """Return how many of some answers are yes, as a share with its exact interval."""
    return share_text(share_interval(sum(answers), len(answers)))


def counted(number: int, noun: str) -> str:
    """Return ``1 case``, ``2,000 cases``."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def rate(value: float | None) -> str:
    """Return a number of things per second: ``4.31 million``, ``12,300``."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{three(value / 1e6)} million" if value >= 1e6 else f"{float(f'{value:.3g}'):,.0f}"


def amount(number: float) -> str:
    """Return a number of operations: ``3,600``, ``5.20 million``, ``2.1 billion``."""
    for factor, name in ((1e9, " billion"), (1e6, " million")):
        if number >= 0.9995 * factor:
            return f"{three(number / factor)}{name}"
    return f"{number:,.0f}"


def share(value: float) -> str:
    """Return a share: ``63 %``."""
    return f"{value * 100:.0f} %"


def percent(ratio: float) -> str:
    """Return a ratio as a change: ``+5.1 %``, ``-0.2 %``."""
    return f"{round((ratio - 1) * 100, 1) + 0.0:+.1f} %"
