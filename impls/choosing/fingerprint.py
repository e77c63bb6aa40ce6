"""What measured times hold for: this machine, the packages and settings that decide how fast code is, and our own code."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "numba", "llvmlite")
"""Packages that the implementations use which a table may choose."""
NUMBA_SETTINGS = (
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT", "NUMBA_ENABLE_AVX", "NUMBA_DISABLE_INTEL_SVML"),
    *("NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE", "NUMBA_DISABLE_JIT", "NUMBA_DEBUG", "NUMBA_BOUNDSCHECK"),
)
"""Settings of numba that change the machine code."""
NUMBAS_SETTINGS = "numba's settings"
NOT_MEASURED = ("__init__.py", "choosing", "layers.py", "training")
"""Files and folders of this package that no time in a table depends on."""


@cache
def fingerprint() -> Mapping[str, str]:
    """Return what times that are measured here and now hold for, by name. Absent packages and settings are empty."""
    return {
        "cpu": cpu_model(),
        "blas": blas(),
        "python": python_version(),
        **{name: installed(name) for name in PACKAGES},
        NUMBAS_SETTINGS: " ".join(f"{name}={os.environ[name]}" for name in NUMBA_SETTINGS if name in os.environ),
        "implementations": code_digest(),
    }


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Say what differs between two fingerprints: "numba is 0.68.0, not 0.67.1" (ours, theirs)."""
    return [
        difference(name, ours.get(name), theirs.get(name))
        for name in dict.fromkeys([*ours, *theirs])
        if theirs.get(name, "") != ours.get(name, "")
    ]


def difference(name: str, ours: str | None, theirs: str | None) -> str:
    """Say what differs in one fact of two fingerprints."""
    if name == "implementations":
        return "the implementations' code is another"
    what = name.upper() if name in ("cpu", "blas") else name
    return f"{what} {'are' if name == NUMBAS_SETTINGS else 'is'} {ours or 'absent'}, not {theirs or 'absent'}"


def python_version() -> str:
    """Return this Python's version; of a build without the global lock ``3.14.0t``, since its code has other speeds."""
    return f"{platform.python_version()}{'t' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''}"


def cpu_model() -> str:
    """Return the name of the CPU; on Linux for ARM, which has none, the numbers of its cores' makers and kinds."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return named_in(lines) or named_by_macos() or platform.processor() or platform.machine()


def named_in(lines: Sequence[str]) -> str:
    """Return the CPU that the lines of ``/proc/cpuinfo`` name: "AMD EPYC", or "CPU 0x41 0xd0c" for ARM; else empty."""
    facts = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    if model := next((value for name, value in facts if name == "model name"), ""):
        return model
    makers, parts = ([v for n, v in facts if n == f"CPU {what}"] for what in ("implementer", "part"))
    kinds = sorted({f"{maker} {part}" for maker, part in zip(makers, parts, strict=False)})  # large and small cores
    return f"CPU {', '.join(kinds)}" if kinds else ""


def named_by_macos() -> str:
    """Return the CPU that macOS names: "Apple M2"; empty elsewhere."""
    if sys.platform != "darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def blas() -> str:
    """Return NumPy's BLAS, and for which CPU it has chosen its code: "openblas 0.3.31, kernels for Zen"; empty if unknown."""
    facts = blas_facts()
    name = " ".join(filter(None, (facts["internal_api"], facts["version"])))
    return f"{name}, kernels for {facts['architecture']}" if facts["architecture"] else name


def blas_facts() -> dict[str, str | None]:
    """Return ``internal_api``, ``version`` and ``architecture`` of NumPy's BLAS, as threadpoolctl names them; None if unknown."""
    import numpy  # noqa: F401  (loads its BLAS)
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]  # SciPy may have one of its own
    numpys: dict[str, str | None] = min(pools, key=lambda pool: "numpy" not in str(pool.get("filepath")), default={})
    return {name: numpys.get(name) for name in ("internal_api", "version", "architecture")}


def code_digest() -> str:
    """Return a digest of the source of all implementations, and of what they use."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder)
        if name.parts[0] not in NOT_MEASURED:
            digest.update(f"{name.as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
