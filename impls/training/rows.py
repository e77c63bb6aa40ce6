"""The parts of a compiled training step: a few rows of one table against a few rows of another, in vector registers.

It is three products of small matrices whose rows are at random places: the scores of all pairs, and the changes of both
sides. The compiler alone would go through memory for each pair, and sum each score separately. Here a row of one table
meets all rows of the other in one pass, and the elements of many scores are summed together. ``impls/training/steps.py``
makes the steps of these parts.

Tables have rows of ``width`` floats, a whole number of 64-byte lines, and are aligned to such lines. Each thread may have
its own table of the first rows, which belong to the most frequent words: ``own_in`` and ``own_out`` have as many rows as
replace shared ones. ``pairs`` and ``lines`` are tuples of which only the length counts: the number of output rows, and the
number of lines in a row. The number of input rows may change from call to call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiled import FASTMATH_FLAGS
from ..vectors import LINE, Vectors


def word_row(v: Vectors, table: Any, own: Any, word: Any, width: int) -> Any:
    """Return the address of a word's row: in the thread's own table (address and number of rows), or else in the shared one."""
    at = v.builder.sext(v.builder.load(word), v.index)
    address, rows = own
    return v.row(v.builder.select(v.builder.icmp_signed("<", at, rows), address, table), at, width)


class Centre:
    """Code for the rows of one centre: the K + 1 output rows, of the target and the negatives, and the input rows of its window.

    Attributes
    ----------
    rows
        Addresses of the output rows.
    count
        The number of contexts, which is all words of the window but the centre.
    """

    def __init__(self, given: StepArguments, window: Any, targets: Any) -> None:
        v, b = given.v, given.v.builder
        self.given = given
        self.low, self.at, high = (b.extract_value(window, part) for part in range(3))
        self.count = b.sub(b.sub(high, self.low), v.integer(1))
        places = [b.gep(targets, [v.integer(k)]) for k in range(given.pairs)]
        self.rows = [word_row(v, given.W_out, given.own_out, place, given.width) for place in places]

    def input_row(self, at: Any) -> Any:
        """Return the address of the input row of a context, counted from the first of the window."""
        v, b, given = self.given.v, self.given.v.builder, self.given
        place = b.add(self.low, at)
        place = b.add(place, b.zext(b.icmp_signed(">=", place, self.at), v.index))
        return word_row(v, given.W_in, given.own_in, b.gep(given.line, [place]), given.width)


class Slopes:
    """Code for the slopes of scores, alpha (label - sigmoid(score)): for each input row, one with each of its output rows."""

    def __init__(self, v: Vectors, count: int, alpha: Any, address: Any) -> None:
        self.v, self.count, self.address = v, count, address
        self.slot = -(-count // 8) * 8  # slopes of an input row, padded to a multiple of 8
        self.alpha = v.broadcast(alpha)

    def place(self, at: Any, k: int) -> Any:
        """Return the address of the slope of an input row with output row k."""
        b, v = self.v.builder, self.v
        return b.gep(self.address, [b.add(b.mul(at, v.integer(self.slot)), v.integer(k))])

    def loaded(self, at: Any, some: Sequence[int]) -> list[Any]:
        """Return an input row's slopes with some output rows, each in all elements of a vector."""
        return [self.v.broadcast_load(self.place(at, k)) for k in some]

    def store(self, first: Any, sums: Sequence[Sequence[Any]]) -> None:
        """Store the slopes of successive input rows, from vectors whose elements add up to the scores."""
        v = self.v
        padded = [vector for row in sums for vector in (*row, *[v.zero] * (self.slot - self.count))]
        for start in range(0, len(padded), v.elements):
            scores = v.element_sums(padded[start : start + v.elements])
            labels = [float((start + element) % self.slot == 0) for element in range(v.elements)]
            error = v.builder.fsub(v.ir.Constant(v.vector, labels), v.sigmoid(scores), flags=FASTMATH_FLAGS)
            target = v.builder.gep(self.place(first, 0), [v.integer(start)])
            v.store(target, 0, v.multiply(error, self.alpha), align=4)


