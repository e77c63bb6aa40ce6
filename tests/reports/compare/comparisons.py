"""Comparisons to show, made from a few figures."""

from __future__ import annotations

from typing import Any

from w2vbench.reports.compare.files import FEWEST, compare_files
from w2vbench.reports.compare.tables import FEW, LeftOut
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.facts import UNSTEADY

from tests import saved

SIZE = "V=1e4,H=100,B=100,f32,i64,zipf,t1"


def case(slug: str, verdict: str, **fields: Any) -> ComparedRow:
    """A case with a verdict; its ratio as one figure or as (estimate, low, high)."""
    for name in ("ratio", "control", "mean"):
        if name in fields:
            figures = fields[name] if isinstance(fields[name], tuple) else (fields[name],)
            fields[name] = dict(zip(("estimate", "low", "high"), figures, strict=False))
    named = {"case": f"lookup/{slug}@{SIZE}", "kernel": "lookup", "implementation": slug, "title": f"the {slug} way"}
    return ComparedRow.model_validate({**named, "verdict": verdict, **fields})


def compared(*cases: ComparedRow, **fields: Any) -> Comparison:
    return Comparison.model_validate({"base": "v1.0", "head": "HEAD", "threshold": 0.02, **fields, "cases": cases})


def with_texts(text: str) -> Comparison:
    """A comparison with one text wherever a file may have any."""
    return compared(
        case("a", "wrong", case=text, why=text, file=text),
        case("b", "slower", case=f"{text} ", ratio=1.5, acknowledged=text),
        **dict.fromkeys(("base", "head"), text),
        **{name: [text] for name in ("caveats", "added", "removed")},
        renamed=[(text, text)],
        skipped={text: [text]},
    )


def two_files(base: ResultFile, head: ResultFile, *, threshold: float = 0.02, across: bool = False) -> Comparison:
    return compare_files(base, head, ("base.json", "head.json"), threshold, across)


def verdicts(found: Comparison) -> dict[str, str]:
    return {one.implementation: one.verdict for one in found.cases}


def unlike_runs() -> Comparison:
    """Two runs of other versions, on machines of other speed; one was interrupted, and the other's machine changed its speed."""
    before: dict[str, Any] = {"python": "3.11.1", "packages": {"numpy": "2.0.0", "scipy": "1.13", "rich": "1"}}
    after = {"python": "3.12.0", "packages": {"numpy": "2.1.0", "scipy": "1.13", "numba": "0.60", "rich": "2"}}
    rows = [[saved.row(f"way-{at}", wall_s) for at in range(FEWEST)] for wall_s in (1e-5, 1.1e-5)]
    base = saved.result(*rows[0], complete=False, environment=saved.HERE | before)
    return two_files(
        base, saved.result(*rows[1], environment=saved.HERE | after | {"clock_variation": UNSTEADY + 0.01})
    )


PLACE = {"file": "impls/lookup.py", "line": 7}


def everything() -> Comparison:
    """A comparison with each verdict, and all else that can be said of one."""
    time: dict[str, Any] = {"ratio": (1.001, 0.992, 1.01), "control": (0.999, 0.99, 1.008), "mean": (1.004, 0.97, 1.05)}
    return compared(
        case("same", "same", **time, base_s=1e-5, head_s=1.001e-5, setup="same", base_setup_s=0.02, head_setup_s=0.021,
             memory="same", base_bytes=4_000, head_bytes=4_000, processes=5),
        case("gather", "slower", ratio=(1.0512, 1.032, 1.07), control=(1.001, 0.99, 1.01), base_s=1e-5, head_s=1.05e-5,
             memory="more", base_bytes=999, head_bytes=40_000, processes=27, **PLACE),
        case("take", "slower", ratio=(3.0, 2.9, 3.1), base_s=1e-5, head_s=3e-5, acknowledged="checks its indices", **PLACE),
        case("spiky", "slower", ratio=1.0, mean=1.5, why="in the mean, by 50.0%: some calls take much longer", **PLACE),
        case("prepared", "same", setup="slower", base_setup_s=0.01, head_setup_s=0.05),
        case("fast", "faster", ratio=(0.8, 0.75, 0.85), memory="less", base_bytes=2_000, head_bytes=1_000),
        case("unsteady", "same", memory="unknown", base_bytes=4_000, head_bytes=9_000),
        case("half-known", "same", memory="unknown", head_bytes=9_000),
        case("add-at", "wrong", why="duplicates | are lost", acknowledged="meant", **PLACE),
        case("numba", "broken", why="HEAD: timeout: longer than 30 s"),
        case("csr", "failed", why="not comparable: HEAD needs scipy, which is not installed", **PLACE),
        *[case(f"noisy-{n}", "inconclusive", why="the interval includes the threshold") for n in range(4)],
        added=[f"lookup/new@{SIZE}"],
        removed=[f"lookup/old@{SIZE}"],
        renamed=[(f"lookup/a@{SIZE}", f"lookup/b@{SIZE}")],
        skipped={LeftOut.SAME_CODE: ["x", "y"], "over the budget": ["z"]},
        caveats=["pyproject.toml differs"],
        seconds=12.3456,
    )  # fmt: skip


