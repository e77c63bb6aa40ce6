"""Arrays are used again once nobody holds them, and never before."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections import deque
from typing import NamedTuple

import numpy as np
import pytest
from w2vbench.impls.choosing.lending import ALONE, IN_LIST, NEVER, Lender, lendable, other
from w2vbench.impls.interface import Array

from tests.processes import ROOT

pytestmark = pytest.mark.skipif(ALONE == NEVER, reason="references are not counted")


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
    assert lendable(base[0], (0,)).base is None
    workspace = (1, 2)
    assert lendable(workspace, ()) is workspace


def test_a_single_array_has_another_one_beside_it_only_while_it_is_held() -> None:
    held = np.zeros(3)
    free: deque[Array] = deque()
    instead = other(free, held)
    assert free[0] is held
    assert not np.shares_memory(instead, held)
    assert len(free) == 1
    other(free, instead)
    assert len(free) == 1


def test_no_array_is_kept_beyond_two() -> None:
    lent = lender()
    kept = [lent.lend()[1] for _ in range(10)]
    bases = [weakref.ref(array.base) for array in kept if array.base is not None]
    assert len(bases) == 10
    del kept
    gc.collect()
    assert sum(base() is not None for base in bases) <= 2


def test_references_are_counted_as_expected() -> None:
    assert IN_LIST > ALONE


WATCHED = """
import sys
held = []

def keeps(frame, event, argument):
    if frame.f_code.co_filename.endswith("lending.py"):  # in other modules, Python 3.12.1 fails where a tracer looks at variables
        held.append(dict(frame.f_locals))
    return keeps

sys.settrace(keeps)
import w2vbench.impls.choosing.lending
sys.settrace(None)
print(w2vbench.impls.choosing.lending.IN_LIST, w2vbench.impls.choosing.lending.ALONE)
"""


def test_what_a_debugger_holds_is_not_taken_for_nobodys() -> None:
    """It holds the measured arrays: every result then gets new memory."""
    done = subprocess.run([sys.executable, "-c", WATCHED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(NEVER), str(NEVER)]


def test_without_numbers_to_trust_no_array_is_lent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2vbench.impls.choosing.lending.IN_LIST", NEVER)
    lent = lender()
    addresses, held = set(), []
    for _ in range(5):
        held.append(lent.lend()[1])
        addresses.add(address(held[-1]))
    assert len(addresses) == 5
