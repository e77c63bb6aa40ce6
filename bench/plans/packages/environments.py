"""Python environments with some versions of packages: resolved, made once, and kept in the user's folder for caches.

An environment is known by what it has: requirements that resolve to the same versions share one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import requires
from pathlib import Path

import msgspec
from msgspec import structs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from w2vbench.bench.plans.run.request import PlanError, Say
from w2vbench.impls.compiling.cache import cache_home

from .installers import installer, interpreter, run

RECORD = "w2vbench.json"
"""What an environment has. It is written last, so that a folder without it is not finished."""
WORKERS_NEED = ("numpy", "scipy", "numba", "psutil", "msgspec", "threadpoolctl")
"""The packages of this project that a worker imports."""
LOCK, UNFINISHED = ".lock", ".unfinished"
"""Behind an environment's name: the file by which commands keep out of each other's way, and the folder while it is made."""
INTERPRETER = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": platform.python_version() + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    "build": [sys.implementation.cache_tag, sys.abiflags, sysconfig.get_platform(), sysconfig.get_config_var("Py_GIL_DISABLED")],
    "base": sys.base_prefix,
}))
"""
held: dict[str, int] = {}
"""Locks of the environments that this process uses, by name. They last as long as the process."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment has: the version of its interpreter, where that is installed, and the version of each package, by name."""

    python_version: str
    base: str
    packages: dict[str, str]


class PythonEnvironment(Record, frozen=True, kw_only=True):
    """An environment that is ready to be used."""

    folder: Path  # where it is
    used: float = 0.0  # when it was last used, in seconds since 1970

    @property
    def name(self) -> str:
        """Its name in the cache folder."""
        return self.folder.name

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(interpreter(self.folder))

    @property
    def size_bytes(self) -> int:
        """The bytes of its files."""
        files = (Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names)
        return sum(file.lstat().st_size for file in files)

    @property
    def works(self) -> bool:
        """Whether its interpreter still runs: the one that it was made from may have been removed."""
        with contextlib.suppress(OSError):
            return subprocess.run([self.python, "-c", ""], capture_output=True, check=False).returncode == 0
        return False


def cache_folder() -> Path:
    """Return the folder that holds all environments. Raises PlanError for a user without a home folder."""
    try:
        return cache_home() / "w2vbench" / "environments"
    except RuntimeError as error:
        raise PlanError(
            "no folder for environments, since this user has no home: set HOME or XDG_CACHE_HOME"
        ) from error


def kept() -> list[PythonEnvironment]:
    """Return the environments that are ready, the last used first."""
    found = [environment for record in cache_folder().glob(f"*/{RECORD}") if (environment := read(record.parent))]
    return sorted(found, key=lambda environment: -environment.used)


def read(folder: Path) -> PythonEnvironment | None:
    """Read the record of an environment; None if there is none, or it cannot be read."""
    try:
        found = msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
        used = (folder / RECORD).stat().st_mtime
    except (OSError, ValueError):
        return None
    return PythonEnvironment(folder=folder, used=used, **structs.asdict(found))


def remove_all() -> tuple[int, int]:
    """Delete all environments, and what killed commands have left. Return how many were deleted, and how many are in use."""
    names = {file.name.removesuffix(UNFINISHED) for file in cache_folder().glob("*") if file.is_dir()}
    gone = [remove(name) for name in sorted(names)]
    return gone.count(True), gone.count(False)


def remove(name: str) -> bool:
    """Delete an environment; return whether that was possible: another command may be using it. Raises OSError."""
    lock = open_lock(name)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    folder = cache_folder() / name
    try:
        (folder / RECORD).unlink(missing_ok=True)  # first, so that what is left of it is never used
        for each in (folder, unfinished(name)):
            if each.exists():
                shutil.rmtree(each)
    finally:
        os.close(lock)
    return True


def unfinished(name: str) -> Path:
    return cache_folder() / f"{name}{UNFINISHED}"


