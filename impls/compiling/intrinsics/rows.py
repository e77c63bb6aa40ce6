"""Instructions for compiled implementations that Python cannot express: copy, prefetch and read a row, and take numbers in turn.

Each function here is a numba intrinsic: it gets the typing context and its arguments' types, and returns a signature and
a function that generates LLVM code. Only compiled functions can call them.
"""

from __future__ import annotations

from typing import Any

from ..functions import machine_code

LINE = 64
"""Bytes of a cache line."""


@machine_code
def prefetch_row(typing: Any, table: Any, row: Any) -> Any:
    """Prefetch the cache lines of table[row], table (V, H), without waiting for them."""
    from llvmlite import ir
    from numba.core import cgutils, types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start, size = row_address(context, builder, signature, arguments, 0)
        zero, line = (ir.Constant(size.type, value) for value in (0, LINE))
        with cgutils.for_range_slice(builder, zero, size, line, size.type) as (at, _):
            prefetch_line(builder, start, at, to_write=False)
        return context.get_dummy_value()

    return types.void(table, row), generate


def prefetch_line(builder: Any, start: Any, at: Any, to_write: bool) -> None:
    """Prefetch the cache line at an offset in bytes. to_write: for writing, which also takes it from other cores."""
    from llvmlite import ir
    from numba.core import cgutils

    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    read_or_write, locality, data_cache = (ir.Constant(flag, value) for value in (int(to_write), 3, 1))
    builder.call(prefetch, [builder.gep(builder.bitcast(start, byte), [at]), read_or_write, locality, data_cache])


@machine_code
def copy_row(typing: Any, to: Any, i: Any, table: Any, row: Any) -> Any:
    """Copy table[row] to to[i]. Both rows are contiguous and of the same length and dtype."""
    from numba.core import cgutils, types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, _ = row_address(context, builder, signature, arguments, 0)
        source, size = row_address(context, builder, signature, arguments, 2)
        cgutils.raw_memcpy(builder, target, source, size, 1)
        return context.get_dummy_value()

    return types.void(to, i, table, row), generate


@machine_code
def read_row(typing: Any, table: Any, row: Any) -> Any:
    """Read a byte of each cache line of table[row], table (V, H), and do nothing with it."""
    from llvmlite import ir
    from numba.core import cgutils, types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start, size = row_address(context, builder, signature, arguments, 0)
        first = builder.bitcast(start, ir.IntType(8).as_pointer())
        zero, one, line = (ir.Constant(size.type, value) for value in (0, 1, LINE))

        def read(at: Any) -> None:  # the compiler keeps an atomic load, although nothing uses it
            builder.load_atomic(builder.gep(first, [at]), "monotonic", 1)

        with cgutils.for_range_slice(builder, zero, size, line, size.type) as (at, _):
            read(at)
        read(builder.sub(size, one))
        return context.get_dummy_value()

    return types.void(table, row), generate


@machine_code
def next_number(typing: Any, counter: Any) -> Any:
    """Return counter[0], (1,) int64, and add one to it. No two threads get the same number."""
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(counter)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", place, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(counter), generate


def row_address(context: Any, builder: Any, signature: Any, arguments: Any, at: int) -> tuple[Any, Any]:
    """Return address and bytes of a row. Arguments ``at`` and ``at + 1`` are its table and its number, which is not negative."""
    from numba.core import cgutils, types

    table = signature.args[at]
    view = context.make_array(table)(context, builder, arguments[at])
    row = context.cast(builder, arguments[at + 1], signature.args[at + 1], types.intp)
    zero = context.get_constant(types.intp, 0)
    start = cgutils.get_item_pointer(context, builder, table, view, [row, zero], wraparound=False)
    width = cgutils.unpack_tuple(builder, view.shape, 2)[1]
    return start, builder.mul(width, context.get_constant(types.intp, table.dtype.bitwidth // 8))