def of_packages() -> Comparison:
    """The same code in two environments: what was asked for, what differs too, and what is the same."""
    packages = {"llvmlite": "0.45.1", "numba": "0.62.1", "numpy": "2.2.6", "scipy": "1.17.1"}
    before = {
        "requirements": ["numba==0.62.*"],
        "python": "3.11.7",
        "packages": packages,
        "blas": "openblas 0.3.29, kernels for SkylakeX",
    }
    newer = packages | {"numba": "0.63.1", "llvmlite": "0.46.0", "extra": "1.0"}
    after = before | {"requirements": ["numba==0.63.*"], "packages": newer}
    return compared(
        case("numba", "slower", ratio=(1.61, 1.58, 1.64), base_s=1e-5, head_s=1.61e-5, processes=27, **PLACE),
        case("numba-prefetch", "inconclusive", ratio=(1.02, 0.98, 1.06), base_s=1e-5, head_s=1.02e-5, why="the interval includes the threshold"),
        base="numba 0.62.1",
        head="numba 0.63.1",
        environments=[before, after],
        skipped={LeftOut.UNAFFECTED: ["x", "y"], LeftOut.TOO_MANY: ["z"]},
    )  # fmt: skip


SWOLLEN: dict[str, Any] = {"memory": "more", "base_bytes": 999, "head_bytes": 40_000}
SITUATIONS = {
    "each verdict": everything(),
    "all is well": compared(case("a", "same"), case("b", "faster"), threshold=0.005),
    "slower on purpose": compared(case("a", "same"), case("b", "slower", ratio=1.5, acknowledged="it checks more")),
    "more memory alone": compared(case("a", "faster", **SWOLLEN)),
    "unknown": compared(case("a", "same"), case("b", "inconclusive", why="noise")),
    "no time for some": compared(case("a", "same"), skipped={"no time": ["x", "y"]}, over_budget=["x", "y"]),
    "no time, and slower": compared(case("a", "slower", ratio=1.5), over_budget=["x"]),
    "two runs": compared(case("a", "slower", ratio=1.5), interleaved=False),
    "times that have another ratio": compared(
        case("a", "slower", ratio=(3.16, 2.68, 3.71), base_s=7.9e-6, head_s=12.5e-6),
        case("b", "slower", ratio=(3.16, 1.40, 7.20), base_s=7.9e-6, head_s=12.5e-6),
    ),
    "few with one reason": compared(*[case(f"c{n}", "failed", why="crashed") for n in range(FEW)]),
    "CPU time of several threads": compared(
        *[
            case(slug, "same", case=f"lookup/{slug}@{SIZE[:-1]}{threads}", base_cpu_s=base, head_cpu_s=head)
            for slug, threads, base, head in (
                ("more", 4, 1e-3, 2e-3),
                ("more-than-none", 4, 0.0, 1e-3),
                ("hardly-more", 4, 1e-3, 1.05e-3),
                ("less", 4, 2e-3, 1e-3),
                ("of-one-thread", 1, 1e-3, 2e-3),
            )
        ]
    ),
    "packages": of_packages(),
    "nothing measured": compared(skipped={LeftOut.SAME_CODE: ["a", "b"]}),
    "two runs that differ in more than their code": unlike_runs(),
    "nothing in common": compared(skipped={LeftOut.SAME_CODE: ["a", "b"]}, interleaved=False),
}
