"""What a machine of a fleet reports about itself; the client makes the same report, to compare."""

from __future__ import annotations

import hashlib
import socket
from functools import cache
from pathlib import Path

from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.plans.run.request import Request
from w2vbench.bench.plans.run.session import machine_info
from w2vbench.impls.choosing.fingerprint import NUMBAS_SETTINGS, fingerprint

from .machines import ABSENT, MachineReport

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""What all containers of a computer have in common."""


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
