"""Some hundreds of the inputs of ``python -m tests.fuzz``, and whether it would see what commands may not do."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.fuzz import guard
from tests.fuzz.__main__ import KINDS, fuzz, made
from tests.fuzz.kinds import Input
from tests.fuzz.trial import GUARD, stage, tried, wrong_answer

INPUTS = 300


def test_no_input_breaks_a_promise() -> None:
    wrong = [(f"python -m tests.fuzz --only {name}", what) for name, _, what in fuzz(INPUTS, 0, processes=200) if what]
    assert not wrong


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_follows_from_its_number(kind: str) -> None:
    one, again = made(0, kind, 7), made(0, kind, 7)
    assert (one.line, one.files) == (again.line, again.files)
    assert len({str(made(0, kind, number)) for number in range(9)}) > 4


def test_a_shell_a_file_elsewhere_and_an_error_are_seen(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"

    def shell(folder: Path) -> None:
        subprocess.run("true", shell=True, check=True)

    def write(folder: Path) -> None:
        elsewhere.write_text("")

    def move(folder: Path) -> None:
        (folder / "a").write_text("")
        (folder / "a").rename(elsewhere)

    def leave(folder: Path) -> None:
        (folder / "left").write_text("")
        (Path(tempfile.gettempdir()) / "forgotten").mkdir()

    def fail(folder: Path) -> None:
        raise KeyError("no error for users")

    with stage() as folder:
        seen = {
            does.__name__: "\n".join(tried(Input(direct=does), folder)) for does in (shell, write, move, leave, fail)
        }
    assert "a shell is run" in seen["shell"]
    assert f"outside of its folder: {elsewhere}" in seen["write"]
    assert f"outside of its folder: {elsewhere}" in seen["move"]
    assert seen["leave"].splitlines() == ["left left", "temporary forgotten is left"]
    assert "no error for users" in seen["fail"]


def test_what_takes_for_ever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LONGEST_S", 0.05)
    reader, writer = os.pipe()
    with pytest.raises(guard.Hang), GUARD.watching(tmp_path):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("code", "said", "wrong"),
    [
        (None, "", False),
        (2, "w2vbench: what is wrong\n", False),
        (2, "reading the text\nw2vbench: what is wrong\n", False),
        (2, "", True),
        (2, "w2vbench: a\nw2vbench: b\n", True),
        (2, "what is wrong\n", True),
        (4, "", True),
        (0, "Traceback (most recent call last):\n", True),
    ],
)
def test_an_answer_is_a_known_exit_code_and_one_line(code: int | None, said: str, wrong: bool) -> None:
    assert bool(wrong_answer((), code, said)) is wrong
