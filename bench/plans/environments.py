"""Python environments with some versions of packages: resolved, made once, and kept in the user's folder for caches.

An environment is known by what it has: requirements that resolve to the same versions share one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bench.engine.leftovers import abandoned_folders
from impls.compile_cache import cache_home

from .installers import installer, interpreter, run
from .session import PlanError, Say

RECORD = "w2vbench.json"
"""What an environment has. It is written last, so that a folder without it is not finished."""
WORKERS_NEED = ("numpy", "scipy", "numba", "psutil", "msgspec", "threadpoolctl")
"""The packages of this project that a worker imports."""
UNFINISHED = "w2vbench-unfinished"


@dataclass(frozen=True, kw_only=True)
class PythonEnvironment:
    """An environment that is ready to be used.

    Attributes
    ----------
    folder
        Where it is.
    python_version
        Of its interpreter.
    packages
        The version of each package, by name.
    used
        When it was last used, in seconds since 1970.
    """

    folder: Path
    python_version: str
    packages: Mapping[str, str]
    used: float = 0.0

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
    """Return the folder that holds all environments."""
    return cache_home() / "w2vbench" / "environments"


def kept() -> list[PythonEnvironment]:
    """Return the environments that are ready, the last used first."""
    found = [environment for record in cache_folder().glob(f"*/{RECORD}") if (environment := read(record.parent))]
    return sorted(found, key=lambda environment: -environment.used)


def read(folder: Path) -> PythonEnvironment | None:
    """Read the record of an environment; None if there is none, or it cannot be read."""
    record = folder / RECORD
    try:
        content = json.loads(record.read_text("utf-8"))
        return PythonEnvironment(
            folder=folder,
            python_version=str(content["python_version"]),
            packages={str(name): str(version) for name, version in content["packages"].items()},
            used=record.stat().st_mtime,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remove(environment: PythonEnvironment) -> None:
    """Delete an environment. Its record goes first, so that what is left of it is never used."""
    (environment.folder / RECORD).unlink(missing_ok=True)
    shutil.rmtree(environment.folder, ignore_errors=True)


def facts(environment: PythonEnvironment) -> dict[str, object]:
    """Return what is known of an environment, as JSON has it."""
    return {
        "name": environment.name,
        "folder": str(environment.folder),
        "python": environment.python_version,
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
    version = run([python, "-c", "import platform; print(platform.python_version())"]).strip()
    key = hashlib.sha256(json.dumps([version, sorted(packages.items())]).encode()).hexdigest()[:12]
    found = read(cache_folder() / key)
    if found and found.works:
        with contextlib.suppress(OSError):
            os.utime(found.folder / RECORD)
        return found
    named = [name for name in map(name_of, requirements) if name in packages] or ["numpy"]
    say(f"installing {', '.join(f'{name} {packages[name]}' for name in named)} for Python {version}, once")
    made = PythonEnvironment(
        folder=cache_folder() / key, python_version=version, packages=dict(sorted(packages.items())), used=time.time()
    )
    if found:
        remove(found)
    make(made, python)
    return made


def make(environment: PythonEnvironment, python: str) -> None:
    """Make an environment in a folder beside its own, and rename that once it is complete. Raises PlanError, OSError."""
    beside = environment.folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    for left in abandoned_folders(UNFINISHED, beside):
        shutil.rmtree(left, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}-{os.getpid()}-", dir=beside))
    try:
        installer().make(unfinished, python, [f"{name}=={version}" for name, version in environment.packages.items()])
        record = {"python_version": environment.python_version, "packages": dict(environment.packages)}
        (unfinished / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        if read(environment.folder) is None:  # another command may have made the same one meanwhile
            shutil.rmtree(environment.folder, ignore_errors=True)
            unfinished.rename(environment.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def split_requirements(text: str) -> list[str]:
    """Split what stands in one pair of quotes: ``numpy==2.2.* scipy``. Raises PlanError."""
    found = re.split(r"(?<![<>=!~,;\s])[\s]+(?=[A-Za-z0-9])", text.strip()) if text.strip() else []
    for requirement in found:
        try:
            Requirement(requirement)
        except InvalidRequirement as error:
            raise PlanError(
                f"{requirement!r} is no requirement as pip takes them, such as 'numpy==2.2.*': {str(error).splitlines()[0]}"
            ) from error
    return found


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def worker_requirements() -> list[str]:
    """Return what this program's workers need, with the versions that its own installation asks for."""
    own = [Requirement(one) for one in requires("w2vbench") or ()]
    found = [one for one in own if canonicalize_name(one.name) in WORKERS_NEED and one.marker is None]
    return [f"{one.name}{one.specifier}" for one in found]
