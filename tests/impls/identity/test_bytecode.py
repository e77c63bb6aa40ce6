"""Facts that are read from bytecode, on every Python alike."""

from __future__ import annotations

from typing import Any

import pytest
from w2vbench.impls.identity.bytecode import loops

REPEATS = {
    "counted": "def f(x):\n for _ in range(x):\n  x += 1\n return x",
    "on a condition": "def f(x):\n while x:\n  x -= 1\n return x",
    "endless": "def f(x):\n while True:\n  if x():\n   return x",
    "until there is none": "def f(x):\n while (x := x.parent) is not None:\n  pass\n return x",
    "list": "def f(x):\n return [one + 1 for one in x]",
    "handed on": "def f(x):\n return sum(one + 1 for one in x)",
    "in a nested function": "def f(x):\n def g():\n  def h():\n   while x:\n    x.pop()\n  return h\n return g()",
    "one after another": "async def f(x):\n async for one in x:\n  one()",
}
DELEGATES = "def f(x):\n yield from x\n"
ONCE = {
    "at once": "def f(x):\n return x.sum() if x else sum(x)",
    "by itself": "def f(x):\n return x and f(x - 1)",
    "of another": DELEGATES,
    "of another, so far away that a jump takes an instruction more": DELEGATES + " x.a = x.b + 1\n" * 300,
    "when it is there": "async def f(x):\n return await x",
    "built in": "f = sum",
    "no function": "f = None",
}


@pytest.mark.parametrize("name", [*REPEATS, *ONCE])
def test_a_loop_in_python_is_one_however_it_is_written(name: str) -> None:
    made: dict[str, Any] = {}
    exec(REPEATS.get(name) or ONCE[name], made)
    assert loops(made["f"]) is (name in REPEATS)
