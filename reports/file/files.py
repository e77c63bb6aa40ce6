"""Result files on disk: read and validated, and written so that an interrupted program leaves the old file or the new one."""

from __future__ import annotations

import contextlib
import gc
import glob
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from .schema.result import SCHEMA, ResultFile

LARGEST_FILE = 1 << 30
WRITTEN = "result.json"
"""The result file that a run writes into the folder of ``--out``."""


class ResultError(ValueError):
    """A file that is no result file of ours, or cannot be written; the message is one line and says why."""

    exit_code = 2
    """That of the command, which says the message."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Pause the collector of cyclic garbage while a whole file becomes objects that stay: it took two thirds of the time, and finds nothing there.

    Afterwards they count as old, so that the next collection, which is of new objects, does not look through them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # else they would be thawed as well
                gc.freeze()
                gc.unfreeze()
            gc.enable()


@without_collection()
def read(path: str | Path) -> ResultFile:
    """Read and validate a result file, or that in the folder of a run. Raises ResultError with one line that says what is wrong."""
    try:
        path = file_of(Path(path))
        if path.stat().st_size > LARGEST_FILE:
            raise ResultError(f"{path}: {path.stat().st_size / 1e9:.1f} GB is too large for a result file")
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:  # a device, which has no size
            raise ResultError(f"{path}: endless, so it is no result file")
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from error
    if not text.strip():
        raise ResultError(f"{path}: empty")
    try:
        data = decode(text)
    except RecursionError as error:
        raise ResultError(f"{path}: nested too deeply, so it is no result file") from error
    except ValueError as error:
        binary = isinstance(error, UnicodeDecodeError)
        raise ResultError(
            f"{path}: {'binary' if binary else 'not JSON, or cut off'}, so it is no result file"
        ) from error
    if not isinstance(data, dict) or "benchmarks" not in data:
        raise ResultError(f"{path}: JSON, but no result file (it has no list of benchmarks)")
    suite = data.get("w2vbench")
    if not isinstance(suite, dict):
        raise ResultError(
            f"{path}: benchmarks of another suite (it has no w2vbench part); pytest-benchmark compare can read it"
        )
    version = suite.get("schema_version")
    if type(version) is not int or version < 1:
        raise ResultError(f"{path}: its schema version is not a whole number from 1 up")
    if version > SCHEMA:
        raise ResultError(
            f"{path}: written by a newer w2vbench (schema {version}; this one reads up to {SCHEMA}): upgrade to read it"
        )
    try:
        return ResultFile.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where}{': ' if where else ''}{first['msg'].removeprefix('Value error, ')}"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ResultError(f"{path}: not a valid result file: {what}{more}") from error


def file_of(path: Path) -> Path:
    """Return the result file in the folder of a run, and any other path as it is. Raises ResultError if there is none."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path's own raises for a long path, and for a folder that may not be searched
        return path
    if os.path.exists(path / WRITTEN):  # noqa: PTH110
        return path / WRITTEN
    raise ResultError(f"{path}: a folder without a {WRITTEN}")


def decode(text: bytes) -> Any:
    """Decode JSON: by Python's own reader if the faster one cannot, such as what an editor has saved in UTF-16."""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        return msgspec.json.decode(text)
    return json.loads(text, parse_constant=no_number)


def no_number(token: str) -> None:
    """Python's JSON reader takes NaN and Infinity for numbers; JSON has neither."""
    raise ValueError(token)


def dump(result: ResultFile) -> str:
    """Return a result file's text. Raises ValueError if a figure is not finite."""
    content = result.model_dump(by_alias=True, exclude_unset=True)  # as JSON, pydantic would write null for NaN
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside its place, synced, and renamed. Raises ResultError.

    What UTF-8 cannot hold, such as a command's argument that was no text, becomes a question mark.
    """
    if path.exists() and not path.is_file():  # the renaming would put a file in a device's place
        raise ResultError(f"{path}: no ordinary file, so nothing is written over it")
    beside = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path)
        with beside.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def partial(path: Path) -> Path:
    """Return where this process writes a file before it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote a file have left beside it."""
    from psutil import pid_exists

    for beside in path.parent.glob(f".{glob.escape(path.name)}.*"):
        number = beside.name.rpartition(".")[2]
        if re.fullmatch("[1-9][0-9]{0,6}", number) and not pid_exists(int(number)):
            with contextlib.suppress(OSError):
                beside.unlink()


def write_texts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write files into a folder by name, and return their paths. Raises ResultError."""
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def store(folder: Path, name: str, text: str) -> Path:
    """Keep a run as pytest-benchmark does, ``NNNN_name.json`` in a folder; runs that end at once get different numbers.

    A run claims its number with a hidden file until its own is there. A run that was killed leaves its claim behind,
    and its number stays unused.
    """
    safe = re.sub(r"[^\w.-]+", "-", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            taken = re.findall(
                r"^\.?(\d{4,})[_.]", "\n".join(file.name for file in folder.iterdir()), re.MULTILINE | re.ASCII
            )
            number = f"{max(map(int, taken), default=0) + 1:04}"
            claim = folder / f".{number}.claim"
            try:
                os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            try:
                if any(folder.glob(f"{number}_*.json")):
                    continue
                write(folder / f"{number}_{safe}.json", text)
                return folder / f"{number}_{safe}.json"
            finally:
                claim.unlink(missing_ok=True)
    except OSError as error:
        raise ResultError(f"{folder}: {error.strerror or error}") from error
