"""Errors and texts of strangers as one line that a terminal, a file and a person can read."""

from __future__ import annotations

LONGEST = 300


def readable(text: str) -> str:
    """A text that UTF-8 can hold: what it cannot, such as the bytes of a file's name that are no UTF-8, is written ``\\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """The first LONGEST characters of a text, in one line."""
    return readable(" ".join(text[: 4 * LONGEST].split())[:LONGEST])


def quoted(text: str) -> str:
    """What a user wrote, in quotes; the middle of a long one is left out."""
    return repr(text if len(text) <= 80 else f"{text[:40]} … {text[-20:]}")


def message_of(error: BaseException) -> str:
    """An error's message in one line; an exception from outside may raise another when it is asked for its own."""
    try:
        return one_line(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        return f"(its message cannot be read: asking for it raises {type(other).__name__})"


def told(error: BaseException) -> str:
    """An error in one line: its type, and its message if it has one."""
    return f"{type(error).__name__}: {message_of(error)}".removesuffix(": ")
