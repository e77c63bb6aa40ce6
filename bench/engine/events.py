"""What workers tell: one JSON object a line, marked with what only the engine's own code was given.

An implementation can write into every descriptor of its process, this one among them. What it writes there is no event.
"""

from __future__ import annotations

import json
from typing import Any

LONGEST_LINE = 16 << 20
"""Bytes of a line at most: what is longer comes from no engine, and would fill the memory of the process that reads it."""


class NoEvent(ValueError):
    """A line that the engine has not written."""


def line_of(event: str, facts: dict[str, Any], token: str) -> str:
    """An event as a line. token: what the parent gave this worker to sign with."""
    return json.dumps({"event": event, "token": token, **facts}) + "\n"


def event_of(line: bytes, token: str) -> dict[str, Any]:
    """Read a worker's line. Raises NoEvent unless it is an event with the worker's token, or its first sign of life, which has none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NoEvent from error
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise NoEvent
    if event.pop("token", None) != token and event["event"] != "started":
        raise NoEvent
    return event
