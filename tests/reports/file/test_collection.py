"""The collector of cyclic garbage is paused while files are read, and left as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from w2vbench.reports.file.files import without_collection


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_the_collector_is_paused_and_runs_again_even_after_an_error() -> None:
    paused = []

    @without_collection()
    def read() -> None:
        paused.append(not gc.isenabled())
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        read()
    assert paused == [True]
    assert gc.isenabled()


def test_a_collector_that_was_paused_stays_so() -> None:
    gc.disable()
    with without_collection():
        pass
    assert not gc.isenabled()


def test_what_was_made_meanwhile_is_old_so_that_no_collection_of_new_objects_looks_through_it() -> None:
    with without_collection():
        made: list[list[int]] = [[] for _ in range(5_000)]
    new = {id(one) for one in gc.get_objects(generation=0)}
    assert not any(id(one) in new for one in made)
    assert any(one is made for one in gc.get_objects())


def test_what_a_user_has_frozen_stays_frozen() -> None:
    gc.freeze()
    with without_collection():
        pass
    assert gc.get_freeze_count() > 0
