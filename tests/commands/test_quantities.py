"""What options may say, and that nothing else reaches the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.commands import options
from bench.commands.quantities import LONGEST_S, OptionError, count, number, seconds, share, size_bytes
from impls import case
from impls.case import Size

READERS: tuple[Callable[[str, str], float], ...] = (count, seconds, share, size_bytes)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (count, "1e4", 10_000),
        (seconds, "90", 90.0),
        (seconds, "90s", 90.0),
        (seconds, "1.5m", 90.0),
        (seconds, "2h", 7200.0),
        (seconds, ".5", 0.5),
        (seconds, "720h", LONGEST_S),
        (share, "2%", 0.02),
        (share, "0.02", 0.02),
        (share, "50%", 0.5),
        (size_bytes, "4G", 4 << 30),
        (size_bytes, "512MiB", 512 << 20),
        (size_bytes, "1e9", 10**9),
    ],
)
def test_values_are_read_as_people_write_them(read: Callable[[str, str], float], text: str, value: float) -> None:
    assert read("--it", text) == pytest.approx(value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "nan", "inf", "1e400", "1e300", "٣", "½", "x", "9" * 5000, "1e99T", "1e20h", "0", "0%", "\udcff"],
)
def test_what_cannot_be_meant_is_refused_in_a_short_line_that_names_the_option(
    read: Callable[[str, str], float], text: str
) -> None:
    with pytest.raises(OptionError, match="--it") as refusal:
        read("--it", text)
    assert len(str(refusal.value)) < 250
    assert "\n" not in str(refusal.value)


def test_a_share_above_one_without_a_sign_is_asked_about() -> None:
    with pytest.raises(OptionError, match="For 5 percent write 5%"):
        share("--threshold", "5")


def test_a_count_has_its_least() -> None:
    with pytest.raises(OptionError, match="--vocab must be at least 2, not 1"):
        count("--vocab", "1", least=2)


@given(st.floats(1e-90, 1e12))
def test_numbers_that_python_prints_are_read(value: float) -> None:
    assert number(f"{value:.6e}") == pytest.approx(value, rel=1e-6)


@given(st.text(max_size=20), st.sampled_from(READERS))
def test_any_text_is_read_or_refused(text: str, read: Callable[[str, str], float]) -> None:
    with contextlib.suppress(OptionError):
        assert 0 < read("--it", text) < 1 << 61


def test_as_many_threads_may_be_asked_for_as_a_cases_name_can_hold() -> None:
    """The command has the number too, since it must not import NumPy for its help."""
    assert options.MOST_THREADS == case.MOST_THREADS
    assert str(Size(9, threads=options.MOST_THREADS)).endswith(f"t{options.MOST_THREADS}")
