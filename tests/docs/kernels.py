"""``docs/kernels.md``: every kernel and implementation, from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from w2vbench.impls.catalogue.discovery import kernels, own
from w2vbench.impls.interface import Implementation, Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.reports.statistics.units import size_bytes

from .tables import code, table

ROOT = Path(__file__).parents[2]
SHOWN = (100_000, 100, 100, 5)
"""V, H, B and K at which a kernel's work is stated."""

HEAD = """# Kernels and implementations

What a name stands for; `w2vbench list` prints them too, and says which can run here. [What the kernels are
for](answers.md#what-do-the-kernels-compute).

- **V** different words, **H** numbers a word, **B** words, bags or examples a call, **K** negatives for each, or words of a
  bag. A kernel has only those dimensions that stand in its line.
- **Work** is the least that a call must read, write and compute, whatever the implementation, at V = 100,000, H = 100,
  B = 100 and K = 5, in float32 with int64 ids.
- In brackets: **the baseline**, to which ratios refer; the **slide** of the [source deck](answers.md#the-source-deck) that has
  it; whether its time **grows with V** at the same batch; the large arrays that a call **makes**; packages that it **needs**;
  what else **differs** from the others, such as an optimizer."""


def page() -> str:
    implementations = list(own())
    parts = kernels(implementations)
    overview = table(
        ("kernel", "computes", "implementations"),
        [
            (f"[{kernel.name}](#{anchor(kernel.name)})", kernel.title, str(len(of(kernel, implementations))))
            for kernel in parts
        ],
    )
    sections = [line for kernel in parts for line in section(kernel, of(kernel, implementations))]
    return "\n".join([HEAD, "", *overview, *sections])


def anchor(heading: str) -> str:
    """A heading's anchor, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def of(kernel: Kernel, implementations: Sequence[Implementation]) -> list[Implementation]:
    return [one for one in implementations if one.kernel is kernel]


def section(kernel: Kernel, implementations: Sequence[Implementation]) -> list[str]:
    V, H, B, K = (
        at if name in kernel.dimensions else 0 if name == "K" else 1 for name, at in zip("VHBK", SHOWN, strict=True)
    )
    size = Size(V, H, B, K)
    work = kernel.work(size)
    needs = f"reads {size_bytes(work.read_bytes)}, writes {size_bytes(work.written_bytes)}"
    if work.flops:
        needs += f", computes {work.flops:,.0f} operations"
    title = f"{kernel.title[0].upper()}{kernel.title[1:]}"
    facts = [
        f"{title}.",
        f"Arguments: `{', '.join(kernel.parameters)}`; dimensions {', '.join(kernel.dimensions)};",
        f"see `{file_of(kernel, implementations)}`.",
    ]
    if kernel.mutates:
        facts.append(f"A call may change {', '.join(map(code, kernel.mutates))}.")
    return [
        "",
        f"## {kernel.name}",
        "",
        " ".join(facts),
        "",
        f"Work: {needs}.",
        "",
        *table(("name", "family", "what it does"), map(row, implementations)),
    ]


def file_of(kernel: Kernel, implementations: Sequence[Implementation]) -> str:
    """The file of its first implementation, where a reader begins."""
    return Path(implementations[0].function.__code__.co_filename).relative_to(ROOT).as_posix()


def arrays(dimensions: str) -> str:
    """Dimensions of arrays as people write them: ``VH64+8V`` is V × H in float64 + 8 × V."""
    terms = [re.fullmatch(r"(\d*)([A-Z]*)(64)?", term) for term in filter(None, dimensions.split("+"))]
    return " + ".join(
        " × ".join(filter(None, (term[1], *term[2]))) + (" in float64" if term[3] else "") for term in terms if term
    )


def row(one: Implementation) -> tuple[str, str, str]:
    packages = sorted({*one.requires} - {"numba"})
    notes = (
        "the baseline" if one.baseline else "",
        f"slide {one.slide}" if one.slide else "",
        f"wrong on purpose: {one.wrong}" if one.wrong else "",
        f"grows with {one.grows_with}" if one.grows_with else "",
        f"makes {arrays(one.temporaries)} numbers" if one.temporaries else "",
        f"needs {', '.join(packages)}" if packages else "",
        f"differs: {one.differs}" if one.differs else "",
    )
    does = f"{code(one.title)}: {one.summary}" if one.summary else code(one.title)
    said = "; ".join(filter(None, notes))
    return code(one.slug), one.family, f"{does} ({said})" if said else does
