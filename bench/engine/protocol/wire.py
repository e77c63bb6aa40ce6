"""Jobs and events as lines of JSON, which are read and written here and nowhere else.

An implementation can write into every file descriptor of its process, including the engine's pipe. Each line is therefore
signed with a token that only the engine's code has, and a line without it is not an event.
"""

from __future__ import annotations

import json
import os
from typing import Any, TypeVar

import msgspec

from .events import Events, Started
from .jobs import Jobs

T = TypeVar("T")

LONGEST_LINE = 16 << 20
"""Longest line in bytes. A longer line is not the engine's, and would fill the reader's memory."""


class NotAnEvent(ValueError):
    """A line that the engine did not write."""


def encode(value: Any) -> bytes:
    """Encode a value as JSON in ASCII: names of files that are not UTF-8 have lone surrogates, which need JSON's escapes."""
    return json.dumps(msgspec.to_builtins(value, enc_hook=os.fspath)).encode()


def decode(text: bytes, kind: type[T]) -> T:
    """Decode a value of a type. Raises MsgspecError if it is none."""
    try:
        # the hook is of paths
        return msgspec.convert(json.loads(text), kind, str_keys=True, dec_hook=lambda its, value: its(value))
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def line_of(message: Jobs | Events, token: str = "") -> bytes:
    """Encode a job or an event as a line. token: what the worker's events are signed with."""
    return encode((message, token)) + b"\n"


def read_job(line: bytes) -> tuple[Jobs, str]:
    """Decode a line into a job and its token."""
    return msgspec.convert(json.loads(line), tuple[Jobs, str])


def read_event(line: bytes, token: str) -> Events:
    """Decode a worker's line into an event.

    Raises
    ------
    NotAnEvent
        If the line is not an event, or lacks the worker's token. ``Started`` needs none.
    """
    try:
        event, signed = msgspec.convert(json.loads(line), tuple[Events, str])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise NotAnEvent from error
    if signed != token and not isinstance(event, Started):
        raise NotAnEvent
    return event
