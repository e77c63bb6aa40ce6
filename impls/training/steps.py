"""The steps of compiled training, as numba intrinsics for compiled functions. ``impls/training/rows.py`` has their parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..compiled import machine_code
from ..machine import prefetch_line
from ..vectors import LINE, Vectors
from .rows import Centre, StepArguments, learn_from_mean, pull, push, score, store_mean


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
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, line: Any, windows: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train each context's input row against the K + 1 output rows of its centre. Both sides change by the other's old values.

    Parameters
    ----------
    W_in, W_out
        (V, width) float32.
    own_in, own_out
        The thread's own rows, (rows, width) float32.
    line
        The words of a line, (n,) int32.
    windows
        For each centre, where in the line its window begins, where the centre is, and where the window ends: a tuple of
        tuples of three int64. A window has at least one context.
    targets
        For each centre, the word and its negatives: a tuple of arrays (K + 1,) int32.
    alpha
        The rate, float32.
    scratch
        Copies of the input rows, (contexts, width) or longer, float32.
    slopes
        8 ceil((K + 1) / 8) floats for each context, and 16 more.
    pairs, lines
        Tuples of K + 1 and width / 16 items.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v = given.v

        def each(centre: Centre, some: Any) -> None:
            """Generate code for all contexts, two by two where there is room."""
            if not given.room_for_two:
                with cgutils.for_range(b, centre.count, intp=v.index) as loop:
                    some(centre, loop.index, 1)
                return
            twos = b.lshr(centre.count, v.integer(1))
            with cgutils.for_range(b, twos, intp=v.index) as loop:
                some(centre, b.shl(loop.index, v.integer(1)), 2)
            with b.if_then(b.trunc(centre.count, v.ir.IntType(1))):
                some(centre, b.shl(twos, v.integer(1)), 1)

        def scored(centre: Centre, first: Any, together: int) -> None:
            places = [b.add(first, v.integer(i)) for i in range(together)]
            rows, copies = map(centre.input_row, places), map(given.scratch_row, places)
            score(given, [(centre, list(rows))], first, list(copies))

        for centre in given.centres:
            each(centre, scored)
            each(centre, partial(pull, given))
            push(given, centre)
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, line, windows, targets, alpha, scratch, slopes, pairs, lines
    ), generate


@machine_code
def cbow_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, line: Any, windows: Any, targets: Any, alpha: Any,
    scratch: Any, slopes: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train the mean of each window's input rows against the K + 1 output rows. Each context's row moves by the whole change.

    Centres that are given together are scored together, by rows as they were: one alone would mostly wait for its own results.
    Parameters are those of ``skip_gram_step``; scratch has two rows or more for each centre.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v = given.v

        def learn(centres: Sequence[Centre]) -> None:
            means, changes = (
                [given.scratch_row(v.integer(2 * at + part)) for at in range(len(centres))] for part in (0, 1)
            )
            for centre, mean in zip(centres, means, strict=True):
                store_mean(given, centre, mean)
            score(given, [(centre, [mean]) for centre, mean in zip(centres, means, strict=True)], v.integer(0))
            for at, centre in enumerate(centres):
                learn_from_mean(given, centre, at, means[at], changes[at])
            for centre, change in zip(centres, changes, strict=True):
                with cgutils.for_range(b, centre.count, intp=v.index) as loop:
                    row = centre.input_row(loop.index)
                    for vector in range(given.vectors):
                        v.store(row, vector, v.add(v.load(row, vector), v.load(change, vector)))

        for centres in [given.centres] if given.room_for_two else [[centre] for centre in given.centres]:
            learn(centres)
        return context.get_dummy_value()

    return types.void(
        W_in, own_in, W_out, own_out, line, windows, targets, alpha, scratch, slopes, pairs, lines
    ), generate
