"""The result file: its schema, and how it is read and written.

The format is pytest-benchmark's JSON, so that ``pytest-benchmark compare`` and every CI service that reads it works on
ours. ``benchmarks`` holds the cases that were measured; all else stands in each row's ``extra_info`` and in one object
``w2vbench`` beside it, which has a schema version.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SCHEMA = 1
LARGEST_FILE = 1 << 30

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class ResultError(ValueError):
    """A file that is no result file of ours, or cannot be written; the message is one line and says why."""


class Part(BaseModel):
    """Base of all parts: unknown fields are kept, since a file may have more than this version reads."""

    model_config = ConfigDict(extra="allow", frozen=True)


class SizeRecord(Part):
    """A case's size: vocabulary, hidden size, batch, negatives, dtypes, words and threads."""

    V: Count
    H: Count
    B: Count
    K: Count
    dtype: str
    index: str
    words: str
    threads: Count


class Launch(Part):
    """One launch of a lane: seconds a call, for each round (null where the lane sat a round out)."""

    wall_s: list[Positive | None]
    cpu_s: list[Positive | None]


class Extra(Part):
    """What a row knows beyond pytest-benchmark's own fields. Units are in the names."""

    kernel: str
    implementation: str
    title: str
    size: SizeRecord
    baseline: bool = False
    slide: int | None = None
    grows_with: str = ""
    touched_rows: Positive | None = None
    launches: list[Launch] = []
    cpu_s: Positive | None = None
    prepare_s: Positive | None = None
    peak_bytes: Count | None = None
    resident_bytes: Count | None = None
    prepare_bytes: Count | None = None
    read_bytes: Positive | None = None
    written_bytes: Positive | None = None
    flops: Positive | None = None


class Stats(Part):
    """pytest-benchmark's statistics of all samples together, in seconds."""

    min: Finite
    max: Finite
    mean: Finite
    median: Finite
    stddev: Finite
    rounds: Count
    iterations: Count


class Row(Part):
    """One case that was measured."""

    group: str | None
    name: str
    fullname: str
    extra_info: Extra
    stats: Stats


class NotMeasured(Part):
    """A case without figures, and why."""

    case: str
    kernel: str
    implementation: str
    title: str
    size: SizeRecord
    status: Literal["wrong", "skipped", "timeout", "out of memory", "crashed", "error"]
    reason: str


class Source(Part):
    """Where an implementation stands, and its text."""

    file: str
    line: Count
    code: str


class Suite(Part):
    """What the suite adds to the file: how it was measured, what was not, and the measured limits by problem."""

    schema_version: int
    engine: Literal["race", "pytest-benchmark"]
    command: str
    preset: str | None = None
    seed: int = 0
    complete: bool = True
    settings: dict[str, Any] = {}
    corpus: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    warnings: list[str] = []
    kernels: dict[str, str] = {}
    not_measured: list[NotMeasured] = []
    read_bytes_per_s: dict[str, Positive] = {}
    sources: dict[str, Source] = {}


class ResultFile(Part):
    """A whole result file."""

    machine_info: dict[str, Any]
    commit_info: dict[str, Any]
    benchmarks: list[Row]
    datetime: str
    version: str
    w2vbench: Suite


def read(path: Path) -> ResultFile:
    """Read and validate a result file. Raises ResultError with one line that says what is wrong."""
    try:
        if path.is_dir():
            raise ResultError(f"{path}: a folder, not a result file")
        if path.stat().st_size > LARGEST_FILE:
            raise ResultError(f"{path}: {path.stat().st_size / 1e9:.1f} GB is too large for a result file")
        text = path.read_bytes()
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from error
    if not text.strip():
        raise ResultError(f"{path}: empty")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "not JSON, or cut off" if not isinstance(error, UnicodeDecodeError) else "binary"
        raise ResultError(f"{path}: {what}, so it is no result file") from error
    if not isinstance(data, dict) or "benchmarks" not in data:
        raise ResultError(f"{path}: JSON, but no result file (it has no list of benchmarks)")
    suite = data.get("w2vbench")
    if not isinstance(suite, dict):
        raise ResultError(f"{path}: benchmarks of another suite (it has no w2vbench part); pytest-benchmark compare can read it")
    version = suite.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise ResultError(f"{path}: its schema version is {version!r}")
    if version > SCHEMA:
        raise ResultError(f"{path}: written by a newer w2vbench (schema {version}; this one reads up to {SCHEMA}): upgrade to read it")
    try:
        return ResultFile.model_validate(data)
    except (ValidationError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise ResultError(f"{path}: nested too deeply, so it is no result file") from error
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultError(f"{path}: not a valid result file: {where}: {first['msg']} ({error.error_count()} such errors)") from error


def dump(result: dict[str, Any]) -> str:
    """A result file's text. Raises ValueError if a figure is not finite."""
    return json.dumps(result, indent=1, allow_nan=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside its place, synced, and renamed. Raises ResultError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise ResultError(f"{path}: {error.strerror or error}") from error


def store(folder: Path, name: str, text: str) -> Path:
    """Keep a run as pytest-benchmark does, ``NNNN_name.json`` in a folder; runs that end at once get different numbers."""
    safe = re.sub(r"[^\w.-]+", "-", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            taken = [int(file.name[:4]) for file in folder.glob("[0-9][0-9][0-9][0-9]_*.json")]
            path = folder / f"{max(taken, default=0) + 1:04}_{safe}.json"
            claim = folder / f".{path.name[:4]}.claim"
            try:
                os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                if not any(folder.glob(f"{path.name[:4]}_*.json")):
                    claim.unlink(missing_ok=True)  # left by a run that was killed
                continue
            try:
                if any(folder.glob(f"{path.name[:4]}_*.json")):
                    continue
                write(path, text)
                return path
            finally:
                claim.unlink(missing_ok=True)
    except OSError as error:
        raise ResultError(f"{folder}: {error.strerror or error}") from error
