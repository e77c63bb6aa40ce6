"""Facts that are read from bytecode, on every Python alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from w2vbench.impls.identity.bytecode import loops


def counted(x: int) -> int:
    for _ in range(x):
        x += 1
    return x


def on_a_condition(x: int) -> int:
    while x:
        x -= 1
    return x


def endless(x: Any) -> Any:
    while True:
        if x():
            return x


def until_there_is_none(x: Any) -> Any:
    while (x := x.parent) is not None:
        pass
    return x


def listed(x: Any) -> Any:
    return [one + 1 for one in x]


def handed_on(x: Any) -> Any:
    return sum(one + 1 for one in x)


def in_a_nested_function(x: Any) -> Any:
    def inner() -> Callable[[], Any]:
        def innermost() -> None:
            while x:
                x.pop()

        return innermost

    return inner()


def at_once(x: Any) -> Any:
    return x.sum() if x else sum(x)


def by_itself(x: int) -> int:
    return x and by_itself(x - 1)


def of_another(x: Iterator[int]) -> Iterator[int]:
    yield from x


async def when_it_is_there(x: Any) -> Any:
    return await x


def far_away() -> Any:
    """A generator of so much code that jumps across it take an instruction more."""
    made: dict[str, Any] = {}
    exec("def of_another(x):\n    yield from x\n" + "    x.a = x.b + 1\n" * 300, made)
    return made["of_another"]


async def one_after_another(x: Any) -> Any:
    async for one in x:
        one()


@pytest.mark.parametrize(
    "function",
    [counted, on_a_condition, endless, until_there_is_none, listed, handed_on, in_a_nested_function, one_after_another],
)
def test_a_loop_in_python_is_one_however_it_is_written(function: Callable[..., Any]) -> None:
    assert loops(function)


@pytest.mark.parametrize("function", [at_once, by_itself, of_another, far_away(), when_it_is_there, sum, None])
def test_what_repeats_nothing_in_python_has_no_loop(function: Any) -> None:
    assert not loops(function)
