"""A large text's words, found by compiled code: the same as the regular expression finds, whatever the characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.texts import Compiled, CorpusError, corpus_of, words_of
from w2vbench.impls.corpus.words import Corpus

ODD = "aAbB'’ \n\r\t_1²½İıΣσςéÉßẞжЖ\ufeff\u2028中ǅﬁȺ𝒜.,-"
"""Letters of one to four bytes, of which some change their length or depend on their neighbours as they become small; digits
that count as letters, and some that do not; and all that stands between words."""


def both_ways(path: Path) -> tuple[Corpus, Corpus]:
    return corpus_of("text", words_of(path)), corpus_of("text", Compiled(path))


def assert_same(one: Corpus, other: Corpus) -> None:
    assert one.vocabulary == other.vocabulary
    for part in ("ids", "counts", "starts"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@given(
    text=st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_characters="\0", codec="utf-8")), max_size=300)
)
def test_words_and_lines_are_those_of_the_regular_expression(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("reading") / "text"
    path.write_bytes(f"{text} two words\n".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "LARGE_CHUNK", 64)  # many chunks
        assert_same(*both_ways(path))


def test_more_words_than_a_table_has_room_for_at_first_are_numbered_alike(tmp_path: Path) -> None:
    """Of English and of Cyrillic letters, in several chunks that share most of their words."""
    rng = np.random.default_rng(1)
    spelled = [rng.choice(list(letters), (40_000, 6)) for letters in ("abcdefgh", "абвгдежз")]
    words = ["".join(word) for some in spelled for word in some.tolist()]
    path = tmp_path / "text"
    lines = rng.integers(len(words), size=(30_000, 12)).tolist()
    path.write_text("\n".join(" ".join(words[at] for at in line) for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "LARGE_CHUNK", 1 << 19)
        assert_same(*both_ways(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"caf\xe9 " * 100, "not UTF-8 text"),
        (b"a b\0c " * 100, "binary, not text"),
        (b"a" * (1 << 20), "not a text of words"),
        (b"1 2 3 " * 100, "no words in it: it is empty, or has no letters"),
        (b"one " * 100, "only one distinct word, 'one'"),
    ],
)
def test_what_is_no_text_is_said_as_for_small_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    messages = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(texts, "LARGE", large)
        with pytest.raises(CorpusError) as caught:
            texts.read(path)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert said in messages[0]


def test_a_text_that_is_kept_in_files_is_the_same_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text"
    path.write_text("the cat's hat\n\nThe HAT of the cat\n" * 1_000, encoding="utf-8")
    found = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(texts, "LARGE", large)
        monkeypatch.setattr(texts, "LARGE_CHUNK", 4_096)
        folder = tmp_path / str(large)
        folder.mkdir()
        found.append(texts.stored(path, folder))
    assert_same(*found)
