"""The inner step of compiled training: a few rows of one table against a few rows of another, in vector registers.

Three products of small matrices whose rows lie at random places: scores of all pairs, and the changes of both sides. Left
to itself the compiler goes through memory for each pair and adds up each score on its own; written out here, a row of the
one table meets all rows of the other in one pass, and the elements of many scores are added up together. Functions for
``impls.compiled``.

Tables have rows of ``width`` floats, a whole number of 64-byte lines, and are aligned to such lines. The rows of the
most frequent words, which are the first, may stand in a table of the thread's own: ``own_in`` and ``own_out`` have as
many of them as are to be used in place of the shared ones. ``pairs`` and ``lines`` tell the compiler how many output
rows there are and how long rows are: tuples of that length, whose values do not matter. How many input rows there are
may change from call to call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..compiled import LOOSE, machine_code
from ..machine import ask_for_line
from ..vectors import LINE, Vectors


def word_row(v: Vectors, table: Any, own: Any, word: Any, width: int) -> Any:
    """Address of a word's row: in the thread's own table (address and number of rows) if it is there, else in the shared one."""
    at = v.builder.sext(v.builder.load(word), v.index)
    address, rows = own
    return v.row(v.builder.select(v.builder.icmp_signed("<", at, rows), address, table), at, width)


class Step:
    """One centre's rows: K + 1 output rows (the target's and the negatives'), and the slopes that their scores call for."""

    def __init__(
        self, v: Vectors, table: Any, own: Any, targets: Any, count: int, width: int, alpha: Any, slopes: Any
    ) -> None:
        b = v.builder
        self.v, self.count, self.width, self.vectors = v, count, width, width // v.elements
        self.rows = [word_row(v, table, own, b.gep(targets, [v.whole(k)]), width) for k in range(count)]
        self.slot = -(-count // 8) * 8  # slopes of an input row: a whole number of eights
        self.slopes = slopes
        self.alpha = v.everywhere(alpha)

    def slope(self, at: Any, k: int) -> Any:
        """Where the slope of an input row's score with output row k is kept."""
        return self.v.builder.gep(
            self.slopes, [self.v.builder.add(self.v.builder.mul(at, self.v.whole(self.slot)), self.v.whole(k))]
        )

    def score(self, inputs: Sequence[Any], first: Any, copies: Sequence[Any] = ()) -> None:
        """Scores of some input rows with all output rows, and from them the slopes: alpha (label - sigmoid(score)).

        copies: where the input rows are to be copied to meanwhile.
        """
        v = self.v
        sums: list[list[Any]] = [[None] * self.count for _ in inputs]
        for at in range(self.vectors):
            x = [v.load(row, at) for row in inputs]
            for copy, value in zip(copies, x, strict=False):
                v.store(copy, at, value)
            for k, row in enumerate(self.rows):
                t = v.load(row, at)
                for i, value in enumerate(x):
                    sums[i][k] = v.times_plus(value, t, sums[i][k])
        filled = [vector for row in sums for vector in (*row, *[v.zero] * (self.slot - self.count))]
        for start in range(0, len(filled), v.elements):
            scores = v.element_sums(filled[start : start + v.elements])
            labels = [float((start + element) % self.slot == 0) for element in range(v.elements)]
            error = v.builder.fsub(v.ir.Constant(v.vector, labels), v.sigmoid(scores), flags=LOOSE)
            target = v.builder.gep(self.slope(first, 0), [v.whole(start)])
            v.store(target, 0, v.times(error, self.alpha), align=4)

    def pull(self, count: int, first: Any) -> Iterator[list[Any]]:
        """What the output rows add to each of some input rows: vector by vector, the sums of slope times output row."""
        v = self.v
        at = [v.builder.add(first, v.whole(i)) for i in range(count)]
        slopes = [[v.spread(self.slope(row, k)) for k in range(self.count)] for row in at]
        for vector in range(self.vectors):
            change: list[Any] = [None] * count
            for k, row in enumerate(self.rows):
                t = v.load(row, vector)
                change = [v.times_plus(slopes[i][k], t, change[i]) for i in range(count)]
            yield change

    def push(self, inputs: Any, count: Any) -> None:
        """Add to each output row the sum of slope times input row, for count input rows that lie one after another."""
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
        """The same for some output rows and a part of each: sums stay in registers over all input rows."""
        v = self.v

        def grown(at: Any, sums: list[Any]) -> list[Any]:
            row = v.row(inputs, at, self.width)
            x = [v.load(row, vector) for vector in part]
            slopes = [v.spread(self.slope(at, k)) for k in some]
            terms = [(slope, value) for slope in slopes for value in x]
            return [v.times_plus(*term, total) for term, total in zip(terms, sums, strict=True)]

        totals = iter(v.looped(count, [v.zero] * (len(some) * len(part)), grown))
        for k in some:  # one after another: two may be the same row
            for vector in part:
                v.store(self.rows[k], vector, v.add(v.load(self.rows[k], vector), next(totals)))


class Bound:
    """What both steps begin with: their arguments as addresses and numbers, and the centre's output rows."""

    def __init__(self, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> None:
        from numba.core import types

        def bound(kind: Any, value: Any) -> Any:
            """An array as its address and number of rows; anything else as it is."""
            if not isinstance(kind, types.Array):
                return value
            array = context.make_array(kind)(context, builder, value)
            return array.data, builder.extract_value(array.shape, 0)

        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, *_ = map(bound, kinds, values)
        self.v = v = Vectors(builder)
        self.width = len(kinds[-1]) * LINE
        self.count = context.cast(builder, count, kinds[5], types.int64)
        self.scratch = scratch[0]
        self.step = Step(v, W_out[0], own_out, targets[0], len(kinds[-2]), self.width, alpha, slopes[0])
        self.W_in, self.own_in, self.contexts = W_in[0], own_in, contexts[0]

    def input_row(self, at: Any) -> Any:
        """Address of a context's input row."""
        word = self.v.builder.gep(self.contexts, [at])
        return word_row(self.v, self.W_in, self.own_in, word, self.width)


@machine_code
def expect_row(typing: Any, table: Any, row: Any, lines: Any) -> Any:
    """Ask for a row of a table, to be written to soon."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(b)
        at = context.cast(b, arguments[1], row, types.int64)
        start = v.row(context.make_array(table)(context, b, arguments[0]).data, at, len(lines) * LINE)
        for line in range(len(lines)):
            ask_for_line(b, start, v.whole(line * 4 * LINE), to_write=True)
        return context.get_dummy_value()

    return types.void(table, row, lines), generate


@machine_code
def skip_gram_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, contexts: Any, count: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Each context's input row against the K + 1 output rows, both sides changed by the other's old values.

    W_in, W_out (V, width) float32; own_in, own_out (rows of the thread's own, width); contexts (count or more,) int32,
    count at least 1; targets (K + 1 or more,) int32, the centre first; alpha float32; scratch (count or more, width)
    float32; slopes: room for 8 ceil((K + 1) / 8) floats a context, and a vector (16) more; pairs, lines: tuples of K + 1 and width / 16 items.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        bound = Bound(context, b, signature.args, arguments)
        v, step = bound.v, bound.step

        def some(first: Any, together: int) -> None:
            places = [b.add(first, v.whole(i)) for i in range(together)]
            rows = [bound.input_row(at) for at in places]
            step.score(rows, first, [v.row(bound.scratch, at, bound.width) for at in places])
            for vector, change in enumerate(step.pull(together, first)):
                for row, value in zip(rows, change, strict=True):  # one after another: two may be the same row
                    v.store(row, vector, v.add(v.load(row, vector), value))

        if 2 * step.count + 4 > v.registers:
            with cgutils.for_range(b, bound.count, intp=v.index) as loop:
                some(loop.index, 1)
        else:
            twos = b.lshr(bound.count, v.whole(1))
            with cgutils.for_range(b, twos, intp=v.index) as loop:
                some(b.shl(loop.index, v.whole(1)), 2)
            with b.if_then(b.trunc(bound.count, v.ir.IntType(1))):
                some(b.shl(twos, v.whole(1)), 1)
        step.push(bound.scratch, bound.count)
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, pairs, lines
    ), generate


@machine_code
def cbow_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, contexts: Any, count: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """The mean of the contexts' input rows against the K + 1 output rows; each context's row then moves by the whole change.

    Arguments as of ``skip_gram_step``; scratch has two rows or more.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        bound = Bound(context, b, signature.args, arguments)
        v, step = bound.v, bound.step
        mean, change = (v.row(bound.scratch, v.whole(at), bound.width) for at in (0, 1))
        share = v.everywhere(b.fdiv(v.ir.Constant(v.number, 1.0), b.sitofp(bound.count, v.number)))
        for start in range(0, step.vectors, v.registers - 4):
            part = range(start, min(start + v.registers - 4, step.vectors))

            def summed(at: Any, totals: list[Any], part: range = part) -> list[Any]:
                row = bound.input_row(at)
                return [v.add(total, v.load(row, vector)) for total, vector in zip(totals, part, strict=True)]

            sums = v.looped(bound.count, [v.zero] * len(part), summed)
            for vector, total in zip(part, sums, strict=True):
                v.store(mean, vector, v.times(total, share))
        step.score([mean], v.whole(0))
        for vector, (value,) in enumerate(step.pull(1, v.whole(0))):
            v.store(change, vector, value)
        slopes = [v.spread(step.slope(v.whole(0), k)) for k in range(step.count)]
        for vector in range(step.vectors):
            x = v.load(mean, vector)
            for slope, row in zip(slopes, step.rows, strict=True):  # one after another: two may be the same row
                v.store(row, vector, v.times_plus(slope, x, v.load(row, vector)))
        with cgutils.for_range(b, bound.count, intp=v.index) as loop:
            row = bound.input_row(loop.index)
            for vector in range(step.vectors):
                v.store(row, vector, v.add(v.load(row, vector), v.load(change, vector)))
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, contexts, count, targets, alpha, scratch, slopes, pairs, lines
    ), generate
