"""What options may say, and that nothing else reaches the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.bench.commands.terminal import options
from w2vbench.bench.commands.terminal.quantities import LONGEST_S, duration, memory_size, share, whole_number
from w2vbench.impls.interface import case
from w2vbench.impls.interface.case import Size

Parser = Callable[[str], float]
count = whole_number(1)
PARSERS: tuple[Parser, ...] = (count, duration, share, memory_size)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (count, "1e4", 10_000),
        (duration, "90", 90.0),
        (duration, "90s", 90.0),
        (duration, "1.5m", 90.0),
        (duration, "2h", 7200.0),
        (duration, ".5", 0.5),
        (duration, "720h", LONGEST_S),
        (share, "2%", 0.02),
        (share, "0.02", 0.02),
        (share, "50%", 0.5),
        (memory_size, "4G", 4 << 30),
        (memory_size, "512MiB", 512 << 20),
        (memory_size, "1e9", 10**9),
    ],
)
def test_values_are_read_as_people_write_them(read: Parser, text: str, value: float) -> None:
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize("read", PARSERS)
@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "nan", "inf", "1e400", "1e300", "٣", "½", "x", "9" * 5000, "1e99T", "1e20h", "0", "0%", "\udcff"],
)
def test_what_cannot_be_meant_is_refused_in_a_short_line(read: Parser, text: str) -> None:
    with pytest.raises(typer.BadParameter) as refusal:
        read(text)
    assert len(str(refusal.value)) < 250
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=20), st.sampled_from(PARSERS))
def test_any_text_is_read_or_refused(text: str, read: Parser) -> None:
    with contextlib.suppress(typer.BadParameter):
        assert 0 < read(text) < 1 << 61


def test_as_many_threads_may_be_asked_for_as_a_cases_name_can_hold() -> None:
    """The command has the number too, since it must not import NumPy for its help."""
    assert options.MOST_THREADS == case.MOST_THREADS
    assert str(Size(9, threads=options.MOST_THREADS)).endswith(f"t{options.MOST_THREADS}")
