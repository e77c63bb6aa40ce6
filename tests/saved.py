"""Result files to test reports on, so that nothing is timed: real ones in ``tests/data``, others made here from a few figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_benchmark.stats import Stats
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Case, Size
from w2vbench.reports.file.schema.result import ResultFile

DATA = Path(__file__).with_name("data")
PROBLEM = DATA / "run.json"
"""A real run of ``lookup`` at four vocabularies in three processes, its machine made anonymous."""

PYTEST = DATA / "pytest-benchmark.json"
"""A real file of ``pytest --benchmark``, made anonymous too: no processes."""

STATUSES = ("wrong", "skipped", "timeout", "out of memory", "crashed", "error")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(2)">',
    "{{ 7*7 }}",
    "</script><script>alert(3)</script>",
)

LONG = "unbreakable" * 30

HERE: dict[str, Any] = {"cpu": "A", "cpus_allowed": 4, "memory_bytes": 16 * 2**30, "machine": "x86_64"}
"""The environment of a machine: "A, 4 CPUs, 16 GiB"."""

UNITS = {kernel.name: kernel.unit for kernel in catalogue.kernels(catalogue.own())}

Content = dict[str, Any]
Processes = Sequence[Sequence[float | None]]


def row(
    slug: str,
    wall_s: float | Processes,
    *,
    V: int = 10_000,
    H: int = 100,
    B: int = 100,
    K: int = 0,
    dtype: str = "f32",
    threads: int = 1,
    kernel: str = "lookup",
    baseline: bool = False,
    title: str = "",
    **extra: Any,
) -> Content:
    """A measured case. wall_s: seconds a call in each round of each process; one figure stands for three steady processes."""
    size = Size(V=V, H=H, B=B, K=K, dtype=dtype, threads=threads)
    case = Case(kernel, slug, size)
    processes: Processes = [[wall_s] * 6] * 3 if isinstance(wall_s, float) else wall_s
    statistics = Stats()
    statistics.data = [sample for process in processes for sample in process if sample is not None]
    return {
        "group": case.problem,
        "name": str(case),
        "fullname": str(case),
        "params": None,
        "param": None,
        "extra_info": {
            "kernel": kernel,
            "implementation": slug,
            "title": title or f"the {slug} way",
            "size": vars(size),
            "baseline": baseline,
            "unit": UNITS.get(kernel, ""),
            "processes": [one_process(process) for process in processes],
            **extra,
        },
        "options": {},
        "stats": statistics.as_dict() | {"iterations": 1},
    }


def one_process(figures: Sequence[float | None]) -> Content:
    """One process of a case."""
    return {"wall_s": list(figures), "cpu_s": list(figures), "setup_s": None, "adapt_s": None}


def processes(*figures: float) -> list[list[float | None]]:
    """Processes of six rounds, in each of which every round takes the same."""
    return [[figure] * 6 for figure in figures]


def without_processes(slug: str, wall_s: float, **options: Any) -> Content:
    """A case as the pytest-benchmark engine writes it: its name in brackets, and statistics, but no processes."""
    made = row(slug, wall_s, **options)
    case = made["name"]
    made.update(name=f"test_kernel[{case}]", fullname=f"bench/test_kernels.py::test_kernel[{case}]", param=case)
    made["extra_info"].update(processes=[], cpu_s=wall_s)
    return made


def not_measured(
    slug: str, status: str, reason: str, *, V: int = 10_000, kernel: str = "lookup", title: str = ""
) -> Content:
    """A case without figures."""
    size, title = Size(V=V), title or f"the {slug} way"
    whose = {"case": str(Case(kernel, slug, size)), "kernel": kernel, "implementation": slug, "title": title}
    return {**whose, "size": vars(size), "status": status, "reason": reason}


SOURCE: Content = {
    "file": "impls/lookup.py",
    "line": 7,
    "code": "@lookup.implementation('gather')\ndef gather(W, idx):\n    return W[idx]\n",
}


def profile(lines: Mapping[str, Content], *, calls: int = 1, first: int = 1) -> Content:
    """A line profile: what is known of each line, by its text; and the number of the first."""
    numbered = [{"number": number, "text": line, **known} for number, (line, known) in enumerate(lines.items(), first)]
    return {"calls": calls, "unit_s": 1e-9, "hook_s": 2e-7, "lines": numbered}


def text(content: Content) -> str:
    """A file's text, whatever is wrong with its content."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def content(*rows: Content, **suite: Any) -> Content:
    """A whole result file with some measured cases; suite: fields of its ``w2vbench`` part."""
    return {
        "machine_info": {"node": "example", "machine": "x86_64", "cpu": {"brand_raw": "Example CPU", "count": 2}},
        "commit_info": {"id": "0123456", "dirty": False},
        "benchmarks": list(rows),
        "datetime": "2026-01-02T03:04:05.678901+00:00",
        "version": "5.3.1",
        "w2vbench": {
            "schema_version": 1,
            "engine": "run",
            "command": "w2vbench run --preset quick",
            "kernels": {"lookup": "rows of W by word id", "scatter.dense": "the gradient of W, V × H"},
            "environment": {"cpu": "Example CPU", "packages": {"numpy": "2.0.0"}},
            **suite,
        },
    }


