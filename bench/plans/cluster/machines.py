"""A machine: what it reports about itself, of which kind it is, and in what it differs from the client."""

from __future__ import annotations

import hashlib
import re
import socket
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.plans.run.request import Request
from w2vbench.bench.plans.run.session import machine_info
from w2vbench.impls.choosing.fingerprint import NUMBAS_SETTINGS, difference, fingerprint

ABSENT = "absent"
"""The digest of a file that a machine does not have."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""What all containers of a computer have in common."""


class MachineReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine reports before it gets work. That of another version may have other fields."""

    name: str  # what its network calls it
    host: str  # what only workers on the same computer have in common
    environment: dict[str, Any]  # what ``environment.describe`` returns there
    machine_info: dict[str, Any]  # what pytest-benchmark writes of it
    settings: str = ""  # settings of numba that change machine code
    digests: dict[str, str] = {}  # digests of w2vbench's code, of the text, and of the user's files by their path

    @property
    def cpu(self) -> str:
        """Its CPU's model."""
        return self.environment.get("cpu") or "an unknown CPU"

    @property
    def kind(self) -> str:
        """Its kind: machines of one kind stand in for each other, and each kind measures everything.

        Memory counts in whole GiB, since what a system keeps for itself varies, and for BLAS the CPU for which it has chosen its code.
        """
        facts = self.environment
        cpus, quota, blas = facts.get("cpus_allowed") or 0, facts.get("cpus_quota"), facts.get("blas") or {}
        limited = "" if quota is None else f" (quota {quota:g})"
        memory_gib = round((facts.get("memory_bytes") or 0) / 2**30)
        code = blas.get("architecture") or blas.get("internal_api")
        chosen = f", BLAS for {code}" if code else ""
        return f"{self.cpu}, {cpus} CPU{'s' * (cpus != 1)}{limited}, {memory_gib} GiB{chosen}"

    @property
    def slug(self) -> str:
        """A name for its kind's folder: ``amd-epyc-9r14-2-cpus-3f2a``. Its last part tells kinds apart whose names are alike."""
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", self.cpu.lower())).strip("-")[:40].strip("-")
        cpus, digest = self.environment.get("cpus_allowed") or 0, hashlib.sha256(self.kind.encode()).hexdigest()
        return f"{words}-{cpus}-cpus-{digest[:4]}"

    @property
    def facts(self) -> dict[str, str]:
        """What must be the same on every machine."""
        blas = self.environment.get("blas") or {}
        return {
            **self.digests,
            "python": str(self.environment.get("python") or ""),
            "blas": " ".join(filter(None, (blas.get("internal_api"), blas.get("version")))),
            **(self.environment.get("packages") or {}),
            "numba's settings": self.settings,
        }


def differences(theirs: MachineReport, ours: MachineReport) -> list[str]:
    """Return in what a machine differs from the client, so that it would measure other code: its own value first."""
    its, wanted = theirs.facts, ours.facts
    return [
        f"its {name} is {ABSENT if its.get(name) == ABSENT else 'another'}"
        if name in ours.digests
        else difference(name, its.get(name, ""), wanted.get(name, ""))
        for name in dict.fromkeys([*wanted, *its])
        if its.get(name, "") != wanted.get(name, "")
    ]


def report_of(request: Request) -> MachineReport:
    """Return what this machine is, with digests of what a request names."""
    return MachineReport(
        name=socket.gethostname(),
        host=BOOT.read_text().strip() if BOOT.exists() else socket.gethostname(),
        environment=environment.describe(environment.busy_cpus()),
        machine_info=machine_info(),
        settings=fingerprint()[NUMBAS_SETTINGS],
        digests={"code of w2vbench": code_digest(), "text": text_digest(request)}
        | {str(file): file_digest(file) for file in [*filter(None, [request.corpus]), *request.files]},
    )


@cache
def code_digest() -> str:
    """Return a digest of w2vbench's own code, of which a run's figures and its journal depend."""
    digest = hashlib.sha256()
    for file in sorted(file for room in ("impls", "bench", "reports") for file in (ROOMS / room).rglob("*.py")):
        digest.update(file.relative_to(ROOMS).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def text_digest(request: Request) -> str:
    """Return a digest of a text as word ids; of a file that is not here, what stands for that."""
    if request.corpus and not request.corpus.is_file():
        return ABSENT
    text, digest = request.text(), hashlib.sha256()
    for part in (text.ids, text.starts, text.counts):
        digest.update(part.tobytes())
    return digest.hexdigest()[:12]


def file_digest(file: Path) -> str:
    """Return a digest of a file, or what stands for one that is not here."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ABSENT
