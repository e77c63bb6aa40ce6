"""Sums of a table's rows in compiled functions, in blocks that stay in registers. Only compiled functions can call them."""

from __future__ import annotations

from typing import Any

from ..functions import machine_code
from .products import UNIT, contiguous, rows_of
from .vectors import Vectors, array_parts


@machine_code
def add_rows_block(typing: Any, out: Any, table: Any, words: Any, column: Any, wide: Any, half: Any) -> Any:
    """Add table[words] to out in one block of columns.

    Parameters
    ----------
    out, table, words
        As in ``add_rows``.
    column
        The block's first column.
    wide
        A tuple with as many items as the block has vectors.
    half
        A tuple with an item if a vector is half a unit.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (o, _, _), (t, _, (t_row, _)), (w, (n,), _) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        v = Vectors(b, table.dtype.bitwidth, UNIT // 2 if len(half) else UNIT)
        target, first = (b.gep(array, [arguments[3]]) for array in (o, t))

        def accumulate(at: Any, sums: list[Any]) -> list[Any]:
            (row,) = rows_of(v, first, t_row, b.gep(w, [at]), 1)
            return [v.add(v.load(row, c, align=v.bytes), total) for c, total in enumerate(sums)]

        start = [v.load(target, c, align=v.bytes) for c in range(len(wide))]
        for c, total in enumerate(v.loop(n, start, accumulate)):
            v.store(target, c, total, align=v.bytes)
        return context.get_dummy_value()

    signature = types.void(out, table, words, types.intp, wide, half)
    return (signature, generate) if contiguous(out, table, words) else None


def add_rows(out: Any, table: Any, words: Any) -> None:
    """Add table[words] to out.

    Parameters
    ----------
    out, table
        (H,) and (V, H), contiguous, of one dtype.
    words
        (n,), int32 or int64, none negative. n is at least 1.
    """
    column, H, unit = 0, table.shape[1], UNIT // table.itemsize
    while column + 12 * unit <= H:  # of sixteen registers, or thirty-two
        add_rows_block(out, table, words, column, (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ())
        column += 12 * unit
    while column + 4 * unit <= H:
        add_rows_block(out, table, words, column, (0, 0, 0, 0), ())
        column += 4 * unit
    while column + unit <= H:
        add_rows_block(out, table, words, column, (0,), ())
        column += unit
    if column + unit // 2 <= H:
        add_rows_block(out, table, words, column, (0,), (0,))
        column += unit // 2
    while column < H:
        for i in range(len(words)):
            out[column] += table[words[i], column]
        column += 1
