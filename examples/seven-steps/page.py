"""Measure the seven steps, and write their figures, code and chart into ``docs/seven-steps.md``.

python examples/seven-steps/page.py            # a minute; on a quiet machine
python examples/seven-steps/page.py --small --docs FOLDER   # small, into a copy: what the tests do
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from math import log10
from pathlib import Path
from typing import Any

from w2vbench.reports.file.files import read
from w2vbench.reports.file.frame import load
from w2vbench.reports.statistics.units import seconds, size_bytes, two

HERE = Path(__file__).resolve().parent
STEPS = HERE / "steps.py"
PAGE, CHART = "seven-steps.md", "seven-steps.svg"
COMMAND = "python examples/seven-steps/page.py"
BLOCK = re.compile(r"(<!-- ([a-z]+)( \d)? -->\n).*?(<!-- end -->)", re.DOTALL)


def measured(small: bool) -> tuple[list[Any], str]:
    """Run the steps, and return their rows, in order, with the suite's own loop last; and on which machine."""
    with tempfile.TemporaryDirectory() as out:
        sizes = ["--vocab", "1000", "--batch", "50", "--processes", "1"] if small else ["--vocab", "10000"]
        asked = ["--kernel", "training.cbow", "--only", "step-*", "--only", "numba", "--impl", str(STEPS)]
        subprocess.run([sys.executable, "-m", "w2vbench", "run", *asked, *sizes, "--out", out], check=True, cwd=out)
        file = Path(out) / "result.json"
        cases: dict[str, Any] = {str(case.implementation): case for case in load(file).itertuples()}
        rows = [case for name, case in sorted(cases.items()) if name.startswith("step-")]
        if wrong := [case.implementation for case in [*rows, cases["numba"]] if case.status != "ok"]:
            raise SystemExit(f"not measured: {', '.join(wrong)}; nothing was written")
        machine: Any = read(file).machine_info
        return [*rows, cases["numba"]], str(machine["cpu"]["brand_raw"])


def anchor(page: str, step: int) -> str:
    """The address of a step's heading in the page."""
    (heading,) = re.findall(rf"^## (Step {step}: .*)$", page, re.MULTILINE)
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table(rows: list[Any], machine: str, page: str) -> str:
    """The table of all steps, each with a link to its heading in the page, and how it was made."""
    size = rows[0]
    lines = [
        f"| step | {size.B} words | gain | since chapter 3 | allocates a call |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for at, row in enumerate(rows):
        gain = f"{two(rows[at - 1].wall_s / row.wall_s)} ×" if at else ""
        whole = f"{two(rows[0].wall_s / row.wall_s)} ×" if at else ""
        own = row.implementation == "numba"
        name = "[w2vbench's own loop](#beyond)" if own else f"[{at}. {row.title}](#{anchor(page, at)})"
        lines.append(f"| {name} | {seconds(row.wall_s)} | {gain} | {whole} | {size_bytes(row.memory_bytes)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"V = {size.V:,}, H = {size.H}, windows of 5 words, {size.K} negatives, {machine}. Made by `{COMMAND}`.",
            "",
        ]
    )


def code(step: int) -> str:
    """The code of a step, from steps.py."""
    found = re.search(rf"# \[{step}\]\n(.*?)\n *# \[/\]", STEPS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    head = "" if step else "class Start:\n"  # whose other methods are the same in all steps
    shown = re.sub(r"  # type: ignore\[.*?\]", "", found[1].rstrip())  # for our own type checker
    return f"```python\n{head}{shown}\n```\n"


def chart(rows: list[Any]) -> str:
    """A chart of the times, on a logarithmic scale. It is readable on light and dark ground."""
    left, width, height = 290, 400, 28
    least, most = (log10(end(row.wall_s for row in rows)) for end in (min, max))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height * len(rows) + 8}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#7a7f87">',
        "<title>Time of each step, on a logarithmic scale</title>",
    ]
    for at, row in enumerate(rows):
        length = 12 + (width - 12) * (log10(row.wall_s) - least) / (most - least)
        name = f"{at} {row.title}" if row.implementation != "numba" else "w2vbench's own loop"
        y = at * height + 4
        parts += [
            f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{name}</text>',
            f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{height - 8}" rx="3" fill="#3b7dd8"/>',
            f'<text x="{left + length + 8:.0f}" y="{y + 17}">{seconds(row.wall_s)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="few words, one process: only to try it")
    parser.add_argument("--docs", type=Path, default=HERE.parents[1] / "docs", help="the folder of the page")
    asked = parser.parse_args()
    page = asked.docs / PAGE
    text = page.read_text(encoding="utf-8")
    rows, machine = measured(asked.small)

    def filled(found: re.Match[str]) -> str:
        return found[1] + (table(rows, machine, text) if found[2] == "figures" else code(int(found[3]))) + found[4]

    page.write_text(BLOCK.sub(filled, text), encoding="utf-8")
    (asked.docs / CHART).write_text(chart(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
