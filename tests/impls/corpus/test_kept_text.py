"""The built-in text is read once; what is kept of it never gives another text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from w2vbench.impls.corpus.kept_text import FILE, kept
from w2vbench.impls.corpus.texts import encode
from w2vbench.impls.corpus.words import Corpus


class Text:
    """Files, and how often words were looked for in them."""

    def __init__(self, folder: Path) -> None:
        self.files = [folder / "one.txt", folder / "two.txt"]
        self.read = 0
        for file in self.files:
            file.write_text("the cat sat\non the café’s mat\n", encoding="utf-8")

    def make(self) -> Corpus:
        self.read += 1
        return encode("a text", [file.read_text(encoding="utf-8") for file in self.files])

    def check(self, read: int) -> None:
        """What is kept is what is in the files, and they were read so often."""
        found, expected = kept(self.files, self.make), self.make()
        self.read -= 1
        assert (found.name, found.vocabulary) == (expected.name, expected.vocabulary)
        for part in ("counts", "ids", "starts"):
            one, other = getattr(found, part), getattr(expected, part)
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        assert self.read == read


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Text:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return Text(tmp_path)


def test_a_text_is_read_once(text: Text) -> None:
    for _ in range(3):
        text.check(read=1)


@pytest.mark.parametrize("change", ["content", "time", "name"])
def test_a_text_that_has_changed_is_read_again(text: Text, change: str) -> None:
    text.check(read=1)
    if change == "content":
        text.files[1].write_text("another mat\n")
    elif change == "time":
        os.utime(text.files[1], (0, 0))
    else:
        text.files[1] = text.files[1].rename(text.files[1].with_name("three.txt"))
    text.check(read=2)
    text.check(read=2)


@pytest.mark.parametrize("damage", ["cut off", "one byte", "empty", "another format"])
def test_what_is_damaged_is_read_again_and_replaced(text: Text, damage: str, tmp_path: Path) -> None:
    text.check(read=1)
    (file,) = tmp_path.glob(f"cache/w2vbench/*/{FILE}")
    content = bytearray(file.read_bytes())
    if damage == "one byte":
        content[content.index("café".encode()) + 1] ^= 1
    elif damage == "cut off":
        content = content[: len(content) // 2]
    file.write_bytes({"empty": b"", "another format": b"no text"}.get(damage, bytes(content)))
    text.check(read=2)
    text.check(read=2)
    assert {one.name for one in file.parent.iterdir()} == {FILE, "source.py"}


def test_where_nothing_can_be_kept_a_text_is_read_each_time(text: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/none")
    text.check(read=1)
    text.check(read=2)