class StepArguments:
    """The arguments of both steps as addresses and numbers, and the centres."""

    def __init__(self, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> None:
        from numba.core import cgutils, types

        def unpacked(kind: Any, value: Any) -> Any:
            """Return an array's address and number of rows, or another value as it is."""
            if not isinstance(kind, types.Array):
                return value
            array = context.make_array(kind)(context, builder, value)
            return array.data, builder.extract_value(array.shape, 0)

        W_in, own_in, W_out, own_out, line, windows, targets, alpha, scratch, slopes, *_ = map(unpacked, kinds, values)
        self.v = v = Vectors(builder)
        self.pairs, self.width = len(kinds[-2]), len(kinds[-1]) * LINE
        self.vectors = self.width // v.elements
        self.W_in, self.own_in, self.W_out, self.own_out = W_in[0], own_in, W_out[0], own_out
        self.line, self.scratch = line[0], scratch[0]
        self.slopes = Slopes(v, self.pairs, alpha, slopes[0])
        self.centres = [
            Centre(self, window, unpacked(kinds[6].dtype, its)[0])
            for window, its in zip(
                cgutils.unpack_tuple(builder, windows), cgutils.unpack_tuple(builder, targets), strict=True
            )
        ]

    @property
    def room_for_two(self) -> bool:
        """Whether the sums of two input rows with all their output rows fit into registers."""
        return 2 * self.pairs + 4 <= self.v.registers

    def scratch_row(self, at: Any) -> Any:
        return self.v.row(self.scratch, at, self.width)


def score(
    given: StepArguments, some: Sequence[tuple[Centre, Sequence[Any]]], first: Any, copies: Sequence[Any] = ()
) -> None:
    """Compute the slopes of some input rows of each centre with its output rows. copies: where to copy the input rows, if anywhere."""
    v, inputs = given.v, [row for _, rows in some for row in rows]
    sums: list[list[Any]] = [[None] * given.pairs for _ in inputs]
    for vector in range(given.vectors):
        values = [v.load(row, vector) for row in inputs]
        for copy, value in zip(copies, values, strict=False):
            v.store(copy, vector, value)
        at = 0
        for centre, rows in some:
            own = range(at, at := at + len(rows))
            for k, row in enumerate(centre.rows):
                t = v.load(row, vector)
                for i in own:
                    sums[i][k] = v.multiply_add(values[i], t, sums[i][k])
    given.slopes.store(first, sums)


def pull(given: StepArguments, centre: Centre, first: Any, together: int) -> None:
    """Add to successive input rows, of contexts of the window, the sums of slope times output row."""
    v, b = given.v, given.v.builder
    places = [b.add(first, v.integer(i)) for i in range(together)]
    rows = [centre.input_row(at) for at in places]
    slopes = [given.slopes.loaded(at, range(given.pairs)) for at in places]
    for vector in range(given.vectors):
        change: list[Any] = [None] * together
        for k, output in enumerate(centre.rows):
            t = v.load(output, vector)
            change = [v.multiply_add(its[k], t, total) for its, total in zip(slopes, change, strict=True)]
        for row, value in zip(rows, change, strict=True):  # one after another: two may be the same row
            v.store(row, vector, v.add(v.load(row, vector), value))


def push(given: StepArguments, centre: Centre) -> None:
    """Add to each output row the sum of slope times input row, for the copies of all contexts' input rows."""
    v = given.v
    room = v.registers - 11 if v.registers == 32 else 12
    span = min(given.vectors, room)
    together = max(1, room // span)
    for first in range(0, given.pairs, together):
        some = range(first, min(first + together, given.pairs))
        for start in range(0, given.vectors, span):
            push_block(given, centre, some, range(start, min(start + span, given.vectors)))


def push_block(given: StepArguments, centre: Centre, some: range, part: range) -> None:
    """Do it for some output rows and a part of each, with sums in registers over all input rows."""
    v = given.v

    def accumulate(at: Any, sums: list[Any]) -> list[Any]:
        row = given.scratch_row(at)
        x = [v.load(row, vector) for vector in part]
        terms = [(slope, value) for slope in given.slopes.loaded(at, some) for value in x]
        return [v.multiply_add(*term, total) for term, total in zip(terms, sums, strict=True)]

    totals = iter(v.loop(centre.count, [v.zero] * (len(some) * len(part)), accumulate))
    for k in some:  # one after another: two may be the same row
        for vector in part:
            v.store(centre.rows[k], vector, v.add(v.load(centre.rows[k], vector), next(totals)))


def store_mean(given: StepArguments, centre: Centre, mean: Any) -> None:
    """Store the mean of a window's input rows."""
    v, b = given.v, given.v.builder
    share = v.broadcast(b.fdiv(v.ir.Constant(v.number, 1.0), b.sitofp(centre.count, v.number)))
    for start in range(0, given.vectors, v.registers - 4):
        part = range(start, min(start + v.registers - 4, given.vectors))

        def summed(at: Any, totals: list[Any], part: range = part) -> list[Any]:
            row = centre.input_row(at)
            return [v.add(total, v.load(row, vector)) for total, vector in zip(totals, part, strict=True)]

        for vector, total in zip(part, v.loop(centre.count, [v.zero] * len(part), summed), strict=True):
            v.store(mean, vector, v.multiply(total, share))


def learn_from_mean(given: StepArguments, centre: Centre, at: int, mean: Any, change: Any) -> None:
    """Change the output rows one after another, each by its slope times the mean, and store the sum of slope times output row."""
    v = given.v
    slopes = given.slopes.loaded(v.integer(at), range(given.pairs))
    for vector in range(given.vectors):
        x, total = v.load(mean, vector), None
        for slope, row in zip(slopes, centre.rows, strict=True):  # two may be the same row
            t = v.load(row, vector)
            total = v.multiply_add(slope, t, total)
            v.store(row, vector, v.multiply_add(slope, x, t))
        v.store(change, vector, total)
