"""The steps of compiled training, as numba intrinsics for compiled functions. ``impls/compiling/intrinsics/training_rows.py`` has their parts."""

from __future__ import annotations

from typing import Any

from ..functions import machine_code
from .rows import prefetch_line
from .training_rows import (
    UNIT_FLOATS,
    Centre,
    StepArguments,
    learn_from_means,
    move,
    outputs_of,
    rows_together,
    score,
    store_mean,
)
from .vectors import LINE_FLOATS, Vectors, array_parts


@machine_code
def word_address(typing: Any, table: Any, own: Any, word: Any) -> Any:
    """Return the address of a word's row: in the thread's own table if it has that row, else in the shared one.

    There is no branch: it is often one and often the other, which a processor could not predict.
    """
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(b)
        at = context.cast(b, arguments[2], word, types.int64)
        (shared, _, (stride, _)), (mine, (rows, _), _) = (
            array_parts(context, b, *its) for its in ((table, arguments[0]), (own, arguments[1]))
        )
        start = b.select(b.icmp_signed("<", at, rows), mine, shared)
        return b.ptrtoint(b.gep(start, [b.mul(at, stride)]), v.index)

    return types.int64(table, own, word), generate


@machine_code
def prefetch_to_write(typing: Any, address: Any, units: Any) -> Any:
    """Prefetch the row at an address, for writing. Of units, the used units of a row, only the length counts."""
    from numba.core import types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(b)
        start = b.inttoptr(arguments[0], v.number.as_pointer())
        for line in range(-(-len(units) * UNIT_FLOATS // LINE_FLOATS)):
            prefetch_line(b, start, v.integer(line * 4 * LINE_FLOATS), to_write=True)
        return context.get_dummy_value()

    return types.void(types.int64, units), generate


@machine_code
def skip_gram_slopes(typing: Any, given: Any, windows: Any) -> Any:
    """Compute the slopes of each context's input row with the K + 1 output rows of its centre, for ``skip_gram_moves``.

    Parameters
    ----------
    given
        See ``StepArguments``.
    windows
        Of each centre of the step, where in the line the window begins, where the centre is, and where the window ends: a tuple
        of tuples of three int64. The first window has at least one context; others may have none.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        its = StepArguments(context, b, given, arguments[0])
        centres = its.centres(cgutils.unpack_tuple(b, arguments[1], len(windows)))
        v, most = its.v, rows_together(its.pairs)

        def scored(centre: Centre, at: Any, together: int) -> None:
            rows = [centre.input_row(b.add(at, v.integer(i))) for i in range(together)]
            first = b.add(centre.first, at)
            for i, row in enumerate(rows):
                its.keep_address(b.add(first, v.integer(i)), row)
            score(its, rows, [(row, k, range(together)) for k, row in enumerate(centre.rows)], first)

        for centre in centres:
            with cgutils.for_range(b, b.udiv(centre.count, v.integer(most)), intp=v.index) as loop:
                scored(centre, b.mul(loop.index, v.integer(most)), most)
            for some in [some for some in (2, 1) if some < most]:  # what is left
                with b.if_then(b.icmp_unsigned("!=", b.and_(centre.count, v.integer(some)), v.integer(0))):
                    scored(centre, b.and_(centre.count, v.integer(-2 * some)), some)
        its.slopes.replace_scores(b.add(centres[-1].first, centres[-1].count))
        return context.get_dummy_value()

    return types.void(given, windows), generate


@machine_code
def skip_gram_moves(typing: Any, given: Any, windows: Any) -> Any:
    """Change each context's input row and the K + 1 output rows of its centre, both by the other's old values and the slopes of
    ``skip_gram_slopes``. A word that is in the windows twice changes twice, in turn.

    The parameters are the same. The slopes take a while: something else, such as drawing negatives, fits in between.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        its = StepArguments(context, b, given, arguments[0])
        move(its, its.centres(cgutils.unpack_tuple(b, arguments[1], len(windows))))
        return context.get_dummy_value()

    return types.void(given, windows), generate


@machine_code
def cbow_slopes(typing: Any, given: Any, windows: Any) -> Any:
    """Compute the slopes of the mean of each window's input rows with the K + 1 output rows of its centre, for ``cbow_moves``.

    Centres that are given together share the step's negatives, and are scored by rows as they were: one alone would mostly wait
    for its own results.

    Parameters
    ----------
    given
        See ``StepArguments``.
    windows
        A tuple of that of one centre, or of those of two: see ``skip_gram_slopes``. Each has at least one context.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        its = StepArguments(context, b, given, arguments[0])
        centres = its.centres(cgutils.unpack_tuple(b, arguments[1], len(windows)))
        means = [its.mean_row(2 * at) for at in range(len(centres))]
        for centre, mean in zip(centres, means, strict=True):
            store_mean(its, centre, mean)
        score(its, means, outputs_of(centres), its.v.integer(0))
        its.slopes.replace_scores(its.v.integer(len(centres)))
        return context.get_dummy_value()

    return types.void(given, windows), generate


@machine_code
def cbow_moves(typing: Any, given: Any, windows: Any) -> Any:
    """Change the output rows one after another, then the input rows: each context's by the whole change of its centre's mean.

    The parameters are those of ``cbow_slopes``.
    """
    from numba.core import cgutils, types

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        its = StepArguments(context, b, given, arguments[0])
        centres, v = its.centres(cgutils.unpack_tuple(b, arguments[1], len(windows))), its.v
        learn_from_means(its, centres)
        for at, centre in enumerate(centres):
            with cgutils.for_range(b, centre.count, intp=v.index) as loop:
                row = centre.input_row(loop.index)
                for piece in its.pieces:
                    piece.store(row, v.add(piece.load(row), piece.load(its.mean_row(2 * at + 1))))
        return context.get_dummy_value()

    return types.void(given, windows), generate
