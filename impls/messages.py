"""Text from outside (error messages, file names) as one line that a terminal, a file and a person can read."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

LONGEST = 300
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""How a terminal's colours are set: numba's errors have them."""


def readable(text: str) -> str:
    """Escape what UTF-8 cannot encode, such as the invalid bytes of a file name, as ``\\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Return the first LONGEST characters of a text, in one line and without colours."""
    return readable(" ".join(COLOUR.sub("", text[: 4 * LONGEST]).split())[:LONGEST])


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


OURS = tuple(str(Path(__file__).resolve().parents[1] / room) for room in ("bench", "reports"))
"""The rooms that call an implementation."""
LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
"""Folders of Python and of installed packages."""


def describe(error: BaseException) -> str:
    """Describe an error in one line: its type, its message, and where it was raised.

    Where a library raised it, the place is the line that called the library, since that is the one to change. For code that
    is itself an installed package, it is the line that raised.
    """
    places = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    own = [place for place in places if not place[0].startswith((*LIBRARIES, *OURS, "<"))]
    return type_and_message(error) + "".join(f" ({Path(file).name}:{number})" for file, number in (own or places)[-1:])
