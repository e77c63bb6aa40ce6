"""Losses in compiled functions, and their derivatives by the scores: many scores at once, in vector registers.

Only compiled functions can call them. A sum of logarithms is the logarithm of a product, so that the callers take one
logarithm for many scores.
"""

from __future__ import annotations

from typing import Any

from ..functions import FASTMATH_FLAGS, machine_code
from .products import UNIT
from .vectors import Vectors, array_parts


class Totals:
    """Generates code that sums and multiplies vectors in float64, element by element, and then over the elements."""

    def __init__(self, kind: Vectors) -> None:
        self.kind, self.wide = kind, Vectors(kind.builder, 64, 8 * kind.elements)
        self.start = [self.wide.constant(0.0), self.wide.constant(1.0)]

    def include(self, so_far: list[Any], summand: Any, factor: Any) -> list[Any]:
        """Return the sum and the product with one more vector in each."""
        b, wide = self.kind.builder, self.wide
        more = [x if self.kind.bytes == 8 else b.fpext(x, wide.vector) for x in (summand, factor)]
        return [wide.add(so_far[0], more[0]), wide.multiply(so_far[1], more[1])]

    def over_elements(self, totals: list[Any]) -> tuple[Any, Any]:
        """Return the two numbers."""
        total, product = totals
        size = self.wide.elements
        while size > 1:
            size //= 2
            narrow = Vectors(self.kind.builder, 64, 8 * size)
            low, high = [*range(size)], [*range(size, 2 * size)]
            total = narrow.add(*(narrow.shuffle(total, total, half) for half in (low, high)))
            product = narrow.multiply(*(narrow.shuffle(product, product, half) for half in (low, high)))
        return tuple(self.wide.builder.extract_element(x, self.wide.integer(0)) for x in (total, product))


@machine_code
def logistic_losses(typing: Any, scores: Any, begin: Any, end: Any, scale: Any) -> Any:
    """Turn scores x into the derivatives of log(1 + e^x), times ``scale``.

    Parameters
    ----------
    scores
        Contiguous, of any shape. -inf has no loss and no derivative.
    begin, end
        Which of them, counted over all rows: a whole number of units, and not more than 256.
    scale
        Factor of the derivatives.

    Returns
    -------
    loss, product
        The sum of max(x, 0), and the product of 1 + e^-|x|, whose logarithm is the rest of the loss.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        s, _, _ = array_parts(context, b, signature.args[0], arguments[0])
        v = Vectors(b, scores.dtype.bitwidth, UNIT)
        totals, one, factor, first = Totals(v), v.constant(1.0), v.broadcast(arguments[3]), b.gep(s, [arguments[1]])

        def each(at: Any, so_far: list[Any]) -> list[Any]:
            place = b.gep(first, [b.mul(at, v.integer(v.elements))])
            x = v.load(place, 0, align=v.bytes)
            positive = b.fcmp_ordered(">", x, v.zero)
            power = v.exponential(b.select(positive, b.fneg(x), x))
            both = v.add(one, power)
            share = b.fdiv(b.select(positive, one, power), both, flags=FASTMATH_FLAGS)
            v.store(place, 0, v.multiply(factor, share), align=v.bytes)
            return totals.include(so_far, b.select(positive, x, v.zero), both)

        count = b.sdiv(b.sub(arguments[2], arguments[1]), v.integer(v.elements))
        return context.make_tuple(b, signature.return_type, totals.over_elements(v.loop(count, totals.start, each)))

    numbers = types.containers.UniTuple(types.float64, 2)
    return numbers(scores, types.intp, types.intp, scores.dtype), generate


@machine_code
def softmax_losses(typing: Any, scores: Any, scale: Any) -> Any:
    """Turn columns of scores into the derivatives of their cross-entropy with the first row, times ``scale``.

    Parameters
    ----------
    scores
        (candidates, columns), contiguous, a whole number of units of columns. The first row is finite.
    scale
        Factor of the derivatives.

    Returns
    -------
    loss, product
        The sum over columns of the highest score less the first, and the product of their sums of e^(x - highest), whose
        logarithm is the rest of the loss.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        s, (rows, columns), (row_items, _) = array_parts(context, b, signature.args[0], arguments[0])
        v = Vectors(b, scores.dtype.bitwidth, UNIT)
        totals, factor = Totals(v), v.broadcast(arguments[1])

        def down(at: Any, so_far: list[Any]) -> list[Any]:
            first = b.gep(s, [b.mul(at, v.integer(v.elements))])

            def place(row: Any) -> Any:
                return b.gep(first, [b.mul(row, row_items)])

            def higher(row: Any, tops: list[Any]) -> list[Any]:
                x = v.load(place(row), 0, align=v.bytes)
                return [b.select(b.fcmp_ordered(">", x, tops[0]), x, tops[0])]

            def power(row: Any, sums: list[Any]) -> list[Any]:
                here = place(row)
                x = v.exponential(b.fsub(v.load(here, 0, align=v.bytes), top, flags=FASTMATH_FLAGS))
                v.store(here, 0, x, align=v.bytes)
                return [v.add(sums[0], x)]

            def divide(row: Any, nothing: list[Any]) -> list[Any]:
                v.store(place(row), 0, v.multiply(v.load(place(row), 0, align=v.bytes), share), align=v.bytes)
                return nothing

            of_target = v.load(first, 0, align=v.bytes)
            (top,) = v.loop(rows, [of_target], higher)
            (total,) = v.loop(rows, [v.zero], power)
            share = b.fdiv(factor, total, flags=FASTMATH_FLAGS)
            v.loop(rows, [], divide)
            v.store(first, 0, b.fsub(v.load(first, 0, align=v.bytes), factor, flags=FASTMATH_FLAGS), align=v.bytes)
            return totals.include(so_far, b.fsub(top, of_target, flags=FASTMATH_FLAGS), total)

        count = b.sdiv(columns, v.integer(v.elements))
        return context.make_tuple(b, signature.return_type, totals.over_elements(v.loop(count, totals.start, down)))

    numbers = types.containers.UniTuple(types.float64, 2)
    return (numbers(scores, scores.dtype), generate) if scores.layout == "C" else None


