"""The facts about the machine, the settings and the commit of a run, as its page lists them."""

from __future__ import annotations

from typing import Any

from w2vbench.reports.file.schema.machines import Machine
from w2vbench.reports.file.schema.result import ResultFile, Suite
from w2vbench.reports.statistics.units import counted, seconds, share, size_bytes, two

FACTS = {
    "cpu": "CPU",
    "cpus_allowed": "CPUs it may use",
    "cpus_quota": "CPU quota",
    "governor": "frequency governor",
    "turbo": "turbo",
    "memory_bytes": "memory",
    "system": "system",
    "machine": "architecture",
    "python": "Python",
    "load_before": "load before the run",
    "load_after": "load after the run",
    "busy_before": "CPU use before the run",
    "idlest_cpu": "workers pinned to CPU",
    "cpus_shared": "CPUs shared with other runs",
    "clock_variation": "clock variation",
    "swapped_bytes": "swapped during the run",
    "throttled": "throttled by heat",
    "held_back": "throttled by a CPU quota",
}
"""Names of the environment's fields on the page."""


def facts(result: ResultFile) -> list[tuple[str, str]]:
    """Return name and value of each fact about the machine, the settings and the commit."""
    suite = result.w2vbench
    names_and_values = [
        (FACTS.get(name, name.replace("_", " ")), fact(name, value))
        for name, value in suite.environment.items()
        if not isinstance(value, dict)
    ]
    for name, part in suite.environment.items():
        if isinstance(part, dict) and part:
            names_and_values.append(
                (name.replace("_", " "), ", ".join(f"{key} {value}" for key, value in part.items()))
            )
    settings = suite.settings
    wanted = {
        "processes": "processes per problem",
        "rounds": "rounds per process, at most",
        "sample_s": "least time of a sample",
        "variant_s": "time per implementation and process",
        "time_limit_s": "time limit per step",
        "memory_limit_bytes": "memory limit per worker",
        "seed": "seed",
    }
    names_and_values += [
        (label, fact(name, settings[name])) for name, label in wanted.items() if settings.get(name) is not None
    ]
    names_and_values.append(("machines of this kind", "; ".join(map(machine_text, suite.machines))))
    commit = result.commit_info.id or "none"
    names_and_values.append(("commit", commit + (", with uncommitted changes" if result.commit_info.dirty else "")))
    return [(name, value) for name, value in names_and_values if value]


def machine_text(machine: Machine) -> str:
    """Return what a run's machine has measured, and how much identical code differed there: ``a: 12 problems, A/A difference 0.40 %``."""
    doubted = f", {machine.in_doubt} of them in doubt" if machine.in_doubt else ""
    apart = "" if machine.difference is None else f", A/A difference {two(100 * machine.difference)} %"
    return f"{machine.name}: {counted(machine.experiments, 'problem')}{doubted}{apart}"


def fact(name: str, value: Any) -> str:
    """Return a value with its unit; empty where it is unknown."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith("_bytes"):
            return size_bytes(value)
        if name.endswith("_s"):
            return seconds(value)
        if name == "busy_before":
            return share(value)
        if name == "clock_variation":
            return f"{value:.2f}×"
        if name.startswith("load"):
            return f"{value:.2f}"
    return str(value)


def usable_cpus(suite: Suite) -> float | None:
    """Return how many CPUs the run could use: those that it was allowed, or a container's quota; None where the file does not say."""
    limits = (suite.environment.get(name) for name in ("cpus_allowed", "cpus_quota"))
    return min((limit for limit in limits if isinstance(limit, int | float) and limit > 0), default=None)


def too_few_cpus(threads: int, cpus: float | None) -> str:
    """Return ``4 threads on 2 CPUs``, if there are fewer CPUs than threads; else nothing."""
    return f"{threads} threads on {cpus:g} CPU{'s' * (cpus != 1)}" if cpus is not None and threads > cpus else ""


VARIED, UNSTEADY = 1.2, 1.3
"""By which factor the time of an empty call must vary to be mentioned, and to spoil a run for comparisons."""


def unsteady(result: ResultFile) -> bool:
    """Whether the machine's own speed varied by more than UNSTEADY during a run."""
    variation = result.w2vbench.environment.get("clock_variation")
    return isinstance(variation, int | float) and variation > UNSTEADY


def speed_varied(result: ResultFile) -> str:
    """Return by how much the machine's own speed varied, in one sentence; empty if it varied by less than VARIED."""
    variation = result.w2vbench.environment.get("clock_variation")
    if not isinstance(variation, int | float) or variation < VARIED:
        return ""
    quieter = "; run again when it is quieter" if unsteady(result) else ""
    return f"The machine’s speed varied {variation:.1f}-fold: ratios may differ more between runs{quieter}."


def date(result: ResultFile) -> str:
    """The day of a run: ``25 Nov 2026``; as it stands in the file, where that is no date."""
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(result.datetime):%-d %b %Y}"
    except ValueError:
        return result.datetime[:16]