def open_lock(name: str) -> int:
    """Return a descriptor of an environment's lock file. Raises OSError."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    return os.open(cache_folder() / f"{name}{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def facts(environment: PythonEnvironment) -> dict[str, object]:
    """Return what is known of an environment, as JSON has it."""
    return {
        "name": environment.name,
        "folder": str(environment.folder),
        "python": environment.python_version,
        "interpreter": environment.base,
        "packages": dict(environment.packages),
        "bytes": environment.size_bytes,
        "last_used": environment.used,
    }


def environment_for(requirements: Sequence[str], python: str, say: Say) -> PythonEnvironment:
    """Return an environment that meets requirements beside those of a worker. It is made if there is none yet.

    Parameters
    ----------
    requirements
        As ``split_requirements`` returns them.
    python
        The interpreter that it is made from.
    say
        Called with what is being done.

    Raises
    ------
    PlanError
        If the requirements cannot be met, or the package index cannot be reached.
    OSError
        If the cache folder cannot be written.
    """
    say(f"resolving {' '.join(requirements) or 'the newest releases'}")
    packages = installer().resolve([*worker_requirements(), *requirements], python)
    build = json.loads(run([python, "-E", "-s", "-c", INTERPRETER]))
    name = hashlib.sha256(json.dumps([build, sorted(packages.items())]).encode()).hexdigest()[:12]
    made = PythonEnvironment(
        folder=cache_folder() / name,
        python_version=build["version"],
        base=build["base"],
        packages=dict(sorted(packages.items())),
        used=time.time(),
    )
    if name not in held:
        held[name] = open_lock(name)
    fcntl.flock(held[name], fcntl.LOCK_SH)  # several commands may use one, while none makes or removes it
    if is_ready(made.folder):
        return made
    fcntl.flock(held[name], fcntl.LOCK_EX)
    if not is_ready(made.folder):  # another command may just have made it
        named = [one for one in map(name_of, requirements) if one in packages] or ["numpy"]
        what = ", ".join(f"{one} {packages[one]}" for one in named)
        say(f"installing {what} for Python {made.python_version}, once")
        make(made, python)
    fcntl.flock(held[name], fcntl.LOCK_SH)
    return made


def is_ready(folder: Path) -> bool:
    """Whether an environment is complete and its interpreter runs. If so, it was used just now."""
    found = read(folder)
    if found is None or not found.works:
        return False
    with contextlib.suppress(OSError):
        os.utime(folder / RECORD)
    return True


def make(environment: PythonEnvironment, python: str) -> None:
    """Make an environment in a folder beside its own, and rename that once it is complete. Raises PlanError, OSError."""
    beside = unfinished(environment.name)
    for left in (beside, environment.folder):  # of a killed command; or its interpreter is gone
        shutil.rmtree(left, ignore_errors=True)
    try:
        installer().make(beside, python, [f"{name}=={version}" for name, version in environment.packages.items()])
        record = {name: getattr(environment, name) for name in Record.__struct_fields__}
        (beside / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        beside.rename(environment.folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def split_requirements(text: str) -> list[str]:
    """Split what stands in one pair of quotes: ``numpy==2.2.* scipy``. Raises PlanError."""
    found = re.split(r"(?<![<>=!~,;@\s])\s+(?=[A-Za-z0-9])", text.strip()) if text.strip() else []
    for requirement in found:
        try:
            parsed = Requirement(requirement)
        except InvalidRequirement as error:
            raise PlanError(
                f"{requirement!r} is no requirement as pip takes them, such as 'numpy==2.2.*': {str(error).splitlines()[0]}"
            ) from error
        if parsed.url or "\n" in requirement:
            raise PlanError(
                f"{requirement!r}: name a version that the package index has, as in 'numpy==2.2.*', and no address"
            )
    return found


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def worker_requirements() -> list[str]:
    """Return what this program's workers need, with the versions that its own installation asks for."""
    own = [Requirement(one) for one in requires("w2vbench") or ()]
    found = [one for one in own if canonicalize_name(one.name) in WORKERS_NEED and one.marker is None]
    return [f"{one.name}{one.specifier}" for one in found]
