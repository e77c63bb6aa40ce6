"""Vector registers in compiled functions: sums and products of many numbers at a time, where compilers leave them half empty.

``Vectors`` are the words for writing LLVM's code; the functions after it are for ``impls.compiled`` and can be called from
compiled functions only. Tuples among their arguments tell the compiler how many of something there are, by their length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial, log
from typing import Any

import numpy as np

from .compiled import LOOSE, machine_code
from .interface import Array, resident_zeros

LINE = 16
"""Floats in a line of 64 bytes."""


def register_bytes() -> int:
    """Bytes of the machine's vector registers that are worth using: 64 where it has AVX-512, otherwise 32."""
    from llvmlite import binding

    return 64 if binding.get_host_cpu_features().get("avx512f") else 32


def aligned(rows: int, width: int, dtype: Any = np.float32) -> Array:
    """Zeros (rows, width) that begin at a cache line."""
    item = np.dtype(dtype).itemsize
    raw = resident_zeros((rows * width + 64 // item,), np.dtype(dtype))
    skip = -raw.ctypes.data % 64 // item
    return raw[skip : skip + rows * width].reshape(rows, width)


class Vectors:
    """Words for what is written: vectors of floats, and rows of a table as vectors one after another.

    bits: of a float. size: bytes of a vector, if not those of a register.
    """

    def __init__(self, builder: Any, bits: int = 32, size: int | None = None) -> None:
        from llvmlite import ir

        size = size or register_bytes()
        self.ir, self.builder, self.elements, self.bytes = ir, builder, size * 8 // bits, bits // 8
        self.registers = register_bytes() // 2
        self.index, self.number = ir.IntType(64), ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.elements)
        self.whole_numbers = ir.VectorType(ir.IntType(bits), self.elements)
        self.unset = ir.Constant(self.vector, ir.Undefined)
        self.zero = self.all_of(0.0)

    def all_of(self, value: float) -> Any:
        """A constant in all elements."""
        return self.ir.Constant(self.vector, [value] * self.elements)

    def whole(self, value: int) -> Any:
        return self.ir.Constant(self.index, value)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=LOOSE)

    def times(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=LOOSE)

    def times_plus(self, a: Any, b: Any, c: Any | None) -> Any:
        """a b + c, or a b if there is no c yet."""
        return self.times(a, b) if c is None else self.add(self.times(a, b), c)

    def row(self, table: Any, at: Any, width: int) -> Any:
        """Address of a row."""
        return self.builder.gep(table, [self.builder.mul(at, self.whole(width))])

    def place(self, row: Any, at: int) -> Any:
        start = self.builder.gep(row, [self.whole(at * self.elements)])
        return self.builder.bitcast(start, self.vector.as_pointer())

    def load(self, row: Any, at: int, align: int = 64) -> Any:
        return self.builder.load(self.place(row, at), align=min(align, self.bytes * self.elements))

    def store(self, row: Any, at: int, value: Any, align: int = 64) -> None:
        self.builder.store(value, self.place(row, at), align=min(align, self.bytes * self.elements))

    def spread(self, address: Any) -> Any:
        """The number at an address, in all elements."""
        return self.everywhere(self.builder.load(address))

    def everywhere(self, number: Any) -> Any:
        """A number in all elements."""
        one = self.builder.insert_element(self.unset, number, self.ir.Constant(self.ir.IntType(32), 0))
        return self.shuffled(one, self.unset, [0] * self.elements)

    def looped(self, count: Any, start: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
        """Values that a loop carries in registers from turn to turn, count of them, at least one; body gives the next ones."""
        b = self.builder
        before, turn, after = b.block, b.append_basic_block("turn"), b.append_basic_block("after")
        b.branch(turn)
        b.position_at_end(turn)
        at = b.phi(self.index)
        carried = [b.phi(value.type) for value in start]
        following = body(at, list(carried))
        one_on = b.add(at, self.whole(1))
        for phi, first, then in zip([at, *carried], [self.whole(0), *start], [one_on, *following], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(then, b.block)
        b.cbranch(b.icmp_signed("<", one_on, count), turn, after)
        b.position_at_end(after)
        return following

    def shuffled(self, a: Any, b: Any, places: Sequence[int]) -> Any:
        mask = self.ir.Constant(self.ir.VectorType(self.ir.IntType(32), len(places)), list(places))
        return self.builder.shuffle_vector(a, b, mask)

    def element_sums(self, vectors: Sequence[Any]) -> Any:
        """A vector whose element k is the sum of vector k's elements; of at most as many vectors as there are elements.

        Neighbours are folded into each other: each step halves the number of vectors and the elements that a sum is
        spread over, so that all sums take about as many steps as one of them alone would take on its own.
        """
        groups, left = 1, list(vectors)
        while groups < self.elements:
            span = self.elements // groups
            low = [s * self.elements + g * span + i for s in (0, 1) for g in range(groups) for i in range(span // 2)]
            high = [at + span // 2 for at in low]
            pairs = [(left[i], left[i + 1] if i + 1 < len(left) else self.zero) for i in range(0, len(left), 2)]
            left = [self.add(self.shuffled(a, b, low), self.shuffled(a, b, high)) for a, b in pairs]
            groups *= 2
        return left[0]

    def library(self, name: str, arguments: int) -> Any:
        """One of LLVM's functions of vectors."""
        from numba.core import cgutils

        kind = self.ir.FunctionType(self.vector, [self.vector] * arguments)
        return cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.{name}.v{self.elements}f{8 * self.bytes}"
        )

    def exponential(self, x: Any) -> Any:
        """exp(x), to 3e-7 in float32 and 5e-16 in float64, for x from -87 to 87 (±700); 0 for less, and for more that of 87 (700).

        2 to a whole power, by the exponent's bits, times a polynomial for the rest, which is within ln 2 / 2 of nothing.
        """
        b, single = self.builder, self.bytes == 4
        end, degree, mantissa = (87.0, 6, 23) if single else (700.0, 13, 52)
        lost = b.fcmp_ordered("<", x, self.all_of(-end))
        for comparison, limit in ((">", self.all_of(-end)), ("<", self.all_of(end))):
            x = b.select(b.fcmp_ordered(comparison, limit, x), limit, x)
        power = b.call(self.library("rint", 1), [self.times(x, self.all_of(1 / log(2)))])
        rest = x
        for part in (LN_2_HIGH, LN_2_LOW):  # one after the other: together they would be rounded
            product = b.fmul(power, self.all_of(part), flags=("contract",))
            rest = b.fsub(rest, product, flags=("contract",))
        value = self.all_of(1 / factorial(degree))
        for k in range(degree - 1, -1, -1):
            value = self.times_plus(value, rest, self.all_of(1 / factorial(k)))
        places = self.ir.Constant(self.whole_numbers, [mantissa] * self.elements)
        raised = b.add(b.bitcast(value, self.whole_numbers), b.shl(b.fptosi(power, self.whole_numbers), places))
        return b.select(lost, self.zero, b.bitcast(raised, self.vector))

    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + exp(-x))."""
        one = self.all_of(1.0)
        minus = self.builder.fsub(self.zero, x, flags=LOOSE)
        return self.builder.fdiv(one, self.add(self.exponential(minus), one), flags=LOOSE)


LN_2_HIGH, LN_2_LOW = 0.693145751953125, 1.42860682030941723212e-6
"""ln 2 in two parts, as in Moshier's Cephes: the first has 16 bits only, so that whole numbers times it are exact."""


def parts(context: Any, builder: Any, kind: Any, value: Any) -> tuple[Any, list[Any], list[Any]]:
    """Address of an array's first item, its lengths, and its strides in items."""
    from numba.core import cgutils

    array = context.make_array(kind)(context, builder, value)
    strides = cgutils.unpack_tuple(builder, array.strides, kind.ndim)
    item = strides[0].type(kind.dtype.bitwidth // 8)
    return (
        array.data,
        cgutils.unpack_tuple(builder, array.shape, kind.ndim),
        [builder.sdiv(stride, item, flags=("exact",)) for stride in strides],
    )


UNIT = 32
"""Bytes by which rows are filled up: half of the largest registers, so that little is computed in vain."""


@machine_code
def product_block(typing: Any, out: Any, A: Any, X: Any, high: Any, wide: Any, add: Any) -> Any:
    """The first rows of A X, or of out + A X, into out: as many rows as ``high`` has items, as many units of them as ``wide``.

    A (rows, n) may lie in memory as it likes; X (n, columns) and out (rows, columns) have rows without gaps. The sums stay
    in registers until they are ready; n is at least 1.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (o, _, (o_row, _)), (a, (_, n), (a_row, a_column)), (x, _, (x_row, _)) = (
            parts(context, b, kind, value) for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        whole, rest = divmod(len(wide) * UNIT, register_bytes())
        v, unit = Vectors(b, X.dtype.bitwidth), Vectors(b, X.dtype.bitwidth, UNIT)
        pieces = [(v, c) for c in range(whole)] + [(unit, len(wide) - 1)] * (rest > 0)
        rows = [(b.gep(o, [b.mul(v.whole(r), o_row)]), b.gep(a, [b.mul(v.whole(r), a_row)])) for r in range(len(high))]
        places = [(target, kind, c) for target, _ in rows for kind, c in pieces]

        def grown(at: Any, sums: list[Any]) -> list[Any]:
            row, step = b.gep(x, [b.mul(at, x_row)]), b.mul(at, a_column)
            values = [(kind, kind.load(row, c, align=v.bytes)) for kind, c in pieces]
            factors = [b.load(b.gep(factor, [step])) for _, factor in rows]
            terms = [(kind, kind.everywhere(factor), value) for factor in factors for kind, value in values]
            return [kind.times_plus(f, x, total) for (kind, f, x), total in zip(terms, sums, strict=True)]

        start = [b.select(arguments[5], kind.load(row, c, align=v.bytes), kind.zero) for row, kind, c in places]
        for (row, kind, c), total in zip(places, v.looped(n, start, grown), strict=True):
            kind.store(row, c, total, align=v.bytes)
        return context.get_dummy_value()

    return types.void(out, A, X, high, wide, add), generate


def product(out: Any, A: Any, X: Any, high: Any, wide: Any, add: bool) -> None:
    """out = A X, or out += A X, as ``blocks`` parts it: X and out have a whole number of blocks of columns."""
    across = wide[0] * len(wide)
    for column in range(0, X.shape[1], across):
        row = 0
        while row + len(high) <= len(A):
            product_block(out[row:, column:], A[row:], X[:, column:], high, wide, add)
            row += len(high)
        while row + 4 <= len(A):
            product_block(out[row:, column:], A[row:], X[:, column:], (0, 0, 0, 0), wide, add)
            row += 4
        while row < len(A):
            product_block(out[row:, column:], A[row:], X[:, column:], (0,), wide, add)
            row += 1


def blocks(columns: int, item: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """How a product with so many columns of numbers of ``item`` bytes is parted: rows and units of a block, as tuples of that
    length (the items of ``wide`` are the numbers in a unit), and how many columns there are once the last block is full."""
    registers, widest = register_bytes() // 2, 7 if register_bytes() == 64 else 3
    units = max(1, -(-columns * item // UNIT))
    wide = -(-units // -(-units // (widest * register_bytes() // UNIT)))
    vectors = -(-wide * UNIT // register_bytes())
    high = min(14, (registers - 1) // vectors - 1)  # a row's vectors, one factor, and the sums of all rows in registers
    return (0,) * high, (UNIT // item,) * wide, -(-units // wide) * wide * UNIT // item


@machine_code
def exponentials(typing: Any, row: Any, less: Any) -> Any:
    """row = exp(row - less), both (n,), a whole number of units."""
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(b, row.dtype.bitwidth, UNIT)
        (x, (n,), _), (y, _, _) = (
            parts(context, b, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        with cgutils.for_range_slice(b, v.whole(0), n, v.whole(v.elements), v.index) as (at, _):
            here, by = b.gep(x, [at]), v.load(b.gep(y, [at]), 0, align=v.bytes)
            value = b.fsub(v.load(here, 0, align=v.bytes), by, flags=LOOSE)
            v.store(here, 0, v.exponential(value), align=v.bytes)
        return context.get_dummy_value()

    return types.void(row, less), generate


def across(b: Any, bits: int, whole: int, rest: int, sums: list[Any], part: Callable[..., list[Any]]) -> list[Any]:
    """Go along rows of ``whole`` units and ``rest`` numbers more, these in ever narrower vectors.

    part: gets the kind of vector, the number of items before it, and the sums so far, and gives the next sums.
    """
    unit = Vectors(b, bits, UNIT)
    if whole:
        sums = unit.looped(
            unit.whole(whole), sums, lambda at, so_far: part(unit, b.mul(at, unit.whole(unit.elements)), so_far)
        )
    done, size = whole * unit.elements, UNIT
    while rest:
        size //= 2
        narrow = Vectors(b, bits, size)
        if rest >= narrow.elements:
            sums = part(narrow, unit.whole(done), sums)
            done, rest = done + narrow.elements, rest - narrow.elements
    return sums


def without_gaps(*arrays: Any) -> bool:
    """Whether arrays of these types have their items one after another."""
    return all(array.layout == "C" for array in arrays)


def rows_of(v: Vectors, table: Any, stride: Any, words: Any, count: int) -> list[Any]:
    """Addresses of the rows of some words: table and words are addresses, stride the items from row to row."""
    b = v.builder
    found = [b.load(b.gep(words, [v.whole(k)])) for k in range(count)]
    wide = [b.sext(word, v.index) if word.type.width < v.index.width else word for word in found]
    return [b.gep(table, [b.mul(word, stride)]) for word in wide]


@machine_code
def scores_block(typing: Any, out: Any, x: Any, table: Any, words: Any, high: Any, whole: Any, rest: Any) -> Any:
    """out[k] = x . table[words[k]], for as many words as ``high`` has items; whole, rest: H as ``lengths`` parts it."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (o, _, _), (row, _, _), (t, _, (t_row, _)), (w, _, _) = (
            parts(context, b, kind, value) for kind, value in zip(signature.args[:4], arguments[:4], strict=True)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        others = rows_of(v, t, t_row, w, len(high))

        def grown(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            value = kind.load(b.gep(row, [at]), 0, align=v.bytes)
            found = [kind.load(b.gep(other, [at]), 0, align=v.bytes) for other in others]
            if kind.elements == v.elements:
                return [v.times_plus(value, one, total) for one, total in zip(found, sums, strict=True)]
            filled = [*range(kind.elements), *[kind.elements] * (v.elements - kind.elements)]
            terms = [kind.shuffled(kind.times(value, one), kind.zero, filled) for one in found]
            return [v.add(term, total) for term, total in zip(terms, sums, strict=True)]

        sums = across(b, x.dtype.bitwidth, len(whole), len(rest), [v.zero] * len(high), grown)
        for first in range(0, len(high), v.elements):
            some = sums[first : first + v.elements]
            elements = v.element_sums(some)
            for k in range(len(some)):
                b.store(b.extract_element(elements, v.whole(k)), b.gep(o, [v.whole(first + k)]))
        return context.get_dummy_value()

    signature = types.void(out, x, table, words, high, whole, rest)
    return (signature, generate) if without_gaps(out, x, table, words) else None


@machine_code
def gradients_block(
    typing: Any, dx: Any, values: Any, x: Any, table: Any, words: Any, slopes: Any, high: Any, whole: Any, rest: Any,
    add: Any, grow: Any,
) -> Any:  # fmt: skip
    """dx = the sum of slopes[k] table[words[k]], or dx + that; values[k] = slopes[k] x, or values[k] + that if ``grow`` has an item."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        (d, _, _), (g, _, (g_row, _)), (row, _, _), (t, _, (t_row, _)), (w, _, _), (s, _, _) = (
            parts(context, b, kind, value) for kind, value in zip(signature.args[:6], arguments[:6], strict=True)
        )
        v = Vectors(b, x.dtype.bitwidth, UNIT)
        others = rows_of(v, t, t_row, w, len(high))
        targets = [b.gep(g, [b.mul(v.whole(k), g_row)]) for k in range(len(high))]
        factors = [b.load(b.gep(s, [v.whole(k)])) for k in range(len(high))]

        def back(kind: Vectors, at: Any, sums: list[Any]) -> list[Any]:
            value, here = kind.load(b.gep(row, [at]), 0, align=v.bytes), b.gep(d, [at])
            total = b.select(arguments[9], kind.load(here, 0, align=v.bytes), kind.zero)
            for factor, other, target in zip(map(kind.everywhere, factors), others, targets, strict=True):
                there = b.gep(target, [at])
                before = kind.load(there, 0, align=v.bytes) if len(grow) else None
                total = kind.times_plus(factor, kind.load(b.gep(other, [at]), 0, align=v.bytes), total)
                kind.store(there, 0, kind.times_plus(factor, value, before), align=v.bytes)
            kind.store(here, 0, total, align=v.bytes)
            return sums

        across(b, x.dtype.bitwidth, len(whole), len(rest), [], back)
        return context.get_dummy_value()

    signature = types.void(dx, values, x, table, words, slopes, high, whole, rest, add, grow)
    return (signature, generate) if without_gaps(dx, values, x, table, words, slopes) else None


def scores(out: Any, x: Any, table: Any, words: Any, whole: Any, rest: Any) -> None:
    """out[k] = x . table[words[k]] for all words (n,), int32 or int64: x (H,), table (V, H), out (n or more,), floats of one
    type without gaps; whole, rest: H as ``lengths`` parts it."""
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
    """What slopes (n or more,) of ``scores`` lead back to: dx (H,) = the sum of slopes[k] table[words[k]], or dx + that; values
    (n, H): values[k] = slopes[k] x, or values[k] + that if ``grow``, a tuple, has an item."""
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


def lengths(H: int, item: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A row of H numbers of ``item`` bytes: units that it fills, and numbers left over, as tuples of that length."""
    whole, rest = divmod(H, UNIT // item)
    return (0,) * whole, (0,) * rest
