"""The steps of compiled training, as numba intrinsics for compiled functions. ``impls/training/rows.py`` has their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiled import machine_code
from ..machine import prefetch_line
from ..vectors import LINE, Vectors
from .rows import Centre, StepArguments, learn_from_mean, move, score, store_mean


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
    slopes: Any, kept: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train each context's input row against the K + 1 output rows of its centre. Scores are of rows as they were, and both sides
    change by the other's old values. A word that is in the window twice changes twice, in turn.

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
    slopes
        8 ceil((K + 1) / 8) floats for each context, and 16 more.
    kept
        Here the addresses of a window's input rows are kept, (contexts,) int64.
    pairs, lines
        Tuples of K + 1 and width / 16 items.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v, most = given.v, given.together

        def scored(centre: Centre, first: Any, together: int) -> None:
            rows = [centre.input_row(b.add(first, v.integer(i))) for i in range(together)]
            for i, row in enumerate(rows):
                given.keep_address(b.add(first, v.integer(i)), row)
            score(given, [(centre, rows)], first)

        for centre in given.centres:
            with cgutils.for_range(b, b.udiv(centre.count, v.integer(most)), intp=v.index) as loop:
                scored(centre, b.mul(loop.index, v.integer(most)), most)
            for some in [some for some in (2, 1) if some < most]:  # what is left
                with b.if_then(b.icmp_unsigned("!=", b.and_(centre.count, v.integer(some)), v.integer(0))):
                    scored(centre, b.and_(centre.count, v.integer(-2 * some)), some)
            move(given, centre)
        return context.get_dummy_value()

    return types.void(W_in, own_in, W_out, own_out, line, windows, targets, alpha, slopes, kept, pairs, lines), generate


@machine_code
def cbow_step(
    typing: Any, W_in: Any, own_in: Any, W_out: Any, own_out: Any, line: Any, windows: Any, targets: Any, alpha: Any,
    slopes: Any, kept: Any, pairs: Any, lines: Any,
) -> Any:  # fmt: skip
    """Train the mean of each window's input rows against the K + 1 output rows. Each context's row moves by the whole change.

    Centres that are given together are scored together, by rows as they were: one alone would mostly wait for its own results.
    Parameters are those of ``skip_gram_step``, but in kept are means and changes: (rows, width) float32, two rows for each centre.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        given = StepArguments(context, b, signature.args, arguments)
        v = given.v

        def learn(centres: Sequence[Centre]) -> None:
            means, changes = (
                [given.kept_row(v.integer(2 * at + part)) for at in range(len(centres))] for part in (0, 1)
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

        for centres in [given.centres] if given.together > 1 else [[centre] for centre in given.centres]:
            learn(centres)
        return context.get_dummy_value()

    return types.void(W_in, own_in, W_out, own_out, line, windows, targets, alpha, slopes, kept, pairs, lines), generate
