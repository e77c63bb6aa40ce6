"""Bags of words: batches of their offsets, and the sizes at which their kernels are checked.

A batch of bags is ``idx`` (N,), the words of all bags one after the other, and ``offsets`` (B,), where each bag begins. Bag b
has the words ``idx[offsets[b]:offsets[b + 1]]``, and the last bag has those up to the end, as in torch.nn.EmbeddingBag. Both
arrays have one dtype. ``offsets[0]`` is 0, offsets never fall, and none is above N. A bag may be empty.
"""

from __future__ import annotations

import numpy as np

from ..corpus.batches import RotatingBatches, stream_length
from ..interface import Array
from ..interface.case import Size

SIZES = (
    Size(7, 3, 12, 3),
    Size(40, 20, 31, 5),
    Size(6, 4, 1, 9),
    Size(5, 1, 2, 1),
    Size(9, 4, 0, 2),
    Size(9, 4, 3, 0),
    Size(50, 17, 40, 8, index="i32"),
    Size(300, 17, 50, 8, dtype="f64"),
    Size(30, 33, 6, 70, dtype="f64", index="i32"),
)
"""One bag, no bag, empty bags only, long bags, and every dtype with every dtype of ids."""


class BagOffsets(RotatingBatches):
    """Rotating offsets (B,) of bags that have K words on average, and B * K together.

    Of each pair of neighbouring bags, one has d words more than K and the other d fewer, with d drawn from 0 to K. So
    bags have 0 to 2K words, and about one in 2K + 1 is empty. Of an odd number of bags, the last has K words.

    Parameters
    ----------
    size
        The problem's size.
    number
        How many batches rotate.
    rng
        Draws the lengths.
    """

    def __init__(self, size: Size, number: int, rng: np.random.Generator) -> None:
        self.equal = np.arange(size.B, dtype=size.index_type) * size.index_type.type(size.K)
        drawn = rng.integers(-size.K, size.K + 1, size=stream_length(number, size.B), dtype=size.index_type)
        super().__init__(number, size.B, (drawn,), rng)
        for (shifts,) in self.check_batches:
            shifts[1:2], shifts[-1:] = -size.K, size.K  # the first bag is empty, and of an even number the last one too
            self.turn_into_offsets(shifts)

    def renew(self, first: int, count: int) -> None:
        super().renew(first, count)
        self.turn_into_offsets(self.windows[0][first : first + count])

    def turn_into_offsets(self, shifts: Array) -> None:
        """Turn numbers from -K to K, (..., B), into offsets: every second bag begins so many words later than equal bags would."""
        shifts[..., ::2] = 0
        shifts += self.equal
