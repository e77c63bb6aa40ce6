"""Text from outside (error messages, file names) as one line that a terminal, a file and a person can read."""

from __future__ import annotations

import traceback
from pathlib import Path

LONGEST = 300


def readable(text: str) -> str:
    """Escape what UTF-8 cannot encode, such as the invalid bytes of a file name, as ``\\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Return the first LONGEST characters of a text, in one line."""
    return readable(" ".join(text[: 4 * LONGEST].split())[:LONGEST])


def quoted(text: str) -> str:
    """Quote what a user wrote, without the middle of a long text."""
    return repr(text if len(text) <= 80 else f"{text[:40]} … {text[-20:]}")


def message_of(error: BaseException) -> str:
    """Return an error's message in one line. An exception from outside may raise another in its ``__str__``."""
    try:
        return one_line(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        return f"(its message cannot be read: asking for it raises {type(other).__name__})"


def type_and_message(error: BaseException) -> str:
    """Return an error in one line: its type, and its message if it has one."""
    return f"{type(error).__name__}: {message_of(error)}".removesuffix(": ")


def describe(error: BaseException) -> str:
    """Describe an error in one line: its type, its message, and the file and line that raised it."""
    line = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        line = f" ({Path(frame.f_code.co_filename).name}:{number})"
    return f"{type_and_message(error)}{line}"
