"""A machine of a fleet: what it reports about itself, of which kind it is, and in what it differs from the client."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from w2vbench.impls.choosing.fingerprint import difference

ABSENT = "absent"
"""The digest of a file that a machine does not have."""


class MachineReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine reports before it gets work.

    Attributes
    ----------
    name
        What its network calls it.
    host
        What only workers on the same computer have in common.
    environment
        What ``environment.describe`` returns there.
    machine_info
        What pytest-benchmark writes of it.
    settings
        Settings of numba that change machine code.
    digests
        Digests of w2vbench's code (``code``), of the text (``text``), and of the user's files by their path.
    """

    name: str
    host: str
    environment: dict[str, Any]
    machine_info: dict[str, Any]
    settings: str = ""
    digests: dict[str, str] = {}

    @property
    def kind(self) -> Kind:
        """Its kind."""
        facts = self.environment
        blas = facts.get("blas") or {}
        return Kind(
            cpu=facts.get("cpu") or "an unknown CPU",
            cpus=facts.get("cpus_allowed") or 0,
            quota=facts.get("cpus_quota"),
            memory_gib=round((facts.get("memory_bytes") or 0) / 2**30),
            blas=blas.get("architecture") or blas.get("internal_api") or "",
        )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of machine: machines of one kind stand in for each other, and each kind measures everything.

    Attributes
    ----------
    cpu
        The CPU's model.
    cpus, quota
        CPUs that may be used, and how many CPUs' worth of time a container may use, if that is limited.
    memory_gib
        Memory in whole GiB, since what a system keeps for itself varies.
    blas
        For which CPU BLAS has chosen its code.
    """

    cpu: str
    cpus: int
    memory_gib: int
    blas: str
    quota: float | None = None

    def __str__(self) -> str:
        quota = "" if self.quota is None else f" (quota {self.quota:g})"
        blas = f", BLAS for {self.blas}" if self.blas else ""
        return f"{self.cpu}, {self.cpus} CPU{'s' * (self.cpus != 1)}{quota}, {self.memory_gib} GiB{blas}"

    @property
    def slug(self) -> str:
        """A name for folders: ``amd-epyc-9r14-2-cpus-3f2a``. Its last part tells kinds apart whose names are alike."""
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", self.cpu.lower())).strip("-")[:40].strip("-")
        return f"{words}-{self.cpus}-cpus-{hashlib.sha256(str(self).encode()).hexdigest()[:4]}"


def differences(theirs: MachineReport, ours: MachineReport) -> list[str]:
    """Return in what a machine differs from the client, so that it would measure other code: its own value first."""
    return [
        f"its {name} is {ABSENT if its == ABSENT else 'another'}"
        if name in ours.digests
        else difference(name, its, wanted)
        for name, its, wanted in differing(facts(theirs), facts(ours))
    ]


def facts(report: MachineReport) -> dict[str, str]:
    """Return what must be the same on every machine."""
    environment = report.environment
    blas = environment.get("blas") or {}
    return {
        **report.digests,
        "python": str(environment.get("python") or ""),
        "blas": " ".join(filter(None, (blas.get("internal_api"), blas.get("version")))),
        **(environment.get("packages") or {}),
        "numba's settings": report.settings,
    }


def differing(theirs: Mapping[str, str], ours: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each fact that differs: its name, their value and ours."""
    for name in dict.fromkeys([*ours, *theirs]):
        if theirs.get(name, "") != ours.get(name, ""):
            yield name, theirs.get(name, ""), ours.get(name, "")
