"""Vector registers in compiled functions: explicit vector code where the compiler's own uses the registers poorly.

``Vectors`` generates LLVM code, for numba intrinsics such as those of ``products``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial, log
from typing import Any

from ..functions import FASTMATH_FLAGS

LINE_FLOATS = 16
"""Floats in a cache line of 64 bytes."""


def register_bytes() -> int:
    """Return the bytes of a vector register: 64 with AVX-512, otherwise 32."""
    from llvmlite import binding

    return 64 if binding.get_host_cpu_features().get("avx512f") else 32


def registers() -> int:
    """Return the number of vector registers: 32 with AVX-512, otherwise 16."""
    return register_bytes() // 2


class Vectors:
    """Generates code for vectors of floats, and for table rows as successive vectors.

    Parameters
    ----------
    builder
        LLVM's instruction builder.
    bits
        Bits of a float.
    size
        Bytes of a vector. The default is a register.
    """

    def __init__(self, builder: Any, bits: int = 32, size: int | None = None) -> None:
        from llvmlite import ir

        size = size or register_bytes()
        self.ir, self.builder, self.elements, self.bytes = ir, builder, size * 8 // bits, bits // 8
        self.registers = registers()
        self.index, self.number = ir.IntType(64), ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.elements)
        self.integers = ir.VectorType(ir.IntType(bits), self.elements)
        self.unset = ir.Constant(self.vector, ir.Undefined)
        self.zero = self.constant(0.0)

    def constant(self, value: float) -> Any:
        """Return a vector with a constant in all elements."""
        return self.ir.Constant(self.vector, [value] * self.elements)

    def integer(self, value: int) -> Any:
        return self.ir.Constant(self.index, value)

    def whole(self, value: int) -> Any:
        """Return a vector of integers, as wide as the floats, with a constant in all elements."""
        return self.ir.Constant(self.integers, [value] * self.elements)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=FASTMATH_FLAGS)

    def multiply(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=FASTMATH_FLAGS)

    def multiply_add(self, a: Any, b: Any, c: Any | None) -> Any:
        """Compute a b + c, or a b if c is None."""
        return self.multiply(a, b) if c is None else self.add(self.multiply(a, b), c)

    def row(self, table: Any, at: Any, width: int) -> Any:
        """Return the address of a row."""
        return self.builder.gep(table, [self.builder.mul(at, self.integer(width))])

    def place(self, row: Any, at: Any) -> Any:
        b = self.builder
        offset = self.integer(at * self.elements) if isinstance(at, int) else b.mul(at, self.integer(self.elements))
        return b.bitcast(b.gep(row, [offset]), self.vector.as_pointer())

    def load(self, row: Any, at: Any, align: int = 64) -> Any:
        """Load a vector of a row. at: how many vectors are before it."""
        return self.builder.load(self.place(row, at), align=min(align, self.bytes * self.elements))

    def store(self, row: Any, at: Any, value: Any, align: int = 64) -> None:
        self.builder.store(value, self.place(row, at), align=min(align, self.bytes * self.elements))

    def broadcast_load(self, address: Any) -> Any:
        """Return a vector with the number at an address in all elements."""
        return self.broadcast(self.builder.load(address))

    def broadcast(self, number: Any) -> Any:
        """Return a vector with a number in all elements."""
        one = self.builder.insert_element(self.unset, number, self.ir.Constant(self.ir.IntType(32), 0))
        return self.shuffle(one, self.unset, [0] * self.elements)

    def loop(
        self, count: Any, start: list[Any], body: Callable[[Any, list[Any]], list[Any]], *, may_be_empty: bool = False
    ) -> list[Any]:
        """Generate a loop that carries values in registers.

        Parameters
        ----------
        count
            Number of iterations.
        start
            Values before the first iteration.
        body
            ``body(i, values)`` returns the values after iteration i.
        may_be_empty
            Whether there may be no iteration; else there is at least one.

        Returns
        -------
        list
            Values after the last iteration.
        """
        b = self.builder
        before, iteration, after = b.block, b.append_basic_block("iteration"), b.append_basic_block("after")
        if may_be_empty:
            b.cbranch(b.icmp_signed(">", count, self.integer(0)), iteration, after)
        else:
            b.branch(iteration)
        b.position_at_end(iteration)
        at = b.phi(self.index)
        carried = [b.phi(value.type) for value in start]
        following = body(at, list(carried))
        next_at = b.add(at, self.integer(1))
        for phi, first, then in zip([at, *carried], [self.integer(0), *start], [next_at, *following], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(then, b.block)
        last = b.block
        b.cbranch(b.icmp_signed("<", next_at, count), iteration, after)
        b.position_at_end(after)
        if not may_be_empty:
            return following
        ended = [b.phi(value.type) for value in start]
        for phi, first, then in zip(ended, start, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(then, last)
        return ended

    def shuffle(self, a: Any, b: Any, places: Sequence[int]) -> Any:
        mask = self.ir.Constant(self.ir.VectorType(self.ir.IntType(32), len(places)), list(places))
        return self.builder.shuffle_vector(a, b, mask)

    def element_sums(self, vectors: Sequence[Any]) -> Any:
        """Return a vector whose element k is the sum of vector k's elements. There are at most as many vectors as elements.

        The first step adds neighbouring elements of two vectors. The sums of the first vector become the even elements of a new
        one, those of the second its odd elements. The next step does so with elements that are two apart, and so on: each halves
        the number of vectors. All sums together take about as many steps as one would.
        """
        distance, left = 1, list(vectors)
        while distance < self.elements:
            own = [at + self.elements * bool(at & distance) for at in range(self.elements)]
            other = [at ^ distance for at in own]
            pairs = [(left[i], left[i + 1] if i + 1 < len(left) else self.zero) for i in range(0, len(left), 2)]
            left = [self.add(self.shuffle(a, b, own), self.shuffle(a, b, other)) for a, b in pairs]
            distance *= 2
        return left[0]

    def widened(self, value: Any) -> Any:
        """Append zeros to a vector, up to as many elements as vectors of this kind have."""
        count = value.type.count
        zeros = self.ir.Constant(value.type, [0.0] * count)
        places = [*range(count), *[count] * (self.elements - count)]
        return value if count == self.elements else self.shuffle(value, zeros, places)

    def narrowed(self, value: Any) -> Any:
        """Return as many first elements of a vector as vectors of this kind have."""
        return value if value.type == self.vector else self.shuffle(value, value, range(self.elements))

    def library(self, name: str, arguments: int) -> Any:
        """Return one of LLVM's functions on vectors."""
        from numba.core import cgutils

        kind = self.ir.FunctionType(self.vector, [self.vector] * arguments)
        return cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.{name}.v{self.elements}f{8 * self.bytes}"
        )

    def exponential(self, x: Any) -> Any:
        """Compute exp(x), to 3e-7 in float32 and 5e-16 in float64.

        x is limited to ±87 (float32) or ±700 (float64): below the result is 0, and above it is that of the limit. The
        result is an integer power of 2, made from the exponent's bits, times a polynomial in the rest, which is at most
        ln 2 / 2.
        """
        b, single = self.builder, self.bytes == 4
        end, degree, mantissa = (87.0, 6, 23) if single else (700.0, 13, 52)
        too_small = b.fcmp_ordered("<", x, self.constant(-end))
        for comparison, limit in ((">", self.constant(-end)), ("<", self.constant(end))):
            x = b.select(b.fcmp_ordered(comparison, limit, x), limit, x)
        power = b.call(self.library("rint", 1), [self.multiply(x, self.constant(1 / log(2)))])
        rest = x
        for part in (LN_2_HIGH, LN_2_LOW):  # one after the other: their sum would be rounded
            product = b.fmul(power, self.constant(part), flags=("contract",))
            rest = b.fsub(rest, product, flags=("contract",))
        value = self.constant(1 / factorial(degree))
        for k in range(degree - 1, -1, -1):
            value = self.multiply_add(value, rest, self.constant(1 / factorial(k)))
        raised = b.add(b.bitcast(value, self.integers), b.shl(b.fptosi(power, self.integers), self.whole(mantissa)))
        return b.select(too_small, self.zero, b.bitcast(raised, self.vector))

    def sigmoid(self, x: Any) -> Any:
        """Compute 1 / (1 + exp(-x)) in float32, to 1e-6. Few operations wait for each other, since training waits for them.

        exp(-x) is an integer power of 2, times a power of 2 between -1/2 and 1/2 by its Taylor polynomial.
        """
        b = self.builder
        for comparison, limit in ((">", self.constant(-60.0)), ("<", self.constant(60.0))):
            x = b.select(b.fcmp_ordered(comparison, limit, x), limit, x)
        scaled = self.multiply(x, self.constant(-1 / log(2)))
        power = b.call(self.library("rint", 1), [scaled])
        f = b.fsub(scaled, power, flags=FASTMATH_FLAGS)
        c = [self.constant(log(2) ** k / factorial(k)) for k in range(6)]
        square = self.multiply(f, f)
        high = self.multiply_add(square, self.multiply_add(c[5], f, c[4]), self.multiply_add(c[3], f, c[2]))
        value = self.multiply_add(square, high, self.multiply_add(c[1], f, c[0]))
        raised = b.add(b.bitcast(value, self.integers), b.shl(b.fptosi(power, self.integers), self.whole(23)))
        return b.fdiv(
            self.constant(1.0), self.add(b.bitcast(raised, self.vector), self.constant(1.0)), flags=FASTMATH_FLAGS
        )


LN_2_HIGH, LN_2_LOW = 0.693145751953125, 1.42860682030941723212e-6
"""ln 2 in two parts, as in Moshier's Cephes. The first has only 16 bits, so that its product with an integer is exact."""


def array_parts(context: Any, builder: Any, kind: Any, value: Any) -> tuple[Any, list[Any], list[Any]]:
    """Return the address of an array's first item, its shape, and its strides in items."""
    from numba.core import cgutils

    array = context.make_array(kind)(context, builder, value)
    strides = cgutils.unpack_tuple(builder, array.strides, kind.ndim)
    item = strides[0].type(kind.dtype.bitwidth // 8)
    return (
        array.data,
        cgutils.unpack_tuple(builder, array.shape, kind.ndim),
        [builder.sdiv(stride, item, flags=("exact",)) for stride in strides],
    )
