"""Products in compiled functions: of matrices, and of a hidden vector with rows of a table, in blocks that stay in registers.

Only compiled functions can call them. A tuple as an argument passes a number that is known at compile time: its length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..functions import machine_code
from .rows import LINE, prefetch_line
from .vectors import Vectors, array_parts, register_bytes, registers

UNIT = 32
"""Rows are computed in multiples of these bytes: half of the largest registers, so that little is computed needlessly."""


@machine_code
def product_block(typing: Any, out: Any, A: Any, X: Any, way: Any, high: Any, add: Any, ahead: Any, done: Any) -> Any:
    """Compute one block of A X, or of out + A X, in out. The sums stay in registers.

    Parameters
    ----------
    out, X
        (rows, columns) and (n, columns), with contiguous rows. n is at least 1.
    A
        (rows, n), with any strides. If the way says how far apart its rows are, that must be true: it is not checked.
    way
        From ``product_way``.
    high
        A tuple with as many items as the block has rows.
    add
        Whether to add to out.
    ahead, done
        The array to prefetch from meanwhile, as much as the way says, and how many rows of A had their part before.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (o, _, (o_row, _)), (a, (_, n), (a_row, a_column)), (x, _, (x_row, _)) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        apart, wide, pace = compiled_in(way[0]), len(way[2]), compiled_in(way[3])
        whole, rest = divmod(wide * UNIT, register_bytes())
        v, unit = Vectors(b, X.dtype.bitwidth), Vectors(b, X.dtype.bitwidth, UNIT)
        pieces = [(v, c) for c in range(whole)] + [(unit, wide - 1)] * (rest > 0)
        # at distances that are known when this is compiled, one address serves all rows of A
        distance = v.integer(apart) if apart else a_row
        rows = [
            (b.gep(o, [b.mul(v.integer(r), o_row)]), b.gep(a, [b.mul(v.integer(r), distance)]))
            for r in range(len(high))
        ]
        following, part = array_parts(context, b, ahead, arguments[6])[0], pace * len(high)
        begin = b.mul(b.mul(arguments[7], n), v.integer(pace))
        places = [(target, kind, c) for target, _ in rows for kind, c in pieces]

        def accumulate(at: Any, sums: list[Any]) -> list[Any]:
            for line in range(0, part, LINE):
                place = b.add(b.add(begin, v.integer(line)), b.mul(at, v.integer(part)))
                prefetch_line(b, following, place, to_write=False)
            row, step = b.gep(x, [b.mul(at, x_row)]), b.mul(at, a_column)
            values = [(kind, kind.load(row, c, align=v.bytes)) for kind, c in pieces]
            factors = [b.load(b.gep(factor, [step])) for _, factor in rows]
            terms = [(kind, kind.broadcast(factor), value) for factor in factors for kind, value in values]
            return [kind.multiply_add(f, x, total) for (kind, f, x), total in zip(terms, sums, strict=True)]

        first = [b.select(arguments[5], kind.load(row, c, align=v.bytes), kind.zero) for row, kind, c in places]
        for (row, kind, c), total in zip(places, v.loop(n, first, accumulate), strict=True):
            kind.store(row, c, total, align=v.bytes)
        return context.get_dummy_value()

    return types.void(out, A, X, way, high, add, ahead, types.intp), generate