@machine_code
def raise_tops(typing: Any, tops: Any, scores: Any) -> Any:
    """Raise tops (columns,) to the highest of their columns of scores (rows, columns), a whole number of units of columns."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (t, _, _), (s, (rows, columns), (row_items, _)) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        v = Vectors(b, scores.dtype.bitwidth, UNIT)

        def down(at: Any, nothing: list[Any]) -> list[Any]:
            column = b.mul(at, v.integer(v.elements))
            top, first = b.gep(t, [column]), b.gep(s, [column])

            def higher(row: Any, tops: list[Any]) -> list[Any]:
                x = v.load(b.gep(first, [b.mul(row, row_items)]), 0, align=v.bytes)
                return [b.select(b.fcmp_ordered(">", x, tops[0]), x, tops[0])]

            (highest,) = v.loop(rows, [v.load(top, 0, align=v.bytes)], higher)
            v.store(top, 0, highest, align=v.bytes)
            return nothing

        v.loop(b.sdiv(columns, v.integer(v.elements)), [], down)
        return context.get_dummy_value()

    return types.void(tops, scores), generate


@machine_code
def add_powers(typing: Any, totals: Any, scores: Any, tops: Any) -> Any:
    """Compute scores = exp(scores - tops), and add the sums of their columns to totals. Shapes are those of ``raise_tops``."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (total, _, _), (s, (rows, columns), (row_items, _)), (t, _, _) = (
            array_parts(context, b, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        v = Vectors(b, scores.dtype.bitwidth, UNIT)

        def down(at: Any, nothing: list[Any]) -> list[Any]:
            column = b.mul(at, v.integer(v.elements))
            first, sums, top = b.gep(s, [column]), b.gep(total, [column]), v.load(b.gep(t, [column]), 0, align=v.bytes)

            def power(row: Any, so_far: list[Any]) -> list[Any]:
                here = b.gep(first, [b.mul(row, row_items)])
                x = v.exponential(b.fsub(v.load(here, 0, align=v.bytes), top, flags=FASTMATH_FLAGS))
                v.store(here, 0, x, align=v.bytes)
                return [v.add(so_far[0], x)]

            (value,) = v.loop(rows, [v.load(sums, 0, align=v.bytes)], power)
            v.store(sums, 0, value, align=v.bytes)
            return nothing

        v.loop(b.sdiv(columns, v.integer(v.elements)), [], down)
        return context.get_dummy_value()

    return types.void(totals, scores, tops), generate