def result(*rows: Content, **suite: Any) -> ResultFile:
    """What ``read`` makes of such a file."""
    return ResultFile.model_validate(content(*rows, **suite))


TOO_LONG = "problem took longer than 30 s (--time-limit)"
ONE_HOT_PRODUCT: Content = {"read_bytes": 4e7, "written_bytes": 0, "moves_more": True}


def small() -> Content:
    """A file whose every printed figure can be worked out in one's head.

    The one-hot product takes 1 ms and ten times as long at ten times the vocabulary; gather takes 10 µs at both, so it
    is 100 and 1,000 times faster. At V = 100,000 the table is 40 MB, read in 10 ms: half of the 8 GB/s that the machine
    reads at any working set; a call costs 1 µs, a tenth of what gather takes. The
    scatter problem lacks its baseline; of its two implementations with figures, one takes half as long as the other.
    """
    return content(
        row("one-hot", 1e-3, baseline=True, title="one-hot × W", peak_bytes=40_000, touched_rows=64.6),
        row("gather", 1e-5, title="W[idx]", peak_bytes=999, touched_rows=64.6),
        row("one-hot", 1e-2, V=100_000, baseline=True, title="one-hot × W", peak_bytes=400_000, **ONE_HOT_PRODUCT),
        row("gather", 1e-5, V=100_000, title="W[idx]", peak_bytes=999),
        row("csr", 4e-5, kernel="scatter.dense", title="CSR: columns | rows", peak_bytes=4_000_000),
        row("numba", 2e-5, kernel="scatter.dense", title="=numba, a loop", peak_bytes=4_000_000),
        not_measured=[
            not_measured("take", "skipped", "needs: pip install a|b\nand more"),
            not_measured("add-at", "timeout", TOO_LONG, kernel="scatter.dense", title="np.add.at"),
            not_measured("assign", "wrong", "duplicates are lost", kernel="scatter.dense", title="dW[idx] = dout"),
        ],
        limits={"read": [[2.0**18, 8e9], [2.0**28, 8e9]]},
        limit_samples={"lookup@V=1e5,H=100,B=100,f32,i64,zipf,t1": {"call": [one_process([1e-6] * 6)] * 3}},
        warnings=["the machine was busy"],
        corpus={"name": "sotu", "streams": {"10000": "98% of the words", "100000": "all of the words"}},
        settings={"processes": 3, "rounds": 6},
        sources={"lookup/gather": SOURCE},
    )


def hostile() -> ResultFile:
    """A file that tries to run code on the page from every text in it, and to push the page apart with a long word."""
    script, image, template, end = HOSTILE
    named = (("b", image), ("c", template), ("d", end))
    rows = [row("one-hot", 1e-3 * V / 10_000, V=V, baseline=True, title=script) for V in (10_000, 100_000)]
    rows += [row(slug, 1e-5, V=V, title=title) for V in (10_000, 100_000) for slug, title in named]
    for made in rows:
        if made["extra_info"]["implementation"] == "b":
            made["extra_info"]["implementation"] = image
            made["name"] = made["fullname"] = made["name"].replace("/b@", f"/{image}@")
    rows += [row("f", 1e-5, V=V, kernel=end) for V in (10_000, 100_000)]  # its plot's title stands in the page's script
    failures = zip(range(10_000, 10_006), STATUSES, HOSTILE * 2, strict=False)
    everything = "".join((*HOSTILE, LONG))
    packages = dict.fromkeys((*HOSTILE, LONG), script)
    return result(
        *rows,
        not_measured=[not_measured("e", status, f"{status}: {text}", V=V, title=text) for V, status, text in failures],
        command=f"w2vbench run --impl {script}{image}{template}{end}{LONG}",
        warnings=[*HOSTILE, LONG],
        kernels={"lookup": everything},
        environment={"cpu": everything, "packages": packages, script: end, LONG: LONG},
        settings=dict.fromkeys(HOSTILE, everything),
        corpus={"streams": dict.fromkeys(HOSTILE, everything)},
        sources={f"lookup/{text}": {"file": text + LONG, "line": 1, "code": text + LONG} for text in HOSTILE},
    )
