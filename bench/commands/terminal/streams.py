"""Standard streams whose failure does not end a run."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import textwrap
from pathlib import Path


class Output(io.TextIOWrapper):
    """A standard stream that discards its output when its reader has gone (``| head``) or its disk is full.

    A run then still finishes and its results are kept."""

    lost: OSError | None = None  # The error because of which output was discarded. None if only the reader has gone.

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self.discard(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.discard(error)

    def discard(self, error: OSError) -> None:
        self.lost = self.lost or (None if isinstance(error, BrokenPipeError) else error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def say(line: str) -> None:
    """Print a line on standard error at once. On a terminal it is broken between words."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        line = "\n".join(textwrap.wrap(line, max(width, 20), break_long_words=False, break_on_hyphens=False)) or line
    print(line, file=sys.stderr, flush=True)


def open_streams() -> None:
    """Open the standard streams so that their failure cannot end a run.

    A shell may have closed some (``>&-``). The next files opened would get their numbers, and output would go there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, errors in (("stdout", "replace"), ("stderr", "backslashreplace")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            buffer, at_once = stream.buffer, name == "stderr" or stream.isatty()
            if isinstance(buffer, io.RawIOBase):  # PYTHONUNBUFFERED: a signal during a write would lose the rest
                buffer, at_once = io.BufferedWriter(buffer), True
            setattr(sys, name, Output(buffer, stream.encoding, errors, line_buffering=at_once))
