"""One input is tried: what a command does with it, and which of its promises that breaks."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from unittest.mock import patch

from tests.bench.commands.asking import answer_to, stand_ins
from tests.processes import w2vbench

from .code import make_repository
from .guard import Guard
from .kinds import Input

CODES = (None, 0, 1, 2, 3, 130)
"""Exit codes that are documented; None where measuring would begin."""
DOING = (
    "reading ",
    "w2vbench: resolving ",
    "note: ",
    "the earlier table ",
    "the test still uses ",
    "earlier runs were put aside ",
)
"""Beginnings of lines on standard error that are no answer."""
LEFT = (
    "out",
    ".benchmarks",
    "store/.history-index",
    "w2vbench.toml",
    "table.toml.unfinished",
    "__pycache__",
    "temporary",
)
"""What a command may leave in the current folder beside its files."""
GUARD = Guard()


@contextmanager
def stage() -> Iterator[Path]:
    """Make a folder for trials: no command there starts a worker, knows a home, or asks a package index."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, ExitStack() as stack:
        folder = Path(name).resolve()
        for owner, attribute, instead in stand_ins():
            stack.enter_context(patch.object(owner, attribute, instead))
        variables = {
            "HOME": name,
            "XDG_CACHE_HOME": f"{name}/cache",
            "UV_OFFLINE": "1",
            "PIP_NO_INDEX": "1",
            "NO_COLOR": "1",
        }
        stack.enter_context(patch.dict(os.environ, variables))
        for unset in ("W2VBENCH_TABLE", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
            os.environ.pop(unset, None)
        stack.enter_context(patch.object(sys, "dont_write_bytecode", True))
        back = Path.cwd()
        try:
            yield folder
        finally:
            os.chdir(back)


def placed(given: Input, folder: Path) -> Path:
    """Put an input's files into a new folder, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    here = folder / "here"
    for name, content in given.files.items():
        if name.endswith("/"):
            (here / name).mkdir(parents=True, exist_ok=True)
        else:
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(content)
    here.mkdir(parents=True, exist_ok=True)
    (folder / "temporary").mkdir()
    if ".git/" in given.files:
        make_repository(here)
    return here


def tried(given: Input, folder: Path) -> list[str]:
    """Try an input in this process. Returns what is wrong with the answer."""
    here = placed(given, folder)
    modules = set(sys.modules)
    os.chdir(here)
    before = everything(here)
    try:
        with silence(), patch.object(tempfile, "tempdir", str(folder / "temporary")), GUARD.watching(folder) as seen:
            if given.direct:
                given.direct(here)
                wrong = []
            else:
                wrong = wrong_answer(given.line, *answer_to(*given.line))
    except KeyboardInterrupt:
        raise
    except BaseException:
        wrong = [traceback.format_exc(limit=-8)]
        seen = GUARD.seen
    finally:
        for name in set(sys.modules) - modules:
            if name.startswith(("w2vbench_", "kept")):
                del sys.modules[name]
    left = [name for name in everything(here) - before if not name.startswith(LEFT)] if not own_outputs(given) else []
    kept = [one.name for one in (folder / "temporary").iterdir() if one.suffix != ".lock"]
    return [*wrong, *seen, *(f"left {name}" for name in left), *(f"temporary {name} is left" for name in kept)]


@contextmanager
def silence() -> Iterator[None]:
    """Let nothing be printed and nothing be warned of: a user's file may do both."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def own_outputs(given: Input) -> bool:
    """Whether the input itself says where something is to be written."""
    out = given.line[given.line.index("--out") + 1] if "--out" in given.line else "out"
    return (
        not {"--output", "--junit"}.isdisjoint(given.line)
        or given.line.count("--out") > 1
        or out[:3] not in ("out", "tab")
    )


def everything(here: Path) -> set[str]:
    with suppress(OSError):
        return {str(path.relative_to(here)) for path in here.rglob("*") if ".git" not in path.parts}
    return set()


def wrong_answer(line: Sequence[str], code: int | None, said: str) -> list[str]:
    """Return what is wrong with an exit code and with what stood on standard error."""
    wrong = []
    if code not in CODES:
        wrong.append(f"exit code {code}")
    if "Traceback (most recent" in said:
        wrong.append(said)
    answers = [one for one in said.splitlines() if not one.startswith(DOING)]
    if code == 2 and not (len(answers) == 1 and answers[0].startswith("w2vbench: ") and len(said) < 5000):
        wrong.append(f"exit code 2 with {len(answers)} lines: {said[:2000]!r}")
    return wrong


def tried_as_a_process(given: Input, folder: Path) -> list[str]:
    """Try an input as a user does. Returns what is wrong with the answer."""
    here = placed(given, folder)
    before = everything(here)
    done = w2vbench(*given.line, cwd=here, TMPDIR=str(folder / "temporary"), PYTHONDONTWRITEBYTECODE="1")
    left = [] if own_outputs(given) else [name for name in everything(here) - before if not name.startswith(LEFT)]
    return [*wrong_answer(given.line, done.returncode, done.stderr), *(f"left {name}" for name in left)]