def product(out: Any, A: Any, X: Any, way: Any, add: bool, ahead: Any) -> None:
    """Compute out = A X, or out += A X, block by block, and prefetch meanwhile what the array ``ahead`` begins with.

    Rows of X, and of out unless it is added to, may be shorter than whole blocks of columns if there is memory behind the last:
    what is beyond the end of a row of X is not used, and what is written beyond that of a row of out is then overwritten by
    the next row.
    """
    _, high, wide, _ = way
    columns = wide[0] * len(wide)
    for column in range((X.shape[1] - 1) // columns * columns, -1, -columns):
        row, before = 0, column // columns * len(A)
        while row + len(high) <= len(A):
            product_block(out[row:, column:], A[row:], X[:, column:], way, high, add, ahead, before + row)
            row += len(high)
        while row < len(A):
            product_block(out[row:, column:], A[row:], X[:, column:], way, (0,), add, ahead, before + row)
            row += 1


def product_way(high: Any, wide: Any, apart: int = 0, pace: int = 0) -> tuple[Any, ...]:
    """Return how to compute a product, for ``product``. All of it is compiled in.

    Parameters
    ----------
    high, wide
        From ``blocks``.
    apart
        From one row of A to the next, in items; 0 if that is not known beforehand. It pays off where blocks are high.
    pace
        How many bytes to prefetch while a row of A meets a row of X, for each block of columns (``pace_of``).
    """
    return known(apart), high, wide, known(pace)


def pace_of(size: int, rows: int, n: int, column_blocks: int) -> int:
    """Return the pace at which a product of A (rows, n) prefetches so many bytes: bit by bit, since lines wait for each other.

    It is a power of two, so that few are compiled, and 0 where a byte at a time is too much.
    """
    steps = rows * n * column_blocks
    return 1 << (-(-size // steps) - 1).bit_length() if size >= steps else 0


def known(number: int) -> tuple[tuple[int, ...], ...]:
    """Return a number as a tuple whose type tells it: for each octal digit one of so many items. A long tuple compiles slowly."""
    return tuple((0,) * int(digit) for digit in f"{number:o}")


def compiled_in(kind: Any) -> int:
    """Return the number that the type of such a tuple tells."""
    return int("".join(str(len(digit)) for digit in kind), 8)


def blocks(columns: int, item: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Divide a product with this many columns of numbers of ``item`` bytes into blocks.

    Returns
    -------
    high
        A tuple with as many items as a block has rows.
    wide
        A tuple with as many items as a block has units per row. Each item is how many numbers a unit has.
    columns
        Columns after padding to whole blocks.
    """
    widest = 7 if register_bytes() == 64 else 3
    units = max(1, -(-columns * item // UNIT))
    wide = -(-units // -(-units // (widest * register_bytes() // UNIT)))
    vectors = -(-wide * UNIT // register_bytes())
    # in registers are a row's vectors, one factor, and the sums of all rows
    high = min(14, (registers() - 1) // vectors - 1)
    return (0,) * high, (UNIT // item,) * wide, -(-units // wide) * wide * UNIT // item


def even_block(rows: int, high: tuple[int, ...]) -> tuple[int, ...]:
    """Return the block of at most as many rows that takes least for this many: one left over takes as long as four."""
    heights = range(1, len(high) + 1)
    return (0,) * min(heights, key=lambda height: (rows // height * (height + 1) + rows % height * 4, -height))


def along_row(b: Any, bits: int, whole: int, rest: int, sums: list[Any], part: Callable[..., list[Any]]) -> list[Any]:
    """Generate code that goes along rows of ``whole`` units and ``rest`` further numbers, these in ever narrower vectors.

    ``part(vectors, offset, sums)`` gets the kind of vector, the items before it and the sums so far. It returns the new
    sums.
    """
    unit = Vectors(b, bits, UNIT)
    if whole:
        sums = unit.loop(
            unit.integer(whole), sums, lambda at, so_far: part(unit, b.mul(at, unit.integer(unit.elements)), so_far)
        )
    done, size = whole * unit.elements, UNIT
    while rest:
        size //= 2
        narrow = Vectors(b, bits, size)
        if rest >= narrow.elements:
            sums = part(narrow, unit.integer(done), sums)
            done, rest = done + narrow.elements, rest - narrow.elements
    return sums


def wide_load(kind: Vectors, wide: Vectors, address: Any) -> Any:
    """Load a vector, followed by zeros up to the elements of a wider kind."""
    return wide.widened(kind.load(address, 0, align=kind.bytes))


def contiguous(*arrays: Any) -> bool:
    """Whether arrays of these types are contiguous."""
    return all(array.layout == "C" for array in arrays)


def rows_of(v: Vectors, table: Any, stride: Any, words: Any, count: int) -> list[Any]:
    """Return addresses of the rows of words. table and words are addresses; stride is the items from row to row."""
    b = v.builder
    ids = [b.load(b.gep(words, [v.integer(k)])) for k in range(count)]
    wide = [b.sext(word, v.index) if word.type.width < v.index.width else word for word in ids]
    return [b.gep(table, [b.mul(word, stride)]) for word in wide]


@machine_code
def scores_block(typing: Any, out: Any, x: Any, table: Any, words: Any, high: Any, whole: Any, rest: Any) -> Any:
    """Compute out[k] = x . table[words[k]] for as many words as ``high`` has items. whole, rest: from ``row_units(H)``."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (o, _, _), (row, _, _), (t, _, (t_row, _)), (w, _, _) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args[:4], arguments[:4], strict=True)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        others = rows_of(v, t, t_row, w, len(high))

        def accumulate(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            value = wide_load(kind, v, b.gep(row, [at]))
            rows = [wide_load(kind, v, b.gep(other, [at])) for other in others]
            return [v.multiply_add(value, one, total) for one, total in zip(rows, sums, strict=True)]

        sums = along_row(b, x.dtype.bitwidth, len(whole), len(rest), [v.zero] * len(high), accumulate)
        for first in range(0, len(high), v.elements):
            some = sums[first : first + v.elements]
            elements = v.element_sums(some)
            for k in range(len(some)):
                b.store(b.extract_element(elements, v.integer(k)), b.gep(o, [v.integer(first + k)]))
        return context.get_dummy_value()

    signature = types.void(out, x, table, words, high, whole, rest)
    return (signature, generate) if contiguous(out, x, table, words) else None


@machine_code
def gradients_block(
    typing: Any, dx: Any, values: Any, x: Any, table: Any, words: Any, slopes: Any, high: Any, whole: Any, rest: Any,
    add: Any, grow: Any,
) -> Any:  # fmt: skip
    """Compute ``gradients`` for as many words as ``high`` has items."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (d, _, _), (g, _, (g_row, _)), (row, _, _), (t, _, (t_row, _)), (w, _, _), (s, _, _) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args[:6], arguments[:6], strict=True)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        others = rows_of(v, t, t_row, w, len(high))
        targets = [b.gep(g, [b.mul(v.integer(k), g_row)]) for k in range(len(high))]
        factors = [b.load(b.gep(s, [v.integer(k)])) for k in range(len(high))]

        def back(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            value, here = kind.load(b.gep(row, [at]), 0, align=v.bytes), b.gep(d, [at])
            total = b.select(arguments[9], kind.load(here, 0, align=v.bytes), kind.zero)
            for factor, other, target in zip(map(kind.broadcast, factors), others, targets, strict=True):
                there = b.gep(target, [at])
                before = kind.load(there, 0, align=v.bytes) if len(grow) else None
                total = kind.multiply_add(factor, kind.load(b.gep(other, [at]), 0, align=v.bytes), total)
                kind.store(there, 0, kind.multiply_add(factor, value, before), align=v.bytes)
            kind.store(here, 0, total, align=v.bytes)
            return sums

        along_row(b, x.dtype.bitwidth, len(whole), len(rest), [], back)
        return context.get_dummy_value()

    signature = types.void(dx, values, x, table, words, slopes, high, whole, rest, add, grow)
    return (signature, generate) if contiguous(dx, values, x, table, words, slopes) else None


def scores(out: Any, x: Any, table: Any, words: Any, whole: Any, rest: Any) -> None:
    """Compute out[k] = x . table[words[k]] for all words.

    Parameters
    ----------
    out
        (n,) or longer.
    x, table
        (H,) and (V, H), contiguous, with out's dtype.
    words
        (n,), int32 or int64.
    whole, rest
        From ``row_units(H)``.
    """
    k, n = 0, len(words)
    while k + 6 <= n:
        scores_block(out[k:], x, table, words[k:], (0, 0, 0, 0, 0, 0), whole, rest)
        k += 6
    while k + 3 <= n:
        scores_block(out[k:], x, table, words[k:], (0, 0, 0), whole, rest)
        k += 3
    while k < n:
        scores_block(out[k:], x, table, words[k:], (0,), whole, rest)
        k += 1


def gradients(
    dx: Any, values: Any, x: Any, table: Any, words: Any, slopes: Any, whole: Any, rest: Any, add: bool, grow: Any
) -> None:
    """Compute the gradients that belong to ``scores``, from the derivatives of the loss by the scores.

    Parameters
    ----------
    dx
        (H,): becomes the sum of slopes[k] table[words[k]], which is added to dx if ``add``.
    values
        (n, H): values[k] becomes slopes[k] x, which is added to values[k] if the tuple ``grow`` has an item.
    x, table, words, whole, rest
        As in ``scores``.
    slopes
        Derivatives, (n,) or longer.
    """
    k, n = 0, len(words)
    while k + 6 <= n:
        gradients_block(
            dx, values[k:], x, table, words[k:], slopes[k:], (0, 0, 0, 0, 0, 0), whole, rest, add or k > 0, grow
        )
        k += 6
    while k + 3 <= n:
        gradients_block(dx, values[k:], x, table, words[k:], slopes[k:], (0, 0, 0), whole, rest, add or k > 0, grow)
        k += 3
    while k < n:
        gradients_block(dx, values[k:], x, table, words[k:], slopes[k:], (0,), whole, rest, add or k > 0, grow)
        k += 1


def row_units(H: int, item: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Divide a row of H numbers of ``item`` bytes into whole units and remaining numbers, as tuples of that many items."""
    whole, rest = divmod(H, UNIT // item)
    return (0,) * whole, (0,) * rest
