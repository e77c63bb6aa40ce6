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

        W_in, own_in, W_out, own_out, line, windows, targets, alpha, slopes, kept, *_ = map(unpacked, kinds, values)
        self.v = v = Vectors(builder)
        self.pairs, self.width = len(kinds[-2]), len(kinds[-1]) * LINE
        self.vectors = self.width // v.elements
        self.W_in, self.own_in, self.W_out, self.own_out = W_in[0], own_in, W_out[0], own_out
        self.line, self.kept = line[0], kept[0]
        self.slopes = Slopes(v, self.pairs, alpha, slopes[0])
        self.centres = [
            Centre(self, window, unpacked(kinds[6].dtype, its)[0])
            for window, its in zip(
                cgutils.unpack_tuple(builder, windows), cgutils.unpack_tuple(builder, targets), strict=True
            )
        ]

    @property
    def together(self) -> int:
        """How many input rows are scored at a time: 4, 2 or 1, whose sums with all output rows fit into registers."""
        return next((some for some in (4, 2) if some * (self.pairs + 1) < self.v.registers), 1)

    def kept_row(self, at: Any) -> Any:
        """Return the address of a row of ``kept``, of means and changes."""
        return self.v.row(self.kept, at, self.width)

    def keep_address(self, at: Any, row: Any) -> None:
        """Write the address of an input row to ``kept``: to look it up takes as long as to change some vectors of it."""
        b = self.v.builder
        b.store(b.ptrtoint(row, self.v.index), b.gep(self.kept, [at]))

    def kept_address(self, at: Any) -> Any:
        b = self.v.builder
        return b.inttoptr(b.load(b.gep(self.kept, [at])), self.v.number.as_pointer())


def score(given: StepArguments, some: Sequence[tuple[Centre, Sequence[Any]]], first: Any) -> None:
    """Compute the slopes of some input rows of each centre with its output rows. first: the place of the first one's slopes."""
    v, inputs = given.v, [row for _, rows in some for row in rows]
    sums: list[list[Any]] = [[None] * given.pairs for _ in inputs]
    for vector in range(given.vectors):
        values = [v.load(row, vector) for row in inputs]
        at = 0
        for centre, rows in some:
            own = range(at, at := at + len(rows))
            for k, row in enumerate(centre.rows):
                t = v.load(row, vector)
                for i in own:
                    sums[i][k] = v.multiply_add(values[i], t, sums[i][k])
    given.slopes.store(first, sums)


def move(given: StepArguments, centre: Centre) -> None:
    """Add to each input row the sum of slope times output row, and to each output row that of slope times input row.

    It takes a part of all rows at a time, of which the sums of the output rows' changes stay in registers, and these rows too if
    there is room. So input rows are read and written once, and need no copies.
    """
    v = given.v
    together = 2 if 4 * given.pairs + 5 <= v.registers else 1
    room_for_both = 2 * given.pairs + 3 <= v.registers
    for start in range(0, given.vectors, together):
        part = range(start, min(start + together, given.vectors))

        def outputs(part: range = part) -> list[list[Any]]:
            return [[v.load(row, vector) for vector in part] for row in centre.rows]

        in_registers = outputs() if room_for_both else []

        def moved(at: Any, sums: list[Any], part: range = part, loaded: Any = in_registers) -> list[Any]:
            row = given.kept_address(at)
            inputs = [v.load(row, vector) for vector in part]
            changed, changes = inputs.copy(), iter(sums)
            added = []
            for slope, its in zip(given.slopes.loaded(at, range(given.pairs)), loaded or outputs(part), strict=True):
                changed = [v.multiply_add(slope, t, total) for t, total in zip(its, changed, strict=True)]
                added += [v.multiply_add(slope, x, next(changes)) for x in inputs]
            for vector, value in zip(part, changed, strict=True):
                v.store(row, vector, value)
            return added

        totals = iter(v.loop(centre.count, [v.zero] * (given.pairs * len(part)), moved))
        for row in centre.rows:  # one after another: two may be the same row
            for vector in part:
                v.store(row, vector, v.add(v.load(row, vector), next(totals)))


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
