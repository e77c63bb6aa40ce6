"""Bytecode as a list of steps, without line numbers, positions and variable names.

Python 3.11 to 3.14 compile the same source to different instructions. One Python always compiles it to the same ones,
and two revisions are compared in one process.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import CodeType
from typing import Any

TWO_IN_ONE = re.compile("((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
"""Instructions of Python 3.13 and later that load or store two variables at once, if both stand on one source line."""
REPEATS = re.compile(r"FOR_ITER|(POP_)?JUMP_BACKWARD(_IF_\w+)?")
"""Instructions of a loop, from Python 3.11's to 3.14's. JUMP_BACKWARD_NO_INTERRUPT only waits for another generator."""
THROWN = "CLEANUP_THROW"
"""What a generator or coroutine begins with when an exception is thrown into it. In Python 3.12 JUMP_BACKWARD follows, and is no loop."""
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")


@dataclass(frozen=True)
class Step:
    """One instruction."""

    name: str  # the instruction's name
    # what the value is: ``constant``, ``global`` (a name), another ``name``, ``import``, or the ``number`` in the code
    # (a variable's index, a jump's distance)
    kind: str
    value: Any  # the constant, name or number


@cache
def steps(code: CodeType) -> tuple[Step, ...]:
    """Return the instructions of a code object."""
    result: list[Step] = []
    for step in dis.get_instructions(code):
        if pair := TWO_IN_ONE.fullmatch(step.opname):
            result += [Step(pair[1], "number", (step.arg or 0) >> 4), Step(pair[2], "number", (step.arg or 0) & 15)]
        elif step.opname == "KW_NAMES":  # dis does not resolve this constant
            result.append(Step(step.opname, "constant", code.co_consts[step.arg or 0]))
        elif step.opcode in dis.hasconst:
            result.append(Step(step.opname, "constant", step.argval))
        elif step.opname in GLOBAL:
            result.append(Step(step.opname, "global", step.argval))
        elif step.opname == "IMPORT_NAME":
            result.append(Step(step.opname, "import", step.argval))
        elif step.opcode in dis.hasname:
            result.append(Step(step.opname, "name", step.argval))
        else:
            result.append(Step(step.opname, "number", step.arg))
    return tuple(result)


def arguments(code: CodeType) -> tuple[str, ...]:
    """Names of a function's arguments, without *args and **kwargs."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def with_nested(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object, and those of the functions that are defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from with_nested(constant)


def loops(function: Any) -> bool:
    """Whether a function contains a Python loop, in itself or in a nested function."""
    code = getattr(function, "__code__", None)
    return isinstance(code, CodeType) and any(repeats(steps(one)) for one in with_nested(code))


def repeats(instructions: Sequence[Step]) -> bool:
    names = [step.name for step in instructions if step.name != "EXTENDED_ARG"]
    return any(REPEATS.fullmatch(name) and before != THROWN for before, name in pairwise(names))
