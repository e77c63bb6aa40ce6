"""Standard streams that cannot end a run."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


class Output(io.TextIOWrapper):
    """A standard stream that falls silent when nobody reads it any more (``| head``) or its disk is full, so that a run still
    ends and is kept. lost: why it did, unless its reader has just left."""

    lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self.fall_silent(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.fall_silent(error)

    def fall_silent(self, error: OSError) -> None:
        self.lost = self.lost or (None if isinstance(error, BrokenPipeError) else error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def open_streams() -> None:
    """Have the standard streams open and unable to end a run.

    A shell may have closed some (``>&-``): the next files opened would have their numbers, and be written to.
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
            at_once = name == "stderr" or stream.isatty()
            setattr(sys, name, Output(stream.buffer, stream.encoding, errors, line_buffering=at_once))
