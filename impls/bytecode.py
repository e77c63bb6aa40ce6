"""Compiled code as its steps: without lines, places, and the names of variables.

Python 3.11 to 3.14 write the same source as different instructions, but one Python always writes the same ones, and
two revisions are compared in one process.
"""

from __future__ import annotations

import dis
import re
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

TWO_IN_ONE = re.compile("((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
"""Instructions of Python 3.13 and later that do two things with two variables, where both stand on one line."""
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")


@dataclass(frozen=True)
class Step:
    """One instruction. kind: what its value is: a ``constant``, a ``global`` or other ``name``, an ``import``, or the ``number``
    that stands in the code (of a variable, of how far to jump)."""

    name: str
    kind: str
    value: Any


@cache
def steps(code: CodeType) -> tuple[Step, ...]:
    """The instructions of some code."""
    found: list[Step] = []
    for step in dis.get_instructions(code):
        if pair := TWO_IN_ONE.fullmatch(step.opname):
            found += [Step(pair[1], "number", (step.arg or 0) >> 4), Step(pair[2], "number", (step.arg or 0) & 15)]
        elif step.opname == "KW_NAMES":  # has a constant that dis does not look up
            found.append(Step(step.opname, "constant", code.co_consts[step.arg or 0]))
        elif step.opcode in dis.hasconst:
            found.append(Step(step.opname, "constant", step.argval))
        elif step.opname in GLOBAL:
            found.append(Step(step.opname, "global", step.argval))
        elif step.opname == "IMPORT_NAME":
            found.append(Step(step.opname, "import", step.argval))
        elif step.opcode in dis.hasname:
            found.append(Step(step.opname, "name", step.argval))
        else:
            found.append(Step(step.opname, "number", step.arg))
    return tuple(found)


def arguments(code: CodeType) -> tuple[str, ...]:
    """Names of a function's arguments, but for *args and **kwargs."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


@cache
def global_names(code: CodeType) -> tuple[str, ...]:
    """Names that some code looks up outside of itself, each once."""
    return tuple(dict.fromkeys(step.value for step in steps(code) if step.kind == "global"))


def loops(function: Any) -> bool:
    """Whether a function goes round a loop in Python itself."""
    waiting = [getattr(function, "__code__", None)]
    while waiting:
        code = waiting.pop()
        if isinstance(code, CodeType):
            if any(step.name in ("FOR_ITER", "JUMP_BACKWARD") for step in steps(code)):
                return True
            waiting += code.co_consts
    return False
