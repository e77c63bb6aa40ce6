"""The inner step of compiled training: a few rows of one table against a few rows of another, in vector registers.

It is three products of small matrices whose rows are at random places: the scores of all pairs, and the changes of both
sides. The compiler alone would go through memory for each pair, and sum each score separately. Here a row of one table
meets all rows of the other in one pass, and the elements of many scores are summed together. The functions are numba
intrinsics for compiled functions.

Tables have rows of ``width`` floats, a whole number of 64-byte lines, and are aligned to such lines. Each thread may have
its own table of the first rows, which belong to the most frequent words: ``own_in`` and ``own_out`` have as many rows as
replace shared ones. ``pairs`` and ``lines`` are tuples of which only the length counts: the number of output rows, and the
number of lines in a row. The number of input rows may change from call to call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..compiled import FASTMATH_FLAGS, machine_code
from ..machine import prefetch_line
from ..vectors import LINE, Vectors


def word_row(v: Vectors, table: Any, own: Any, word: Any, width: int) -> Any:
    """Return the address of a word's row: in the thread's own table (address and number of rows), or else in the shared one."""
    at = v.builder.sext(v.builder.load(word), v.index)
    address, rows = own
    return v.row(v.builder.select(v.builder.icmp_signed("<", at, rows), address, table), at, width)


class Step:
    """Code for one centre: its K + 1 output rows, of the target and the negatives, and the slopes of their scores.

    The slope of a score is alpha (label - sigmoid(score)).
    """

    def __init__(
        self, v: Vectors, table: Any, own: Any, targets: Any, count: int, width: int, alpha: Any, slopes: Any
    ) -> None:
        b = v.builder
        self.v, self.count, self.width, self.vectors = v, count, width, width // v.elements
        self.rows = [word_row(v, table, own, b.gep(targets, [v.integer(k)]), width) for k in range(count)]
        self.slot = -(-count // 8) * 8  # slopes of an input row, padded to a multiple of 8
        self.slopes = slopes
        self.alpha = v.broadcast(alpha)

    def slope(self, at: Any, k: int) -> Any:
        """Return the address of the slope of an input row with output row k."""
        return self.v.builder.gep(
            self.slopes, [self.v.builder.add(self.v.builder.mul(at, self.v.integer(self.slot)), self.v.integer(k))]
        )

    def score(self, inputs: Sequence[Any], first: Any, copies: Sequence[Any] = ()) -> None:
        """Compute the slopes of some input rows with all output rows. copies: where to copy the input rows, if anywhere."""
        v = self.v
        sums: list[list[Any]] = [[None] * self.count for _ in inputs]
        for at in range(self.vectors):
            x = [v.load(row, at) for row in inputs]
            for copy, value in zip(copies, x, strict=False):
                v.store(copy, at, value)
            for k, row in enumerate(self.rows):
                t = v.load(row, at)
                for i, value in enumerate(x):
                    sums[i][k] = v.multiply_add(value, t, sums[i][k])
        padded = [vector for row in sums for vector in (*row, *[v.zero] * (self.slot - self.count))]
        for start in range(0, len(padded), v.elements):
            scores = v.element_sums(padded[start : start + v.elements])
            labels = [float((start + element) % self.slot == 0) for element in range(v.elements)]
            error = v.builder.fsub(v.ir.Constant(v.vector, labels), v.sigmoid(scores), flags=FASTMATH_FLAGS)
            target = v.builder.gep(self.slope(first, 0), [v.integer(start)])
            v.store(target, 0, v.multiply(error, self.alpha), align=4)

    def pull(self, count: int, first: Any) -> Iterator[list[Any]]:
        """Yield, vector by vector, the changes of some input rows: sums of slope times output row."""
        v = self.v
        at = [v.builder.add(first, v.integer(i)) for i in range(count)]
        slopes = [[v.broadcast_load(self.slope(row, k)) for k in range(self.count)] for row in at]
        for vector in range(self.vectors):
            change: list[Any] = [None] * count
            for k, row in enumerate(self.rows):
                t = v.load(row, vector)
                change = [v.multiply_add(slopes[i][k], t, change[i]) for i in range(count)]
            yield change

    def push(self, inputs: Any, count: Any) -> None:
        """Add to each output row the sum of slope times input row, for ``count`` successive input rows."""
        v = self.v
        room = v.registers - 11 if v.registers == 32 else 12
        span = min(self.vectors, room)
        together = max(1, room // span)
        for first in range(0, self.count, together):
            some = range(first, min(first + together, self.count))
            for start in range(0, self.vectors, span):
                part = range(start, min(start + span, self.vectors))
                self.push_block(inputs, count, some, part)

    def push_block(self, inputs: Any, count: Any, some: range, part: range) -> None:
        """Do it for some output rows and a part of each, with sums in registers over all input rows."""
        v = self.v

        def accumulate(at: Any, sums: list[Any]) -> list[Any]:
            row = v.row(inputs, at, self.width)
            x = [v.load(row, vector) for vector in part]
            slopes = [v.broadcast_load(self.slope(at, k)) for k in some]
            terms = [(slope, value) for slope in slopes for value in x]
            return [v.multiply_add(*term, total) for term, total in zip(terms, sums, strict=True)]

        totals = iter(v.loop(count, [v.zero] * (len(some) * len(part)), accumulate))
        for k in some:  # one after another: two may be the same row
            for vector in part:
                v.store(self.rows[k], vector, v.add(v.load(self.rows[k], vector), next(totals)))


class StepArguments:
    """The arguments of both steps as addresses and numbers, with the centre's output rows."""

    def __init__(self, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> None:
        from numba.core import types

        def unpacked(kind: Any, value: Any) -> Any:
            """Return an array's address and number of rows, or another value as it is."""
            if not isinstance(kind, types.Array):
                return value
            array = context.make_array(kind)(context, builder, value)
            return array.data, builder.extract_value(array.shape, 0)

        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, *_ = map(
            unpacked, kinds, values
        )
        self.v = v = Vectors(builder)
        self.width = len(kinds[-1]) * LINE
        self.count = context.cast(builder, count, kinds[5], types.int64)
        self.scratch = scratch[0]
        self.step = Step(v, W_out[0], own_out, targets[0], len(kinds[-2]), self.width, alpha, slopes[0])
        self.W_in, self.own_in, self.contexts = W_in[0], own_in, contexts[0]

    def input_row(self, at: Any) -> Any:
        """Return the address of a context's input row."""
        word = self.v.builder.gep(self.contexts, [at])
        return word_row(self.v, self.W_in, self.own_in, word, self.width)


@machine_code
def prefetch_row_to_write(typing: Any, table: Any, row: Any, lines: Any) -> Any:
    """Prefetch a row of a table for writing."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(b)
        at = context.cast(b, arguments[1], row, types.int64)
        start = v.row(context.make_array(table)(context, b, arguments[0]).data, at, len(lines) * LINE)
        for line in range(len(lines)):
            prefetch_line(b, start, v.integer(line * 4 * LINE), to_write=True)
        return context.get_dummy_value()

    return types.void(table, row, lines), generate


@machine_code
def skip_gram_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, contexts: Any, count: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train each context's input row against the K + 1 output rows. Both sides change by the other's old values.

    Parameters
    ----------
    W_in, W_out
        (V, width) float32.
    own_in, own_out
        The thread's own rows, (rows, width) float32.
    contexts, count
        Words, (count,) or longer, int32. count is at least 1.
    targets
        The centre and its negatives, (K + 1,) or longer, int32.
    alpha
        The rate, float32.
    scratch
        A copy of the input rows, (count, width) or longer, float32.
    slopes
        8 ceil((K + 1) / 8) floats for each context, and 16 more.
    pairs, lines
        Tuples of K + 1 and width / 16 items.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v, step = given.v, given.step

        def some(first: Any, together: int) -> None:
            places = [b.add(first, v.integer(i)) for i in range(together)]
            rows = [given.input_row(at) for at in places]
            step.score(rows, first, [v.row(given.scratch, at, given.width) for at in places])
            for vector, change in enumerate(step.pull(together, first)):
                for row, value in zip(rows, change, strict=True):  # one after another: two may be the same row
                    v.store(row, vector, v.add(v.load(row, vector), value))

        if 2 * step.count + 4 > v.registers:
            with cgutils.for_range(b, given.count, intp=v.index) as loop:
                some(loop.index, 1)
        else:
            twos = b.lshr(given.count, v.integer(1))
            with cgutils.for_range(b, twos, intp=v.index) as loop:
                some(b.shl(loop.index, v.integer(1)), 2)
            with b.if_then(b.trunc(given.count, v.ir.IntType(1))):
                some(b.shl(twos, v.integer(1)), 1)
        step.push(given.scratch, given.count)
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, pairs, lines
    ), generate


@machine_code
def cbow_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, contexts: Any, count: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train the mean of the contexts' input rows against the K + 1 output rows. Each context's row moves by the whole change.

    Parameters are those of ``skip_gram_step``; scratch has two rows or more.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v, step = given.v, given.step
        mean, change = (v.row(given.scratch, v.integer(at), given.width) for at in (0, 1))
        share = v.broadcast(b.fdiv(v.ir.Constant(v.number, 1.0), b.sitofp(given.count, v.number)))
        for start in range(0, step.vectors, v.registers - 4):
            part = range(start, min(start + v.registers - 4, step.vectors))

            def summed(at: Any, totals: list[Any], part: range = part) -> list[Any]:
                row = given.input_row(at)
                return [v.add(total, v.load(row, vector)) for total, vector in zip(totals, part, strict=True)]

            sums = v.loop(given.count, [v.zero] * len(part), summed)
            for vector, total in zip(part, sums, strict=True):
                v.store(mean, vector, v.multiply(total, share))
        step.score([mean], v.integer(0))
        for vector, (value,) in enumerate(step.pull(1, v.integer(0))):
            v.store(change, vector, value)
        slopes = [v.broadcast_load(step.slope(v.integer(0), k)) for k in range(step.count)]
        for vector in range(step.vectors):
            x = v.load(mean, vector)
            for slope, row in zip(slopes, step.rows, strict=True):  # one after another: two may be the same row
                v.store(row, vector, v.multiply_add(slope, x, v.load(row, vector)))
        with cgutils.for_range(b, given.count, intp=v.index) as loop:
            row = given.input_row(loop.index)
            for vector in range(step.vectors):
                v.store(row, vector, v.add(v.load(row, vector), v.load(change, vector)))
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, pairs, lines
    ), generate
