"""Who installs packages: uv where it is installed, otherwise venv and pip, each with the user's own settings of the index."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from w2vbench.bench.plans.run.request import PlanError
from w2vbench.impls.choosing.fingerprint import python_version
from w2vbench.impls.messages import one_line

AS_WHEELS = ("numpy", "scipy", "numba", "llvmlite", "torch")
"""Packages that take an hour to build: a release without a wheel for the interpreter counts as missing."""


class Installer(ABC):
    """What makes environments. Every method raises PlanError, with the installer's own words in one line."""

    @abstractmethod
    def resolve(self, requirements: Sequence[str], python: str) -> dict[str, str]:
        """Return the newest versions that meet requirements together, by package."""

    @abstractmethod
    def make(self, folder: Path, python: str, pinned: Sequence[str]) -> None:
        """Make an environment in a folder, with exactly these packages."""


class Uv(Installer):
    """uv, which resolves and installs in a tenth of pip's time."""

    def __init__(self, command: str) -> None:
        self.command = command

    def resolve(self, requirements: Sequence[str], python: str) -> dict[str, str]:
        options = ["--quiet", "--no-header", "--no-annotate", *binary_only(), "--python", python, "-"]
        lines = run([self.command, "pip", "compile", *options], "\n".join(requirements)).splitlines()
        pins = (line.partition(";")[0].strip().partition("==") for line in lines if not line.startswith("#"))
        return {canonicalize_name(name): version for name, _, version in pins if version}

    def make(self, folder: Path, python: str, pinned: Sequence[str]) -> None:
        run([self.command, "venv", "--quiet", "--clear", "--python", python, str(folder)])
        target = ["--python", str(interpreter(folder))]
        run([self.command, "pip", "install", "--quiet", "--no-deps", *binary_only(), *target, *pinned])


class Pip(Installer):
    """venv and pip: this interpreter's pip, which installs for any other."""

    def resolve(self, requirements: Sequence[str], python: str) -> dict[str, str]:
        options = ["--quiet", "--dry-run", "--ignore-installed", *binary_only(), "--report", "-"]
        try:
            report = json.loads(run([*pip("--python", python), "install", *options, "--", *requirements]))
        except PlanError as error:
            if "conflicting dependencies" in str(error) and (missing := no_such_release(requirements, python)):
                raise PlanError(missing) from error
            raise
        found = (package["metadata"] for package in report["install"])
        return {canonicalize_name(one["name"]): one["version"] for one in found}

    def make(self, folder: Path, python: str, pinned: Sequence[str]) -> None:
        run([python, "-m", "venv", "--without-pip", str(folder)])
        target = pip("--python", str(interpreter(folder)))
        run([*target, "install", "--quiet", "--no-deps", *binary_only(), "--", *pinned])


def installer() -> Installer:
    """Return uv if it is installed, else pip."""
    uv = find_uv()
    return Uv(uv) if uv else Pip()


def find_uv() -> str | None:
    """Return the path of uv: beside this interpreter, or where the shell finds it."""
    return shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def releases(package: str, python: str) -> list[str]:
    """Return the final releases of a package that an interpreter can install, the newest first. Raises PlanError."""
    command = [*pip("--python", python), "index", "versions", *binary_only(), "--", package]
    for line in run(command).splitlines():
        if line.startswith("Available versions:"):
            return [one.strip() for one in line.partition(":")[2].split(",")]
    raise PlanError(f"the package index lists no release of {package}")


def no_such_release(requirements: Sequence[str], python: str) -> str:
    """Return what to say of the first requirement that no release meets by itself; an empty string if there is none.

    pip calls that a conflict where another requirement is of the same package.
    """
    for one in map(Requirement, requirements):
        if one.specifier and not one.specifier.prereleases:  # only final releases are listed
            with contextlib.suppress(PlanError):
                every = releases(one.name, python)
                if not any(one.specifier.filter(every)):
                    return f"no release of {one.name} meets {one.specifier}: the newest is {every[0]}"
    return ""


def interpreter(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / "bin" / "python"


def find_python(name: str) -> str:
    """Return an installed interpreter: this one for an empty name, else by version (``3.13``, ``3.14t``) or by path. Raises PlanError."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}" + "t" * python_version().endswith("t")
    if name in ("", own):
        return sys.executable
    if re.fullmatch(r"3\.\d+t?", name):
        found = shutil.which(f"python{name}")
        if found and runs(found):  # pyenv has commands for versions that it then refuses to run
            return found
        if uv := find_uv():
            return run([uv, "python", "find", name]).strip()
    elif (found := shutil.which(name)) and runs(found):
        return found
    raise PlanError(f"no Python {name} is installed here: name a version such as 3.13, or the path of an interpreter")


def runs(python: str) -> bool:
    """Whether a command is an interpreter that runs."""
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def pip(*options: str) -> list[str]:
    """Return the command of pip with its general options. Raises PlanError if there is none."""
    start = [sys.executable, "-m", "pip"]
    if subprocess.run([*start, "--version"], capture_output=True, check=False).returncode:
        uv = find_uv()
        if not uv:
            raise PlanError(f"{sys.executable} has neither uv nor pip, and one is needed: install uv")
        start = [uv, "tool", "run", "pip"]
    return [*start, "--disable-pip-version-check", "--no-input", *options]


def binary_only() -> list[str]:
    return [part for name in AS_WHEELS for part in ("--only-binary", name)]


def run(command: Sequence[str], text: str | None = None) -> str:
    """Run a command and return its output. Raises PlanError with its own words if it fails."""
    what = " ".join([Path(command[0]).name, *[word for word in command[1:6] if word[:1].isalpha()]])
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise PlanError(f"{what}: {error.strerror or error}") from error
    if done.returncode:
        raise PlanError(complaint(done.stderr) or f"{what} ended with exit code {done.returncode}")
    return done.stdout


REFUSED = re.compile(r"(?i)HTTP error 4\d\d|\b40[13]\b|Forbidden|Unauthorized")
UNREACHABLE = re.compile(r"(?i)after connection broken|connection refused|failed to fetch|name resolution|timed out")

AFTERMATH = ("Could not find a version", "No matching distribution")
"""What pip says of packages whose index it did not reach: true of any."""


def complaint(text: str) -> str:
    """Return what an installer's errors mean, in one line."""
    if UNREACHABLE.search(text):
        why = "the package index cannot be reached"
    elif REFUSED.search(text):
        why = "the package index refuses"
    else:
        return one_line(" ".join(error_lines(text)))
    found = next((line for line in error_lines(text) if not line.startswith(AFTERMATH)), "")
    return f"{why} ({one_line(found)})" if found else why


def error_lines(text: str) -> Iterator[str]:
    """Yield the sentences that say what is wrong, without lists of all versions."""
    unfolded = re.sub(r"\n[ │]{6,}(?=\S)", " ", text)
    for line in unfolded.splitlines():
        said = re.match(r"\s*(?:ERROR:|error:|cause:|×|╰─▶|├─▶) (.*)", line)
        if said and not said[1].startswith(("Ignored the following", "ResolutionImpossible")):
            yield re.sub(r" \(from versions: .*?\)", "", said[1]).rstrip(".") + "."
