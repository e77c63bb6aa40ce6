"""The parts of a compiled training step: a few rows of one table against a few rows of another, in vector registers.

It is three products of small matrices whose rows are at random places: the scores of all pairs, and the changes of both
sides. The compiler alone would go through memory for each pair, and sum each score separately. Here a row of one table
meets all rows of the other in one pass, and the elements of many scores are summed together. ``impls/compiling/intrinsics/training_steps.py``
makes the steps of these parts.

Tables have rows of whole 64-byte lines, and are aligned to such lines. Of a row, only whole units of 32 bytes are used: where
registers have 64 bytes, the last piece of a row of H = 100 is half a register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

from ..functions import FASTMATH_FLAGS
from .products import UNIT
from .vectors import LINE_FLOATS, Vectors, registers

UNIT_FLOATS = UNIT // 4


@dataclass(frozen=True)
class Piece:
    """A piece of a row that is kept in a register, or in half of one."""

    v: Vectors  # code for vectors of its size
    at: Any  # how many pieces of its size are before it in the row: a number, or code for it

    def load(self, row: Any) -> Any:
        return self.v.load(row, self.at)

    def store(self, row: Any, value: Any) -> None:
        self.v.store(row, self.at, value)


def row_at(v: Vectors, addresses: Any, place: Any) -> Any:
    """Return a row's address, out of an array of addresses."""
    b = v.builder
    return b.inttoptr(b.load(b.gep(addresses, [place])), v.number.as_pointer())


class Centre:
    """Code for the rows of one centre: the K + 1 output rows, of the target and the negatives, and the input rows of its window.

    Attributes
    ----------
    target
        Address of the output row of the word at the centre.
    negatives
        Addresses of the output rows of the negatives.
    count
        The number of contexts, which is all words of the window but the centre.
    first
        The place of the first context among those of the step: an even number, since two contexts' slopes may be one vector.
    """

    def __init__(self, given: StepArguments, window: Any, step: Any, number: int, first: Any) -> None:
        v, b = given.v, given.v.builder
        self.given, self.first = given, first
        self.low, self.at, high = (b.extract_value(window, end) for end in range(3))
        self.count = b.sub(b.sub(high, self.low), v.integer(1))
        targets, slots = given.targets
        slot = b.mul(b.and_(step, b.sub(slots, v.integer(1))), v.integer(given.centres_per_step + given.negatives))

        def output_row(at: int) -> Any:
            return row_at(v, targets, b.add(slot, v.integer(at)))

        # an empty window has a target too, whatever it is: it changes nothing
        self.target = output_row(min(number, given.centres_per_step - 1))
        self.negatives = [output_row(given.centres_per_step + k) for k in range(given.negatives)]

    @property
    def rows(self) -> list[Any]:
        """Addresses of all output rows."""
        return [self.target, *self.negatives]

    def input_row(self, at: Any) -> Any:
        """Return the address of the input row of a context, counted from the first of the window."""
        v, b = self.given.v, self.given.v.builder
        place = b.add(self.low, at)
        return row_at(v, self.given.line, b.add(place, b.zext(b.icmp_signed(">=", place, self.at), v.index)))


