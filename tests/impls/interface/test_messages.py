"""Errors and texts of strangers as one line, whatever they do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.messages import describe, message_of, one_line, quoted, readable, type_and_message


def raising(error: type[BaseException]) -> Exception:
    """An exception that raises another when it is asked for its message."""

    class Mute(Exception):
        def __str__(self) -> str:
            if error is TypeError:
                return 5  # type: ignore[return-value]
            raise error

    return Mute()


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, TypeError])
@pytest.mark.parametrize("say", [message_of, type_and_message, describe])
def test_an_error_that_raises_when_it_is_asked_is_told_all_the_same(
    raised: type[BaseException], say: Callable[[Exception], str]
) -> None:
    """TypeError: what ``str`` raises where the message is no text."""
    said = say(raising(raised))
    assert f"asking for it raises {raised.__name__}" in said
    assert "\n" not in said


def test_ctrl_c_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        message_of(raising(KeyboardInterrupt))


def test_an_error_is_its_type_and_its_message_if_it_has_one() -> None:
    assert list(map(type_and_message, (ValueError("a\n  b"), ValueError()))) == ["ValueError: a b", "ValueError"]


@given(st.text(st.characters(), max_size=500))
def test_any_text_becomes_one_line_that_a_file_can_hold(text: str) -> None:
    for line in (one_line(text), quoted(text)):
        assert len(line.splitlines()) <= 1
        assert len(line) <= 10 * 300
    assert readable(text).encode().decode() == readable(text)


def test_what_utf_8_cannot_hold_is_written_out_and_of_what_is_long_the_ends_are_shown() -> None:
    assert readable("naïve 🦆 caf\udce9") == r"naïve 🦆 caf\udce9"
    assert len(quoted("9" * 5000)) < 80
    assert quoted("a" * 60 + "b" * 60).endswith("bbb'")


def test_a_message_has_no_colours() -> None:
    assert one_line("\x1b[1m\x1b[31mNo implementation\x1b[0m of \x1b[1mf\x1b[0m") == "No implementation of f"


def test_an_error_raised_in_a_library_is_placed_at_the_line_that_called_it() -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("[")
    assert describe(raised.value).endswith(f" (test_messages.py:{raised.traceback[0].lineno + 1})")
