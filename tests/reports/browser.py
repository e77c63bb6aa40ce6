"""Pages in a real browser: files to show, and what is read off a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Locator, Page
from w2vbench.reports.file.files import read
from w2vbench.reports.file.schema.result import ResultFile

from tests import saved
from tests.processes import PATIENCE_S
from tests.saved import PROBLEM, PYTEST, SOURCE, STATUSES, Content, Processes, not_measured, row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
WIDE, PHONE = 1440, 360
STAGES = ("examples", "lookup", "sampling", "output", "scatter", "update")

Show = Callable[..., "View"]


def patient(page: Page) -> Page:
    """Return the page, which waits as long as the tests do: a busy browser may take longer than half a minute."""
    page.set_default_timeout(1000 * PATIENCE_S)
    return page


FAMILIES = dict.fromkeys(("one-hot", "loop", "chapter-3", "choice-per-row"), "textbook") | dict.fromkeys(
    ("numba", "numba-prefetch"), "compiled"
)


def timed(slug: str, wall_s: float | Processes, **more: Any) -> Content:
    """A measured case, with the family of its implementation."""
    family = FAMILIES.get(slug, "NumPy/SciPy")
    return row(slug, wall_s, family=family, baseline=family == "textbook", **more)


def growing(**a_word: float) -> list[Content]:
    """Cases at two vocabularies, by their times a word."""
    return [timed(slug.replace("_", "-"), s * V, V=V) for V in (10_000, 100_000) for slug, s in a_word.items()]


def every_status() -> ResultFile:
    """Two problems of ``lookup``, interrupted before a third, with two figures and one case of every status each; and one of ``scatter.dense``."""
    missing = [
        not_measured(f"implementation-{at}", status, f"since {'a-long-word-' * 12}", V=V)
        for V in (10_000, 100_000)
        for at, status in enumerate(STATUSES)
    ]
    scatter = [timed(slug, wall_s, kernel="scatter.dense") for slug, wall_s in (("numba", 2e-5), ("csr", 4e-5))]
    return saved.result(
        *(*growing(one_hot=1e-7, gather=1e-9), *scatter),
        not_measured=missing,
        complete=False,
        warnings=["the machine was busy"],
        sources={"lookup/gather": SOURCE},
    )


def many(V_: tuple[int, ...] = (1_000, 10_000, 30_000, 100_000, 1_000_000)) -> ResultFile:
    """Five kernels, two batches, ten implementations: five hundred cases at five vocabularies."""
    ways = [(f"kernel-{k}.variant", V, B, at) for k in range(5) for V in V_ for B in (10, 100) for at in range(10)]
    return saved.result(
        *[
            row(f"way-{at}", 1e-6 * (at + 1) * V**0.5, V=V, B=B, K=5, kernel=kernel, baseline=at == 0)
            for kernel, V, B, at in ways
        ]
    )


def partial() -> ResultFile:
    """``loop`` and ``gather`` at two vocabularies, ``take`` only at the smaller."""
    others = timed("take", 1e-4), timed("a|b", 1e-5, kernel='=HYPERLINK("http://example.org","x")')
    failed = not_measured("take", "timeout", 'too long,\nsaid "it"', V=100_000)
    return saved.result(*growing(loop=8e-8, gather=2e-8), *others, not_measured=[failed])


def stages() -> ResultFile:
    """Training with where a step's time goes: one implementation in six stages, one in two."""
    rows = [timed(slug, wall_s, kernel="training.cbow") for slug, wall_s in (("chapter-3", 1e-2), ("numba", 1e-5))]
    parts = [{name: 1.0 + at for at, name in enumerate(STAGES)}, {"examples + sampling": 7.0, "lookup to update": 8.0}]
    return saved.result(*rows, stages={case["name"]: part for case, part in zip(rows, parts, strict=True)})


