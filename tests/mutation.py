"""Which mistakes in the statistics and in code identity no test notices: ``tox -e mutation``, then ``python -m tests.mutation``.

mutmut changes one expression at a time (``[tool.mutmut]`` in pyproject.toml), and runs the tests that reach it. This compares
the changes that no test noticed with those in tests/data/mutants.toml, where each has its reason. It fails if one is missing
there or noticed after all, if any was not tried, and if fewer than LEAST were noticed in some module.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.tables import table

LEAST = 0.8
"""Share of the changes to a module that the tests must notice."""
NOTICED = ("killed", "timeout", "suspicious", "segfault", "caught by type check")


def results() -> dict[str, str]:
    """Return what came of each change, by mutmut's name for it: w2vbench.reports.statistics.verdicts.x_holm__mutmut_3."""
    lines = printed("results", "--all", "true").splitlines()
    return dict(line.strip().rsplit(": ", 1) for line in lines if "__mutmut_" in line)


def printed(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], check=True, capture_output=True, text=True
    ).stdout


def module_of(name: str) -> str:
    """Return the module of a change: w2vbench.reports.statistics.verdicts."""
    return name.partition(".x_")[0].partition(".xǁ")[0]


def described(name: str) -> str:
    """Return a change in one line: ``verdicts.holm: return order → return None``."""
    place = (
        name.partition("__mutmut_")[0]
        .removeprefix("reports.")
        .removeprefix("impls.")
        .removeprefix("w2vbench.bench.plans.")
    )
    place = place.replace(".x_", ".").replace(".xǁ", ".").replace("ǁ", ".")
    lines = printed("show", name).splitlines()
    before, after = (" ".join(of_sign(lines, sign)) for sign in "-+")
    return f"{place}: {before} → {after}"


def of_sign(lines: list[str], sign: str) -> Iterator[str]:
    """Yield the lines of a unified diff that begin with a sign, but not those that name its files."""
    return (line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(3 * sign))


def main() -> None:
    if not Path("mutants").is_dir():
        sys.exit("no changes were tried: mutmut run")
    found = results()
    if untried := sum(status == "not checked" for status in found.values()):
        print(f"{untried} changes were not tried yet, and are left out: mutmut run goes on where it was stopped\n")
    found = {name: status for name, status in found.items() if status != "not checked"}
    tried, noticed = (
        Counter(module_of(name) for name, status in found.items() if status in NOTICED or every)
        for every in (True, False)
    )
    shares = {module: noticed[module] / number for module, number in tried.items()}
    for module, share in shares.items():
        print(f"{module:20} {noticed[module]:5} of {tried[module]:5} noticed, {share:.0%}")
    print(f"{'all':20} {noticed.total():5} of {tried.total():5} noticed, {noticed.total() / tried.total():.0%}")
    known = {change for changes in table("mutants").values() for change in changes}
    unnoticed = {described(name) for name, status in found.items() if status not in NOTICED}
    for title, changes in (
        ("Not noticed, and not in tests/data/mutants.toml:", unnoticed - known),
        ("In tests/data/mutants.toml, but noticed or no longer there:", known - unnoticed),
    ):
        if changes:
            print(f"\n{title}\n", *sorted(changes), sep="\n")
    sys.exit(untried > 0 or min(shares.values()) < LEAST or unnoticed != known)


if __name__ == "__main__":
    main()
