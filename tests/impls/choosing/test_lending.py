"""Arrays are used again once nobody holds them, and never before."""

from __future__ import annotations

import gc
import weakref
from typing import NamedTuple

import numpy as np
import pytest
from w2vbench.impls.choosing.lending import COUNTED, Lender
from w2vbench.impls.interface import Array

pytestmark = pytest.mark.skipif(not COUNTED, reason="references are not counted")


class Buffers(NamedTuple):
    table: Array
    first: Array
    number: int
    second: Array


def lender() -> Lender:
    return Lender(Buffers(np.zeros(3), np.zeros((4, 2)), 7, np.zeros(5)), (1, 3))


def address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def test_only_the_returned_arrays_are_lent() -> None:
    lent = lender()
    one, two = lent.lend(), lent.lend()
    assert type(one) is Buffers
    assert isinstance(two, Buffers)
    assert isinstance(one, Buffers)
    assert one.table is two.table
    assert (one.number, one.first.shape) == (7, (4, 2))
    assert not np.shares_memory(one.first, two.first)
    assert not np.shares_memory(one.second, two.second)


def test_memory_that_nobody_holds_is_used_again() -> None:
    lent = lender()
    addresses = set()
    held = None
    for _ in range(20):
        held = lent.lend()  # the last one is held while the next is lent
        addresses.add(address(held[1]))
    assert len(addresses) == 2
    del held
    first = address(lent.lend()[1])
    assert address(lent.lend()[1]) == first


@pytest.mark.parametrize("part", ["view", "row", "transposed", "buffer"])
def test_whatever_is_left_of_an_array_holds_it(part: str) -> None:
    lent = lender()
    whole = lent.lend()[1]
    whole[:] = 1
    left = {"view": whole[:], "row": whole[2], "transposed": whole.T, "buffer": memoryview(whole)}[part]
    del whole
    for _ in range(4):
        lent.lend()[1][:] = 2
    assert (np.asarray(left) == 1).all()


def test_an_array_that_does_not_own_its_memory_is_replaced() -> None:
    """Of a view, views have the base of the view, and do not count."""
    base = np.zeros((2, 8))
    lent = Lender((base[0], base[1]), (0,))
    assert lent.parts[0].base is None
    assert lent.parts[1].base is base


def test_a_workspace_that_is_one_array_is_lent_as_one() -> None:
    lent = Lender(np.zeros(3), (0,))
    first, second = lent.lend(), lent.lend()
    assert not np.shares_memory(first, second)
    at = address(first)
    del first
    assert address(lent.lend()) == at


def test_no_array_is_kept_beyond_two() -> None:
    lent = lender()
    kept = [lent.lend()[1] for _ in range(10)]
    bases = [weakref.ref(array.base) for array in kept if array.base is not None]
    assert len(bases) == 10
    del kept
    gc.collect()
    assert sum(base() is not None for base in bases) <= 2


def test_without_numbers_to_trust_no_array_is_lent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2vbench.impls.choosing.lending.ALONE", -1)
    lent = lender()
    addresses, held = set(), []
    for _ in range(5):
        held.append(lent.lend()[1])
        addresses.add(address(held[-1]))
    assert len(addresses) == 5