class Slopes:
    """Code for the slopes of scores, alpha (label - sigmoid(score)): for each input row, one with each of its output rows."""

    def __init__(self, v: Vectors, count: int, alpha: Any, address: Any) -> None:
        self.v, self.count, self.address = v, count, address
        self.slot = slot_of(count)
        self.alpha = v.broadcast(alpha)

    def place(self, at: Any, k: int) -> Any:
        """Return the address of the slope of an input row with output row k."""
        b, v = self.v.builder, self.v
        return b.gep(self.address, [b.add(b.mul(at, v.integer(self.slot)), v.integer(k))])

    def loaded(self, at: Any) -> list[Any]:
        """Return an input row's slopes, each in all elements of a vector."""
        return [self.v.broadcast_load(self.place(at, k)) for k in range(self.count)]

    def store_scores(self, first: Any, sums: Sequence[Sequence[Any]]) -> None:
        """Store the scores of successive input rows at the places of their slopes, from vectors whose elements add up to them."""
        v = self.v
        padded = [vector for row in sums for vector in (*row, *[v.zero] * (self.slot - self.count))]
        for start in range(0, len(padded), v.elements):
            target = v.builder.gep(self.place(first, 0), [v.integer(start)])
            v.store(target, 0, v.element_sums(padded[start : start + v.elements]), align=4)

    def replace_scores(self, rows: Any) -> None:
        """Replace the scores of a number of input rows by their slopes.

        This is done once for a whole step: slopes do not depend on each other, so the processor overlaps them.
        """
        v, b = self.v, self.v.builder
        size = lcm(self.slot, v.elements)
        together = v.integer(size // self.slot)

        def replaced(at: Any, _: Any) -> list[Any]:
            first = self.place(b.mul(at, together), 0)
            for start in range(0, size, v.elements):
                labels = [float((start + element) % self.slot == 0) for element in range(v.elements)]
                place = b.gep(first, [v.integer(start)])
                sigmoid = v.sigmoid(v.load(place, 0, align=4))
                error = b.fsub(v.ir.Constant(v.vector, labels), sigmoid, flags=FASTMATH_FLAGS)
                v.store(place, 0, v.multiply(error, self.alpha), align=4)
            return []

        v.loop(b.udiv(b.add(rows, b.sub(together, v.integer(1))), together), [], replaced)


def slot_of(pairs: int) -> int:
    """Return how many floats the slopes of an input row take: a multiple of 8."""
    return -(-pairs // 8) * 8


def floats_of_slopes(rows: int, pairs: int) -> int:
    """Return how many floats must be there for the slopes of some input rows: vectors are stored whole, of two rows together."""
    return (rows + rows % 2) * slot_of(pairs) + LINE_FLOATS


def rows_together(pairs: int) -> int:
    """Return how many input rows can be scored at a time: 4, 2 or 1, whose sums with all output rows fit into registers."""
    return next((some for some in (4, 2) if some * (pairs + 1) < registers()), 1)


class StepArguments:
    """Unpacks the tuple that every step gets into addresses and numbers:

    line
        The line that is learnt from, as addresses of its words' input rows, (n,) int64. Looked up once, they serve each window that a word is in, and
        each is one register: LLVM would keep an address that is computed here as two, since a load can add them.
    targets
        Addresses of the output rows of a step's centres and negatives, (slots, centres + K) int64. There is a power of two of
        slots, and step i has that of i modulo their number.
    alpha
        The rate, float32.
    slopes
        The slopes of all contexts of a step, or of its means: ``floats_of_slopes(rows, K + 1)`` floats.
    addresses
        For the addresses of a step's input rows, one after another, (rows,) int64. Skip-gram needs them.
    means
        For means and changes, two rows for each centre: (rows, width) float32. CBOW needs them.
    centres, pairs, units
        Tuples of which only the length counts: the centres of a step, the K + 1 output rows of a centre, and the used units of
        a row.
    """

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        from numba.core import cgutils

        self.context = context
        values = cgutils.unpack_tuple(builder, value, len(kind))
        line, self.targets, alpha, slopes, addresses, means, *_ = (
            self.unpacked(builder, *its) for its in zip(kind, values, strict=True)
        )
        self.v = v = Vectors(builder)
        self.centres_per_step, self.pairs, units = (len(its) for its in kind[-3:])
        self.negatives = self.pairs - 1
        self.width = -(-units * UNIT_FLOATS // LINE_FLOATS) * LINE_FLOATS
        self.line, self.addresses, self.means = (address for address, _ in (line, addresses, means))
        self.slopes = Slopes(v, self.pairs, alpha, slopes[0])
        self.whole, rest = divmod(units * UNIT_FLOATS, v.elements)
        self.half = Piece(Vectors(builder, size=UNIT), units - 1) if rest else None

    def unpacked(self, builder: Any, kind: Any, value: Any) -> Any:
        """Return an array's address and number of rows, or another value as it is."""
        from numba.core import types

        if not isinstance(kind, types.Array):
            return value
        array = self.context.make_array(kind)(self.context, builder, value)
        return array.data, builder.extract_value(array.shape, 0)

    def centres(self, windows: Sequence[Any]) -> list[Centre]:
        """Return the centres of a step, given their windows. The first of them is at the place of the step's number."""
        b, v = self.v.builder, self.v
        step, first = b.extract_value(windows[0], 1), v.integer(0)
        centres = []
        for number, window in enumerate(windows):
            centres.append(Centre(self, window, step, number, first))
            end = b.add(first, centres[-1].count)
            first = b.and_(b.add(end, v.integer(1)), v.integer(-2))
        return centres

    @property
    def pieces(self) -> list[Piece]:
        """All pieces of a row."""
        return [Piece(self.v, at) for at in range(self.whole)] + ([self.half] if self.half else [])

    def for_parts(
        self, most: int, body: Callable[[list[Piece], list[Any]], list[Any]], start: Sequence[Any] = ()
    ) -> list[Any]:
        """Generate a loop over a row's pieces, so many at a time, that carries values in registers.

        It is one loop, not a copy of the code for each part. A loop over contexts inside of it then ends at one place in the code,
        after as many rounds as for the part before, and a processor learns to predict that.

        Parameters
        ----------
        body
            ``body(part, values)`` returns the values after some pieces.
        start
            Values before the first piece.

        Returns
        -------
        list
            Values after the last piece.
        """
        v, b, values = self.v, self.v.builder, list(start)
        if self.half:  # first, since sums in whole registers can begin with it
            values = body([self.half], values)
        rest = self.whole % most
        if rest:
            values = body([Piece(v, at) for at in range(rest)], values)

        def looped(i: Any, values: list[Any]) -> list[Any]:
            first = b.add(b.mul(i, v.integer(most)), v.integer(rest))
            return body([Piece(v, b.add(first, v.integer(at))) for at in range(most)], values)

        return v.loop(v.integer(self.whole // most), values, looped) if self.whole >= most else values

    def mean_row(self, at: int) -> Any:
        """Return the address of a row of ``means``."""
        return self.v.row(self.means, self.v.integer(at), self.width)

    def keep_address(self, at: Any, row: Any) -> None:
        """Write the address of an input row to ``addresses``."""
        b = self.v.builder
        b.store(b.ptrtoint(row, self.v.index), b.gep(self.addresses, [at]))

    def kept_address(self, at: Any) -> Any:
        return row_at(self.v, self.addresses, at)


def score(
    given: StepArguments, inputs: Sequence[Any], outputs: Iterable[tuple[Any, int, Iterable[int]]], first: Any
) -> None:
    """Compute the scores of some input rows.

    Parameters
    ----------
    inputs
        Addresses of the input rows.
    outputs
        The output rows: the address, the number of its scores among those of an input row, and which input rows it meets.
    first
        The place of the slopes of the first input row.
    """
    v, outputs = given.v, list(outputs)
    pairs = [(i, k) for _, k, meets in outputs for i in meets]

    def added(part: list[Piece], values: list[Any]) -> list[Any]:
        (piece,), sums = part, dict(zip(pairs, values, strict=True))
        its = [piece.load(row) for row in inputs]
        for row, k, meets in outputs:
            t = piece.load(row)
            for i in meets:
                sums[i, k] = v.add(sums[i, k], v.widened(v.multiply(its[i], t)))
        return list(sums.values())

    sums = dict(zip(pairs, given.for_parts(1, added, [v.zero] * len(pairs)), strict=True))
    given.slopes.store_scores(first, [[sums[i, k] for k in range(given.pairs)] for i in range(len(inputs))])


def move(given: StepArguments, centres: Sequence[Centre]) -> None:
    """Add to each input row the sum of slope times output row, and to each output row that of slope times input row.

    It takes some pieces of all rows at a time, of which the sums of the output rows' changes stay in registers, and these rows
    too if there is room. So input rows are read and written once, and need no copies. The centres share their negatives, which
    are read and written once too.
    """
    v = given.v
    together = 2 if 4 * given.pairs + 5 <= v.registers else 1
    room_for_both = 2 * given.pairs + 3 <= v.registers
    negatives = centres[0].negatives

    def moved(part: list[Piece], _: list[Any]) -> list[Any]:
        in_registers = loaded(negatives, part) if room_for_both else None
        changes = [piece.v.zero for piece in part] * given.negatives
        for centre in centres:
            target = loaded([centre.target], part)

            def context_moved(
                at: Any, sums: list[Any], centre: Centre = centre, target: list[Any] = target
            ) -> list[Any]:
                place = v.builder.add(centre.first, at)
                row = given.kept_address(place)
                inputs = [piece.load(row) for piece in part]
                changed, before, after = inputs, iter(sums), []
                outputs = target + (in_registers or loaded(negatives, part))
                for slope, its in zip(given.slopes.loaded(place), outputs, strict=True):
                    slopes = [piece.v.narrowed(slope) for piece in part]
                    changed = [v.multiply_add(*terms) for terms in zip(slopes, its, changed, strict=True)]
                    after += [v.multiply_add(one, x, next(before)) for one, x in zip(slopes, inputs, strict=True)]
                for piece, value in zip(part, changed, strict=True):
                    piece.store(row, value)
                return after

            sums = [*(piece.v.zero for piece in part), *changes]
            sums = v.loop(centre.count, sums, context_moved, may_be_empty=centre is not centres[0])
            add_to_row(v, centre.target, part, sums[: len(part)])
            changes = sums[len(part) :]
        for k, row in enumerate(negatives):  # one after another: two may be the same row
            add_to_row(v, row, part, changes[k * len(part) : (k + 1) * len(part)])
        return []

    given.for_parts(together, moved)


def loaded(rows: Sequence[Any], part: Sequence[Piece]) -> list[list[Any]]:
    """Load some pieces of some rows."""
    return [[piece.load(row) for piece in part] for row in rows]


def add_to_row(v: Vectors, row: Any, part: Sequence[Piece], changes: Sequence[Any]) -> None:
    """Add changes to some pieces of a row."""
    for piece, change in zip(part, changes, strict=True):
        piece.store(row, v.add(piece.load(row), change))


def store_mean(given: StepArguments, centre: Centre, mean: Any) -> None:
    """Store the mean of a window's input rows."""
    v, b = given.v, given.v.builder
    share = v.broadcast(b.fdiv(v.ir.Constant(v.number, 1.0), b.sitofp(centre.count, v.number)))
    pieces, most = given.pieces, v.registers - 3
    for part in [pieces[start : start + most] for start in range(0, len(pieces), most)]:

        def summed(at: Any, totals: list[Any], part: Sequence[Piece] = part) -> list[Any]:
            row = centre.input_row(at)
            return [v.add(total, piece.load(row)) for total, piece in zip(totals, part, strict=True)]

        totals = v.loop(centre.count, [piece.v.zero for piece in part], summed)
        for total, piece in zip(totals, part, strict=True):
            piece.store(mean, v.multiply(total, piece.v.narrowed(share)))


def outputs_of(centres: Sequence[Centre]) -> list[tuple[Any, int, list[int]]]:
    """Return the output rows of a step of CBOW as in ``score``: each target meets its own mean, and each negative all of them."""
    targets = [(centre.target, 0, [i]) for i, centre in enumerate(centres)]
    every = list(range(len(centres)))
    return targets + [(row, k, every) for k, row in enumerate(centres[0].negatives, 1)]


def learn_from_means(given: StepArguments, centres: Sequence[Centre]) -> None:
    """Change the output rows of a step one after another, each by slopes times means, and store the changes of the means.

    The change of a mean is the sum of slope times output row.
    """
    v, numbers = given.v, range(len(centres))
    slopes = [given.slopes.loaded(v.integer(i)) for i in numbers]

    def changed_rows(part: list[Piece], _: list[Any]) -> list[Any]:
        (piece,) = part
        means, changes = [piece.load(given.mean_row(2 * i)) for i in numbers], [None for _ in numbers]
        for row, k, meets in outputs_of(centres):  # two may be the same row
            t = changed = piece.load(row)
            for i in meets:
                slope = piece.v.narrowed(slopes[i][k])
                changes[i] = v.multiply_add(slope, t, changes[i])
                changed = v.multiply_add(slope, means[i], changed)
            piece.store(row, changed)
        for i in numbers:
            piece.store(given.mean_row(2 * i + 1), changes[i])
        return []

    given.for_parts(1, changed_rows)
