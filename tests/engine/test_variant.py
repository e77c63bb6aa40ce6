"""What an implementation may do to the form of its arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.engine.variant import check_same_values
from impls.interface import Wrong

NODES, TURNS = np.arange(3), np.ones(2, np.int8)


def test_copies_of_a_tuple_of_arrays_are_the_same_values() -> None:
    check_same_values(["tree"], ((NODES, TURNS),), ((NODES.copy(), TURNS.copy()),))


@pytest.mark.parametrize("other", [(NODES, -TURNS), (NODES[:2], TURNS), [NODES, TURNS], (NODES,), NODES])
def test_another_part_of_a_tuple_is_another_value(other: Any) -> None:
    with pytest.raises(Wrong, match=r"tree|a tuple of 2"):
        check_same_values(["tree"], ((NODES, TURNS),), (other,))
