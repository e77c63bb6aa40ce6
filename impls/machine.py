"""Instructions that compiled implementations need and Python has no words for: copying a row, and asking for one ahead of its use.

Functions for ``impls.compiled``: each gets numba's typing context and the types of its arguments, and gives a signature
and a function that writes LLVM's code. They can be called from compiled functions only.
"""

from __future__ import annotations

from typing import Any

from .compiled import machine_code

LINE = 64
"""Bytes of a cache line."""


@machine_code
def prefetch_row(typing: Any, table: Any, row: Any) -> Any:
    """Ask for the cache lines of table[row], (V, H), and go on without waiting for them."""
    from llvmlite import ir
    from numba.core import cgutils, types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start, size = place(context, builder, signature, arguments, 0)
        zero, line = (ir.Constant(size.type, value) for value in (0, LINE))
        with cgutils.for_range_slice(builder, zero, size, line, size.type) as (at, _):
            ask_for_line(builder, start, at, to_write=False)
        return context.get_dummy_value()

    return types.void(table, row), generate


def ask_for_line(builder: Any, start: Any, at: Any, to_write: bool) -> None:
    """Ask for the cache line some bytes from an address. to_write: take it away from other cores, too."""
    from llvmlite import ir
    from numba.core import cgutils

    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    why, keep_near, data = (ir.Constant(flag, value) for value in (int(to_write), 3, 1))
    builder.call(ask, [builder.gep(builder.bitcast(start, byte), [at]), why, keep_near, data])


@machine_code
def copy_row(typing: Any, to: Any, i: Any, table: Any, row: Any) -> Any:
    """to[i] = table[row], rows of the same length and type, both contiguous."""
    from numba.core import cgutils, types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, _ = place(context, builder, signature, arguments, 0)
        source, size = place(context, builder, signature, arguments, 2)
        cgutils.raw_memcpy(builder, target, source, size, 1)
        return context.get_dummy_value()

    return types.void(to, i, table, row), generate


def place(context: Any, builder: Any, signature: Any, arguments: Any, at: int) -> tuple[Any, Any]:
    """Address and bytes of a row, whose table and number are the arguments from ``at`` on. The number is not negative."""
    from numba.core import cgutils, types

    table = signature.args[at]
    view = context.make_array(table)(context, builder, arguments[at])
    row = context.cast(builder, arguments[at + 1], signature.args[at + 1], types.intp)
    zero = context.get_constant(types.intp, 0)
    start = cgutils.get_item_pointer(context, builder, table, view, [row, zero], wraparound=False)
    width = cgutils.unpack_tuple(builder, view.shape, 2)[1]
    return start, builder.mul(width, context.get_constant(types.intp, table.dtype.bitwidth // 8))
