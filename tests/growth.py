"""How the time of the suite's own work grows with what it is given: ``python -m tests.growth``.

Each line is measured once; a file is loaded in a process of its own, which has imported pandas. Files are made from a few
figures, as the tests make them.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.identity.digest import implementation_identity
from w2vbench.impls.identity.trees import Tree
from w2vbench.impls.interface import Implementation
from w2vbench.reports.file.frame import load
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.others import history
from w2vbench.reports.others.history_page import html as history_html
from w2vbench.reports.others.stored_runs import stored
from w2vbench.reports.run.page import html

from tests.reports.browser import many
from tests.saved import Content, content, row, text

CASES = 340
"""As many as a default run has."""
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def cases(number: int) -> list[Content]:
    """Rows of four implementations at one vocabulary after another."""
    slugs = ("one-hot-dot", "take", "gather", "numba")
    return [
        row(slugs[at % 4], (1 + at % 4) * 1e-6, V=1_000 * (1 + at // 4), B=100, baseline=at % 4 == 0)
        for at in range(number)
    ]


def stored_runs(folder: Path, first: int, last: int) -> None:
    """Store runs, one a day; their times differ by some per cent, and at half of them they rise."""
    rng, rows = np.random.default_rng(0), cases(CASES)
    for at in range(first, last):
        for one in rows:
            one["extra_info"]["processes"] = [
                {"wall_s": [wall] * 6, "cpu_s": [wall] * 6, "setup_s": None, "adapt_s": None}
                for wall in 1e-6 * (1.1 if at > 500 else 1.0) * rng.normal(1, 0.02, 3)
            ]
        made = content(*rows) | {
            "datetime": (FIRST + timedelta(days=at)).isoformat(),
            "commit_info": {"id": f"{at:040x}", "dirty": False},
        }
        (folder / f"{at:05}.json").write_text(text(made))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def history_lines() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder, size = Path(name), 0

        def page() -> None:
            nonlocal size
            runs, left_out = stored(folder)
            trends = history.trends(runs)
            for trend in trends:
                history.find_all_changes(trend, 0.1)
            size = len(history_html(trends, left_out, 0.1).encode())

        before = 0
        for number in (100, 200, 500, 1_000):
            stored_runs(folder, before, number)
            new = seconds(page)
            yield (
                f"history of {number:5,} runs: {seconds(page):5.2f} s, {size / 1e6:.2f} MB; "
                f"{new:5.2f} s with {number - before} that are new"
            )
            before = number


def load_lines() -> Iterator[str]:
    for number in (5_000, 20_000, 50_000):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "result.json"
            path.write_text(json.dumps(content(*cases(number))))
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                took = pool.submit(load_seconds, path).result()
            yield f"load of {number:6,} rows ({path.stat().st_size / 1e6:.0f} MB): {took:5.2f} s"


def load_seconds(path: Path) -> float:
    import pandas  # noqa: F401

    return seconds(partial(load, path))


def page_lines() -> Iterator[str]:
    for vocabularies in (5, 10, 50):
        made = many(tuple(range(1_000, 1_000 * (vocabularies + 1), 1_000)))
        size = 0

        def page(made: ResultFile = made) -> None:
            nonlocal size
            size = len(html(made).encode())

        took = seconds(page)
        yield f"page of {len(made.benchmarks):5,} cases: {took:5.2f} s, {size / 1e6:.2f} MB"


def identity_lines() -> Iterator[str]:
    root, every = Path(catalogue.__file__).parents[2], list(catalogue.own())
    for part in (len(every) // 4, len(every) // 2, len(every)):

        def identities(some: Sequence[Implementation] = every[:part]) -> None:
            for one in some:
                implementation_identity(
                    one, Tree(root, (root, root / "src", Path(one.function.__code__.co_filename).parent))
                )

        yield f"code identity of {part:4} implementations: {seconds(identities):5.2f} s"


if __name__ == "__main__":
    for lines in (identity_lines, load_lines, page_lines, history_lines):
        for line in lines():
            print(line, flush=True)
