"""The figures in the deck page's sentences, by name. One that a run did not measure has no entry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from w2vbench.reports.drawing.lines import total_s
from w2vbench.reports.file.frame import speedup, wall_s
from w2vbench.reports.file.memory import call_peak, setup_peak
from w2vbench.reports.file.schema.result import ResultFile, Row, SizeRecord
from w2vbench.reports.findings.answers import answers, slower_text
from w2vbench.reports.findings.reasons import moved
from w2vbench.reports.statistics.units import inverse, scaled, seconds, share, size_bytes, three, two

from .printed import ADD_AT, FIGURES, GATHER, LOOP, ONE_HOT, PRINTED_UNIT_S
from .screens import ACCUMULATE, BATCH, BOOK, FULL, LOOP_DENSE, ROWS

GROWTHS = {
    "one_hot_growth": "lookup/one-hot-dot",
    "gather_growth": "lookup/gather",
    "softmax_growth": "output.softmax/full",
    "choice_growth": "sampling.without-replacement/choice-per-row",
    "cdf_growth": "sampling.without-replacement/cdf-redraw",
    "book_growth": "output.negative-sampling/book-layers",
    "ns_rows_growth": "output.negative-sampling/einsum-rows",
}
"""By how much the time of these grows from the least to the largest V of the deck."""
FROM_V, TO_V = 10**4, 10**6
TIMES = {
    "one_hot": ONE_HOT,
    "gather": GATHER,
    "loop": LOOP,
    "add_at": ADD_AT,
    "softmax": FULL,
    "book": BOOK,
    "ns_rows": ROWS,
    "adam": f"update.adam/dense@{BATCH}",
    "loop_dense": LOOP_DENSE,
    "lazy": f"update.lazy-adam/rows@{BATCH}",
}


@lru_cache(maxsize=1)
def facts(result: ResultFile) -> dict[str, str]:
    """Return the figures that the run has, as text."""
    rows = {row.case: row for row in result.benchmarks}
    found: dict[str, str | None] = {name: seconds(wall_s(rows[case])) for name, case in TIMES.items() if case in rows}
    found |= {name: growth(key, result.benchmarks) for name, key in GROWTHS.items()}
    found |= input_layer(result, rows) | layer_rows(result) | examples(result)
    if FULL in rows:
        peak = call_peak(rows[FULL].extra_info)
        found["softmax_memory"] = str(peak) if peak else None
    if BOOK in rows and (kept := setup_peak(rows[BOOK].extra_info)):
        found["book_kept"] = str(kept)
    if BOOK in rows and (bytes_moved := moved(rows[BOOK])):
        size = rows[BOOK].extra_info.size
        found |= {
            "book_moved": size_bytes(bytes_moved),
            "book_rows": str(size.K + 1),
            "row_bytes": size_bytes(size.H * item_bytes(size)),
        }
    if profile := result.w2vbench.profiles.get(LOOP_DENSE):
        zeroing = sum(line.time_s or 0 for line in profile.lines if line.text.strip() == "dW[...] = 0")
        found["zeroing_share"] = share(zeroing / (total_s(profile) or 1.0))
    packages = result.w2vbench.environment.get("packages")
    found["numpy"] = str(packages["numpy"]) if isinstance(packages, dict) and packages.get("numpy") else None
    return {name: text for name, text in found.items() if text is not None}


def by_vocabulary(key: str, rows: Iterable[Row]) -> dict[int, Row]:
    """Return an implementation's cases by their V."""
    return {row.extra_info.size.V: row for row in rows if row.case.partition("@")[0] == key}


def growth(key: str, rows: Iterable[Row]) -> str | None:
    """Return how many times as long a case takes at the largest V as at the least: ``110×``."""
    its = by_vocabulary(key, rows)
    return f"{two(wall_s(its[TO_V]) / wall_s(its[FROM_V]))}×" if FROM_V in its and TO_V in its else None


def item_bytes(size: SizeRecord) -> int:
    return int(size.dtype[1:]) // 8


def table_bytes(size: SizeRecord) -> float:
    return float(size.V * size.H * item_bytes(size))


