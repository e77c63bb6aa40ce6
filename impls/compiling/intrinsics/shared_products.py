"""Products of pairs of hidden vectors with rows of a table that all of them meet, in blocks that stay in registers.

Each load of a shared row serves both vectors of a pair. Only compiled functions can call them. An odd last vector is its own
neighbour: as such its slopes are zero, and it is written first.
"""

from __future__ import annotations

from typing import Any

from ..functions import machine_code
from .products import UNIT, along_row, contiguous, rows_of, wide_load
from .vectors import Vectors, array_parts

WIDEST = 5
"""Shared rows in a block: the sums of two vectors with them, and with a row of their own each, fit in sixteen registers."""


def shared_blocks(K: int) -> tuple[tuple[int, ...], int]:
    """Divide K shared rows into blocks of one size.

    Returns
    -------
    high
        A tuple with as many items as a block has rows.
    rows
        Rows after padding to whole blocks.
    """
    number = max(1, -(-K // WIDEST))
    high = max(1, -(-K // number))
    return (0,) * high, number * high


@machine_code
def pair_scores(
    typing: Any, out: Any, x: Any, pair: Any, table: Any, words: Any, first: Any, place: Any, own: Any, high: Any,
    whole: Any, rest: Any,
) -> Any:  # fmt: skip
    """Compute the scores of two vectors with a block of shared rows.

    Parameters
    ----------
    out
        Scores (candidates, vectors). Those of shared row k go to out[c + k, r : r + 2].
    x, table
        Vectors (B, H) and rows (V, H), contiguous, with out's dtype.
    pair
        The two vectors' numbers.
    words
        Numbers of rows, int32 or int64.
    first
        Where words has the block's.
    place
        (c, r).
    own
        A tuple with an item if the scores with each vector's own row, words[b], go to out[0, r : r + 2].
    high, whole, rest
        From ``shared_blocks`` and ``row_units``.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        (o, _, (o_row, _)), (h, _, (h_row, _)), (t, _, (t_row, _)), (w, _, _) = (
            array_parts(context, b, kinds[i], arguments[i]) for i in (0, 1, 3, 4)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        numbers, (c, r) = (cgutils.unpack_tuple(b, arguments[i], 2) for i in (2, 6))
        rows = [b.gep(h, [b.mul(number, h_row)]) for number in numbers]
        owned = [rows_of(v, t, t_row, b.gep(w, [number]), 1)[0] for number in numbers] if len(own) else []
        others = rows_of(v, t, t_row, b.gep(w, [arguments[5]]), len(high))

        def accumulate(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            values, mine, theirs = (
                [wide_load(kind, v, b.gep(row, [at])) for row in some] for some in (rows, owned, others)
            )
            terms = [*zip(values, mine, strict=False), *((value, one) for one in theirs for value in values)]
            return [v.multiply_add(value, one, total) for (value, one), total in zip(terms, sums, strict=True)]

        count = 2 * (len(high) + (len(own) > 0))
        sums = along_row(b, x.dtype.bitwidth, len(whole), len(rest), [v.zero] * count, accumulate)
        lines = [v.integer(0)] * (len(own) > 0) + [b.add(c, v.integer(k)) for k in range(len(high))]
        places = [b.gep(o, [b.add(b.mul(line, o_row), r)]) for line in lines]
        for begin in range(0, count, v.elements):
            elements = v.element_sums(sums[begin : begin + v.elements])
            for k in range(0, min(v.elements, count - begin), 2):
                both = v.shuffle(elements, elements, [k, k + 1])
                there = b.bitcast(places[(begin + k) // 2], both.type.as_pointer())
                b.store(both, there, align=v.bytes)
        return context.get_dummy_value()

    pairs = types.containers.UniTuple(types.intp, 2)
    signature = types.void(out, x, pairs, table, words, types.intp, pairs, own, high, whole, rest)
    return (signature, generate) if contiguous(out, x, table, words) else None


@machine_code
def pair_gradients(
    typing: Any, dx: Any, values: Any, x: Any, pair: Any, table: Any, words: Any, first: Any, slopes: Any, place: Any,
    own: Any, high: Any, whole: Any, rest: Any,
) -> Any:  # fmt: skip
    """Compute the gradients that belong to ``pair_scores``, from the derivatives of the loss by the scores.

    Parameters
    ----------
    dx
        (B, H): gets the sums of slopes times rows, which are added to it unless the vectors' own rows are among them.
    values
        (words, H): a vector's own row gets its slope times the vector, and a shared one has this added for both vectors.
    slopes
        Derivatives, where ``pair_scores`` wrote the scores.
    x, pair, table, words, first, place, own, high, whole, rest
        As in ``pair_scores``.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        (d, _, _), (g, _, (g_row, _)), (h, _, (h_row, _)), (t, _, (t_row, _)), (w, _, _), (s, _, (s_row, _)) = (
            array_parts(context, b, kinds[i], arguments[i]) for i in (0, 1, 2, 4, 5, 7)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        numbers, (c, r) = (cgutils.unpack_tuple(b, arguments[i], 2) for i in (3, 8))
        rows, changes = ([b.gep(array, [b.mul(number, h_row)]) for number in numbers] for array in (h, d))
        owned = [rows_of(v, t, t_row, b.gep(w, [number]), 1)[0] for number in numbers] if len(own) else []
        others = rows_of(v, t, t_row, b.gep(w, [arguments[6]]), len(high))
        gained = [b.gep(g, [b.mul(number, g_row)]) for number in numbers] if len(own) else []
        grown = [b.gep(g, [b.mul(b.add(arguments[6], v.integer(k)), g_row)]) for k in range(len(high))]

        def factors(line: Any) -> list[Any]:
            return [b.load(b.gep(s, [b.add(b.mul(line, s_row), b.add(r, v.integer(i)))])) for i in (0, 1)]

        mine = factors(v.integer(0)) if len(own) else []
        theirs = [factors(b.add(c, v.integer(k))) for k in range(len(high))]

        def back(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            def load(row: Any) -> Any:
                return kind.load(b.gep(row, [at]), 0, align=v.bytes)

            def store(row: Any, value: Any) -> None:
                kind.store(b.gep(row, [at]), 0, value, align=v.bytes)

            xs = [load(row) for row in rows]
            if len(own):
                totals = [kind.multiply(kind.broadcast(f), load(row)) for f, row in zip(mine, owned, strict=True)]
            else:
                totals = [load(row) for row in changes]
            sums_of_shared = []
            for slopes_of, row, target in zip(theirs, others, grown, strict=True):
                one, total, (f, f2) = load(row), load(target), map(kind.broadcast, slopes_of)
                totals = [kind.multiply_add(k, one, so_far) for k, so_far in zip((f, f2), totals, strict=True)]
                sums_of_shared.append(kind.multiply_add(f2, xs[1], kind.multiply_add(f, xs[0], total)))
            for target, total in zip(grown, sums_of_shared, strict=True):
                store(target, total)
            for i in (1, 0):  # an odd last vector's own place is written last
                store(changes[i], totals[i])
                if len(own):
                    store(gained[i], kind.multiply(kind.broadcast(mine[i]), xs[i]))
            return sums

        along_row(b, x.dtype.bitwidth, len(whole), len(rest), [], back)
        return context.get_dummy_value()

    pairs = types.containers.UniTuple(types.intp, 2)
    signature = types.void(dx, values, x, pairs, table, words, types.intp, slopes, pairs, own, high, whole, rest)
    return (signature, generate) if contiguous(dx, values, x, table, words, slopes) else None