def sizes() -> ResultFile:
    """``lookup`` at two vocabularies, two batches and two hidden sizes, and at two dtypes; profiled at one."""
    cases = [(V, B, H, "f32") for V in (1_000, 100_000) for B in (8, 100) for H in (100, 300)]
    rows = []
    for V, B, H, dtype in [*cases, (1_000, 8, 100, "f64")]:
        size: dict[str, Any] = {"V": V, "B": B, "H": H, "dtype": dtype}
        table: dict[str, Any] = {"read_bytes": 4.0 * V * H * B, "written_bytes": 0.0, "flops": 2.0 * V * H * B}
        some: dict[str, Any] = {"read_bytes": 4.0 * H * B, "written_bytes": 4.0 * H * B, "flops": 1.0}
        rows.append(timed("one-hot", 1e-8 * V * B, **size, **table))
        rows.append(timed("gather", 1e-10 * V * B, **size, **some))
    *decorators, last = SOURCE["code"].splitlines()
    hit = {"hits": 10, "time_s": 1e-5, "traced_bytes": 0, "traced_peak_bytes": 8_000_000}
    profile = saved.profile({line: {} for line in decorators} | {last: hit}, calls=10, first=SOURCE["line"])
    return saved.result(
        *rows,
        limits={"read": [[2.0**18, 8e9], [2.0**28, 8e9]], "matmul": {"f32": 5e10}},
        profiles={rows[1]["name"]: profile},
        sources={"lookup/gather": SOURCE},
    )


def no_one_hot() -> ResultFile:
    """``lookup`` at two vocabularies, at the larger without the one-hot product."""
    moved: Any = {"read_bytes": 800.0, "written_bytes": 400.0}
    rows = [timed(slug, 1e-6, V=V, **moved) for V in (10_000, 100_000) for slug in ("gather", "numba")]
    return saved.result(timed("one-hot", 1e-2, V=10_000, read_bytes=4e6, written_bytes=0.0), *rows)


def bags() -> ResultFile:
    """A kernel that another is a variant of, and two variants of one name."""
    sizes: dict[str, dict[str, int]] = {"lookup": {}, "lookup.bag": {"K": 5}, "scatter.bag": {"K": 5}}
    work: Any = {"read_bytes": 8e4, "written_bytes": 4e4, "flops": 2e4}
    rows = [
        timed(slug, wall_s, kernel=kernel, **size, **work)
        for kernel, size in sizes.items()
        for slug, wall_s in (("loop", 1e-4), ("numba", 1e-6 * (1 + len(kernel))))
    ]
    return saved.result(*rows, limits={"read": [[2.0**18, 8e9], [2.0**28, 8e9]], "matmul": {"f32": 5e10}})


def long_names() -> ResultFile:
    """Kernels and implementations with the longest names, at unlike sizes."""
    kernels = {
        "sampling.without-replacement": (100_000, 8),
        "output.negative-sampling": (100_000, 100),
        "training.skip-gram": (10_000, 300),
    }
    ways = {"choice-per-row": 1e-2, "sort-reduceat": 1e-5, "numba-prefetch": 1e-6}
    return saved.result(
        *[
            timed(slug, wall_s, V=V, B=B, kernel=kernel)
            for kernel, (V, B) in kernels.items()
            for slug, wall_s in ways.items()
        ]
    )