def input_layer(result: ResultFile, rows: dict[str, Row]) -> dict[str, str | None]:
    """The table's bytes, and how fast they were read: as the deck prints it, as it must be read, and here."""
    if ONE_HOT not in rows:
        return {}
    size, ticks = rows[ONE_HOT].extra_info.size, FIGURES[0].ticks[0]
    table = table_bytes(size)
    profile = result.w2vbench.profiles.get(GATHER)
    return {
        "table": size_bytes(table),
        "one_hot_caches": caches_growth(result),
        "result_bytes": size_bytes(size.B * size.H * item_bytes(size)),
        "one_hot_bytes": size_bytes(size.V * item_bytes(size)),
        "claimed_rate": scaled(table / (ticks * 1e-9), "B/s"),
        "read_rate": scaled(table / (ticks * PRINTED_UNIT_S), "B/s"),
        "one_hot_rate": scaled(table / wall_s(rows[ONE_HOT]), "B/s"),
        "hook": seconds(profile.hook_s) if profile else None,
    }


STEEP = 15
"""A product that takes more than so many times as long for ten times the words does not grow with V alone."""


def caches_growth(result: ResultFile) -> str:
    """Return a sentence on where the product grows faster than V, if the last cache holds the small table and not the large one."""
    its = by_vocabulary(GROWTHS["one_hot_growth"], result.benchmarks)
    cache = last_cache_bytes(result.w2vbench.environment.get("caches"))
    if FROM_V not in its or 10 * FROM_V not in its or not cache:
        return ""
    small, large = its[FROM_V], its[10 * FROM_V]
    sizes = [table_bytes(one.extra_info.size) for one in (small, large)]
    ratio = wall_s(large) / wall_s(small)
    if ratio <= STEEP or not sizes[0] < cache < sizes[1]:
        return ""
    rates = [scaled(size / wall_s(one), "B/s") for size, one in zip(sizes, (small, large), strict=True)]
    return (
        f" Already at 100,000 words it takes {two(ratio)}×, and not 10×: the last cache ({size_bytes(cache)}) holds the table of "
        f"{size_bytes(sizes[0])} (read at {rates[0]}), and not that of {size_bytes(sizes[1])} (read at {rates[1]})."
    )


def last_cache_bytes(caches: object) -> float:
    """The size of the cache before memory; 0 if the file does not have it. Sizes are written as ``32768K`` or ``32M``."""
    size = str(caches.get("L3", "")) if isinstance(caches, dict) else ""
    return int(size[:-1]) * {"K": 2**10, "M": 2**20}[size[-1]] if re.fullmatch(r"[0-9]+[KM]", size) else 0.0


def layer_rows(result: ResultFile) -> dict[str, str | None]:
    """How np.add.at does on rows, and what is fastest there."""
    answer = answers(result).get(f"scatter.accumulate@{ACCUMULATE}")
    if not answer:
        return {}
    its = {row.slug: row for row in answer.rows}
    found: dict[str, str | None] = {"rows_best": answer.use.slug, "rows_best_s": seconds(wall_s(answer.use))}
    if (ratio := speedup(its["add-at"], its.get("loop")) if "add-at" in its else None) is not None:
        found["add_at_rows"] = (
            "does not clearly differ from the loop"
            if ratio.low is not None and ratio.includes(1)
            else f"is {slower_text(inverse(ratio))} than the loop"
        )
    if numpy := answer.best("NumPy/SciPy"):
        found |= {"rows_numpy": numpy.slug, "rows_numpy_s": seconds(wall_s(numpy))}
    return found


def examples(result: ResultFile) -> dict[str, str | None]:
    """What the worked examples of the run found."""
    deck = result.w2vbench.deck
    if not deck or not deck.dots:
        return {}
    dots = deck.dots
    differences = {"score": dots.score_difference, "dh": dots.dh_difference, "table": dots.table_difference}
    found: dict[str, str | None] = {f"dots_{of}": three(one) for of, one in differences.items()}
    return found | {"dots_V": str(dots.V), "dots_H": str(dots.H)}