def on_threads(**suite: Any) -> ResultFile:
    """One-hot products that gain on more threads, a gather that does not, and a compiled loop that loses, on two CPUs; and a
    kernel that depends on nothing."""
    walls = {
        "one-hot": {1: (8e-3, 8.1e-3, 7.9e-3), 2: (4.3e-3, 4.2e-3, 4.4e-3), 4: (4.4e-3, 4.1e-3, 4.7e-3)},
        "one-hot-matmul": {1: (2e-3, 2.02e-3, 1.98e-3), 2: (1.5e-3, 1.52e-3, 1.48e-3), 4: (1.9e-3, 1.7e-3, 2.1e-3)},
        "gather": dict.fromkeys((1, 2, 4), (1e-5, 1.01e-5, 1.02e-5)),
        "numba": {1: (8e-6, 8.1e-6, 8.2e-6), 2: (8e-6, 8.1e-6, 8.3e-6), 4: (1.2e-5, 1.3e-5, 1.25e-5)},
    }
    rows = [
        timed(slug, saved.processes(*its[threads]), V=V, threads=threads)
        for V in (10_000, 100_000)
        for threads in (1, 2, 4)
        for slug, its in walls.items()
    ]
    rows += [timed("csr", 1e-4, V=100_000, kernel="scatter.dense", threads=threads) for threads in (1, 2, 4)]
    limits = {
        threads: {"read": [[2.0**18, 40e9], [2.0**28, read]], "copy": [[2.0**18, 30e9], [2.0**28, copy]]}
        for threads, read, copy in ((1, 8e9, 6e9), (2, 13e9, 8e9), (4, 13e9, 7e9))
    }
    environment = {"cpu": "Example CPU", "cpus_allowed": 2, "cpus_quota": None}
    fields = {"limits": limits[1], "limits_by_threads": limits, "environment": environment}
    return saved.result(*rows, **fields | suite)


FILES: dict[str, Callable[[], ResultFile]] = {
    "problem": lambda: read(PROBLEM),
    "pytest-benchmark": lambda: read(PYTEST),
    "every status": every_status,
    "one case": lambda: saved.result(row("gather", 1e-5)),
    "nothing measured": lambda: saved.result(not_measured=[not_measured("gather", "crashed", "signal SIGSEGV")]),
    "no cases": saved.result,
    "500 cases": many,
    "hostile": saved.hostile,
    "small": lambda: ResultFile.model_validate(saved.small()),
    "partial": partial,
    "stages": stages,
    "sizes": sizes,
    "no one-hot": no_one_hot,
    "bags": bags,
    "long names": long_names,
    "threads": on_threads,
}
LARGE = {"5,000 cases": lambda: many(tuple(range(1_000, 51_000, 1_000)))}


def other_batch() -> ResultFile:
    """``lookup`` at two vocabularies and B = 4; two other kernels at one vocabulary and B = 100, which most have."""
    rows = [
        row(slug, wall * V, V=V, B=4) for V in (10_000, 100_000) for slug, wall in (("take", 1e-9), ("gather", 2e-9))
    ]
    others = [row("csr", 4e-5, kernel=kernel, V=100_000, B=100) for kernel in ("scatter.dense", "scatter.rows")]
    return saved.result(*rows, *others)


FILES["other batch"] = other_batch


@dataclass
class View:
    """An open page, and all that it did which a page should not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        def dismiss(dialog: Dialog) -> None:
            self.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def locate(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def texts(self, selector: str) -> list[str]:
        return [" ".join(text.split()) for text in self.locate(selector).all_text_contents()]

    def unfold(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        self.page.wait_for_function("!document.querySelector('details.kernel[data-stale]')")

    def choose(self, name: str, value: str) -> None:
        """Choose a size, or what to compare with."""
        self.locate(f"#choose-{name} select").evaluate(
            "(select, value) => { select.value = value; select.dispatchEvent(new Event('change')); }", value
        )

    def cases(self, kernel: str = "lookup") -> list[list[str]]:
        """Rows of a kernel's table: slug, time and ratio; slug and reason where there are none."""
        rows: list[list[str]] = self.locate(f'details.kernel[data-kernel="{kernel}"] table.cases').first.evaluate(ROWS)
        return rows

    def overflow(self) -> int:
        """Pixels by which the document is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def violations(self) -> list[tuple[str, str]]:
        """What axe-core finds wrong, and in which element."""
        found = Axe().run(self.page).response["violations"]
        return [(one["id"], node["html"]) for one in found for node in one["nodes"]]


ROWS = """(table) => [...table.tBodies[0].rows].map((line) => [line.querySelector("th code").textContent,
  ...[...line.querySelectorAll("td.number, td.ratios .r, td[colspan]")].map((cell) => cell.textContent.trim())])"""
