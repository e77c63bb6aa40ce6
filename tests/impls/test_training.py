"""Training: the compiled steps against plain arithmetic, what a pass does to a text, and that implementations learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.engine.context import Settings as RunSettings
from bench.engine.contract import check_contract
from bench.plans.problems import new_problem_run
from impls.case import Size
from impls.compiled import compiled
from impls.interface import Array, Implementation, Problem
from impls.training import compiled as looped
from impls.training import contract, rows, staged
from impls.training.compiled import CompiledModel
from impls.training.contract import (
    EVERY_PAIR,
    LEARNT_ACCURACY,
    LONGEST,
    Settings,
    covers,
    keep_probability,
    noise_loss,
    pair_accuracy,
    pairs_of,
    topic_text,
    training_problem,
    windows,
)
from impls.training.implementations import CBOW, SKIP_GRAM, cbow
from impls.training.staged import BATCH, SPARSE, STAGES, StagedModel
from impls.vectors import LINE, aligned, register_bytes
from impls.words import Corpus, encode
from tests.impls.calling import available

V = 12
EVERY = [*CBOW, *SKIP_GRAM]
NUMBA = pytest.mark.parametrize("implementation", [CBOW[-1], SKIP_GRAM[-1]], ids=lambda i: i.key)


def those(*slugs: str) -> list[Any]:
    """Parameters: these implementations of both kernels."""
    return [pytest.param(i, id=i.key) for i in EVERY if i.slug in slugs]


def problem_of(
    text: tuple[Array, Array],
    H: int = 16,
    K: int = 2,
    *,
    counts: Any = None,
    threads: int = 1,
    seed: int = 0,
    settings: Settings = Settings(sample=0),  # noqa: B008 (it is frozen)
) -> Problem:
    """A text and its lines as a problem of training; its words are counted unless their counts are given."""
    words, starts = text
    counts = np.bincount(words).astype(float) if counts is None else np.asarray(counts, float)
    size = Size(len(counts), H, len(words), K, index="i32", threads=threads)
    return training_problem(size, counts, [(words, starts)], np.random.default_rng(seed), settings)


def model_of(implementation: Implementation, problem: Problem) -> Any:
    _, (model,) = available(implementation).start(problem)
    return model


def text(*words: int, lines: Sequence[int] = ()) -> tuple[Array, Array]:
    """A text of words, in one line unless its lines' beginnings are given."""
    return np.array(words, np.int32), np.array([*(lines or [0]), len(words)], np.int64)


# the arithmetic of a step


def skip_gram_reference(
    W_in: Array, W_out: Array, contexts: Array, targets: Array, alpha: float, together: int = 2
) -> None:
    """Each context against all targets' old rows; contexts two by two, as the implementation goes through them."""
    old = W_out.copy()
    change = np.zeros_like(W_out)
    for first in range(0, len(contexts), together):
        some = contexts[first : first + together]
        h = W_in[some].copy()
        slopes = alpha * ((np.arange(len(targets)) == 0) - 1 / (1 + np.exp(-h @ old[targets].T)))
        np.add.at(W_in, some, slopes @ old[targets])
        np.add.at(change, targets, slopes.T @ h)
    W_out += change


def cbow_reference(W_in: Array, W_out: Array, contexts: Array, targets: Array, alpha: float) -> None:
    h = W_in[contexts].mean(axis=0)
    slopes = alpha * ((np.arange(len(targets)) == 0) - 1 / (1 + np.exp(-W_out[targets] @ h)))
    change = slopes @ W_out[targets]
    np.add.at(W_out, targets, slopes[:, None] * h)
    np.add.at(W_in, contexts, change)


rows_skip_gram, rows_cbow = rows.skip_gram_step, rows.cbow_step


def call_skip_gram(
    W_in: Array, own_in: Array, W_out: Array, own_out: Array, contexts: Array, targets: Array, alpha: Any, scratch: Array,
    slopes: Array, pairs: Any, lines: Any,
) -> None:  # fmt: skip
    rows_skip_gram(W_in, own_in, W_out, own_out, contexts, len(contexts), targets, alpha, scratch, slopes, pairs, lines)


def call_cbow(
    W_in: Array, own_in: Array, W_out: Array, own_out: Array, contexts: Array, targets: Array, alpha: Any, scratch: Array,
    slopes: Array, pairs: Any, lines: Any,
) -> None:  # fmt: skip
    rows_cbow(W_in, own_in, W_out, own_out, contexts, len(contexts), targets, alpha, scratch, slopes, pairs, lines)


def stepped(
    call: Callable[..., None], H: int, contexts: list[int], targets: list[int], own: int, seed: int
) -> tuple[Array, Array, Array, Array]:
    """Both tables before (float64) and after a step with some rows in tables of the thread's own."""
    rng = np.random.default_rng(seed)
    width = -(-H // LINE) * LINE
    tables = []
    for _ in range(2):
        table = aligned(V, width)
        table[:, :H] = rng.normal(size=(V, H)) * 0.5
        tables.append(table)
    before = [table.astype(np.float64) for table in tables]
    owns = [aligned(own, width) for _ in range(2)]
    for table, mine in zip(tables, owns, strict=True):
        mine[:] = table[:own]
    slot = -(-len(targets) // 8) * 8
    compiled(call)(
        tables[0], owns[0], tables[1], owns[1], np.array(contexts, np.int32), np.array(targets, np.int32),
        np.float32(0.1), aligned(max(2, len(contexts)), width), np.zeros(len(contexts) * slot + 32, np.float32),
        (0,) * len(targets), (0,) * (width // LINE),
    )  # fmt: skip
    for table, mine, was in zip(tables, owns, before, strict=True):
        np.testing.assert_array_equal(table[:own], was[:own].astype(np.float32))  # the shared rows are left alone
        table[:own] = mine
    return before[0], before[1], tables[0], tables[1]


def assert_step(
    skip_gram: bool, H: int, contexts: list[int], targets: list[int], own: int, seed: int, atol: float
) -> None:
    """A compiled step is the arithmetic it claims."""
    W_in, W_out, got_in, got_out = stepped(call_skip_gram if skip_gram else call_cbow, H, contexts, targets, own, seed)
    if skip_gram:
        one_by_one = register_bytes() // 2 < 2 * len(targets) + 4
        skip_gram_reference(W_in, W_out, np.array(contexts), np.array(targets), 0.1, 1 if one_by_one else 2)
    else:
        cbow_reference(W_in, W_out, np.array(contexts), np.array(targets), 0.1)
    np.testing.assert_allclose(got_in, W_in, atol=atol)
    np.testing.assert_allclose(got_out, W_out, atol=atol)


ids = st.integers(0, V - 1)


@pytest.mark.parametrize("skip_gram", [True, False])
@settings(max_examples=60, deadline=None)
@given(
    contexts=st.lists(ids, min_size=1, max_size=10),
    targets=st.lists(ids, min_size=6, max_size=6),
    own=st.sampled_from([0, 5]),
    seed=st.integers(0, 2**32),
)
def test_a_step_is_the_arithmetic_it_claims(
    skip_gram: bool, contexts: list[int], targets: list[int], own: int, seed: int
) -> None:
    """With repeated contexts, and negatives that repeat or are the target."""
    assert_step(skip_gram, 20, contexts, targets, own, seed, atol=2e-6)


@pytest.mark.parametrize("skip_gram", [True, False])
@pytest.mark.parametrize(("H", "K"), [(1, 1), (16, 5), (100, 5), (300, 5), (40, 20), (400, 3)])
def test_steps_hold_for_other_lengths_of_rows_and_numbers_of_negatives(H: int, K: int, skip_gram: bool) -> None:
    rng = np.random.default_rng(K)
    contexts, targets = rng.integers(V, size=7).tolist(), rng.integers(V, size=K + 1).tolist()
    assert_step(skip_gram, H, contexts, targets, own=3, seed=1, atol=1e-5)


# implementations


class Idle:
    """Draws its tables, and leaves them."""

    alpha = 0.0

    def __init__(self, problem: Problem) -> None:
        rng, shape = np.random.default_rng(0), (problem.size.V, problem.size.H)
        self.W_in, self.W_out = (rng.normal(size=shape).astype(np.float32) for _ in range(2))

    def step(self, words: Array, starts: Array) -> Any:
        return self


class Constant(Idle):
    """Its loss is low, since noise is more frequent than neighbours, but it has learnt nothing of the text."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.W_in[:], self.W_out[:] = 0.1, -1.6 / (0.1 * problem.size.H)


class Half(StagedModel):
    """Half of each vector takes half the time."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(replace(problem, size=replace(problem.size, H=problem.size.H // 2)), SPARSE, False)


class Doubles(StagedModel):
    """Its tables change their kind."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, SPARSE, False)

    def step(self, words: Array, starts: Array) -> StagedModel:
        super().step(words, starts)
        self.W_in = self.W_in.astype(np.float64)
        return self


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Idle, "does not learn"),
        (Constant, "at most 50% of cases"),
        (Half, "W_in is float32 of shape (12, 64), and must be float32 of shape (12, 128)"),
        (Doubles, "W_in is float64"),
    ],
)
def test_a_model_that_learns_nothing_or_has_other_tables_is_wrong(
    model: Callable[[Problem], Any], reason: str, corpus: Corpus
) -> None:
    tested = cbow.implementation("tested", "the tested model", prepare=model)(
        lambda words, starts, model: model.step(words, starts)
    )
    verdict = check_contract(tested, corpus)
    assert verdict.status == "wrong"
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window": 0}, "window is 0"),
        ({"sample": -1.0}, "sample is -1.0"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"alpha": 0.0, "min_alpha": 0.0}, "alpha is 0"),
        ({"power": float("inf")}, "power is inf"),
        ({"alpha": 0.01, "min_alpha": 0.02}, "min_alpha, 0.02, is above alpha, 0.01"),
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**given)


TOPICS = topic_text(V, np.random.default_rng(1))
FAST = Settings(sample=0, alpha=0.05)


def trained(implementation: Implementation, threads: int = 1, passes: int = 12, seed: int = 0) -> Any:
    model = model_of(implementation, problem_of(TOPICS, K=5, threads=threads, seed=seed, settings=FAST))
    for _ in range(passes):
        implementation(*TOPICS, model)
    return model


@NUMBA
def test_a_seed_gives_the_same_vectors_on_one_thread_and_another_seed_others(implementation: Implementation) -> None:
    one, other, another = (trained(implementation, seed=seed).W_in for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, another)


@NUMBA
def test_threads_with_copies_of_frequent_rows_learn_as_well_as_one(implementation: Implementation) -> None:
    """A planted text whose words' frequencies fall as 1 / rank: the copies' rows are in most windows."""
    V, topics, rng = 240, 3, np.random.default_rng(1)
    rank = (240 / topics) ** rng.random((4000, 5)) - 1
    words = (rank.astype(np.int32) * topics + rng.integers(topics, size=(4000, 1), dtype=np.int32)).reshape(-1)
    starts, counts = np.arange(4001, dtype=np.int64) * 5, np.bincount(words, minlength=V).astype(np.float64)
    accuracy = []
    for threads in (1, 3):
        model = model_of(implementation, problem_of((words, starts), K=5, counts=counts, threads=threads))
        for _ in range(20):
            implementation(words, starts, model)
        accuracy.append(pair_accuracy(model.W_in, model.W_out, words, starts, counts))
    assert accuracy[0] > LEARNT_ACCURACY
    assert accuracy[1] > accuracy[0] - 0.02


def test_copies_of_frequent_rows_come_together_as_if_threads_had_taken_turns() -> None:
    """A row that is hardly used moves by the sum of what the threads did, one that has settled by their mean."""
    problem = problem_of(text(*range(10)), H=4, K=5, counts=np.full(100, 1e3), threads=4, settings=Settings())
    for alpha, words, expected in ((1e-9, 100, 4.0), (1e3, 1e6, 1.0)):
        model = CompiledModel(problem, skip_gram=True)
        model.alpha = alpha
        before = [table.copy() for table in model.shared]
        model.copy_frequent_rows()
        for thread in model.threads:
            for own in thread.own:
                own += 1.0
        model.merge_frequent_rows(words)
        for table, was in zip(model.shared, before, strict=True):
            np.testing.assert_allclose((table - was)[:5], expected, rtol=1e-4)
            assert (table[5:] == was[5:]).all()


@pytest.mark.parametrize("implementation", EVERY, ids=lambda i: i.key)
@pytest.mark.parametrize(("lines", "learnt"), [([0, 1, 2, 3], False), ([0, 2], True)])
def test_windows_do_not_reach_across_lines(implementation: Implementation, lines: list[int], learnt: bool) -> None:
    """Two words that are alone in their lines teach nothing, and neighbours do."""
    words, starts = text(0, 1, 2, 3, lines=lines)
    model = model_of(implementation, problem_of((words, starts)))
    before = model.W_out.copy()
    for _ in range(3):
        implementation(words, starts, model)
    assert (not np.array_equal(before, model.W_out)) is learnt


def test_windows_are_cut_at_the_ends_of_lines_and_at_their_reach() -> None:
    line, reach = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 2, 2, 2])
    contexts, many = windows(line, np.array([0, 1, 2, 4, 5]), reach)
    assert contexts.tolist() == [1, 0, 2, 0, 1, 3]
    assert many.tolist() == [1, 2, 2, 1, 0]


@pytest.mark.parametrize("implementation", those("sparse", "torch"))
def test_a_word_beyond_the_end_of_a_line_is_not_moved(implementation: Implementation) -> None:
    """Not even by its momentum, which a gradient of zeros would set free."""
    words, starts = text(0, 1, 2, 3)
    model = model_of(implementation, problem_of((words, starts)))
    for _ in range(2):
        implementation(words, starts, model)
    before = model.W_in.copy()
    implementation(words, np.array([0, 2, 3, 4]), model)
    assert (model.W_in != before).any(axis=1).tolist() == [True, True, False, False]


def test_a_line_longer_than_gensims_longest_is_trained_on_to_its_end() -> None:
    words, starts = text(*np.resize(np.arange(6), LONGEST), *[6] * 7)
    model = CompiledModel(problem_of((words, starts)), skip_gram=True)
    before = model.W_in[6].copy()
    model.step(words, starts)
    assert not np.array_equal(before, model.W_in[6])


def test_stages_of_a_step_add_up_to_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks when it is read: each batch reads it at both ends of its five stages."""
    model = trained(those("sparse")[0].values[0], passes=1)
    batches = -(-len(TOPICS[0]) // BATCH)
    ticks = count()
    monkeypatch.setattr(staged, "perf_counter_ns", lambda: next(ticks))
    took = {stage: round(seconds * 1e9) for stage, seconds in model.stages(*TOPICS).items()}
    assert took == {"examples": batches + 1} | dict.fromkeys(STAGES, batches)
    assert sum(took.values()) == next(ticks) - 1


@pytest.mark.parametrize("threads", [1, 2])
@NUMBA
def test_a_compiled_pass_is_parted_into_drawing_and_the_rest(
    implementation: Implementation, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(implementation, threads)
    clock = iter([0.0, 1.0, 4.0])
    monkeypatch.setattr(looped, "perf_counter", lambda: next(clock))
    before = model.W_in.copy()
    assert model.stages(*TOPICS) == {"examples + sampling": 1.0, "lookup to update": 2.0}
    assert not np.array_equal(before, model.W_in)


def test_a_text_of_a_word_is_checked_and_not_measured() -> None:
    """It has no windows: what would be timed is not training."""
    (case,) = new_problem_run([CBOW[-1]], Size(9, 4, 1, 2, index="i32"), RunSettings()).cases
    assert case.status == "skipped"
    assert "B = 1 is too small" in case.reason


# equal work


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 7))
def test_pairs_of_a_call_are_those_of_its_lines(B: int, longest: int, window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "LONGEST", longest)
        patch.setattr(contract, "EVERY_PAIR", replace(EVERY_PAIR, window=window))
        starts = np.array([*range(0, B, longest), B])
        centres, _ = pairs_of(np.zeros(B, np.int32), starts, window)
        assert covers(Size(9, B=B)) == {"pairs": len(centres), "words": B}


def counting(model: Any) -> list[int]:
    """Where a model puts how many pairs each of its batches, or a thread's part, has."""
    seen: list[int] = []
    if isinstance(model, CompiledModel):
        inner = model.train

        def train(*part: Any) -> int:
            seen.append(inner(*part))
            return seen[-1]

        vars(model)["train"] = train
    else:
        model.learn = lambda inputs, *rest: seen.append(len(inputs))
    return seen


@pytest.mark.parametrize(
    ("implementation", "threads"),
    [
        pytest.param(i, threads, id=f"{i.key}-{threads}")
        for i in EVERY
        for threads in ([1] if i.one_thread else [1, 2])
        if i.slug != "gensim"
    ],
)
def test_every_implementation_learns_from_the_same_pairs(
    implementation: Implementation, threads: int, corpus: Corpus
) -> None:
    """A case's ratios are of equal work: nobody leaves words out, or shrinks a window."""
    size = Size(300, 8, 250, 2, index="i32", threads=threads)
    problem = implementation.kernel.make(size, corpus, np.random.default_rng(0))
    model = model_of(implementation, problem)
    seen = counting(model)
    implementation(*problem.batches[0], model)
    parts = threads if isinstance(model, CompiledModel) else 1  # each of its threads' is a line of its own
    assert sum(seen) == implementation.covered(size)["pairs"] == parts * 2 * (5 * 250 // parts - 15)


@pytest.mark.parametrize("implementation", those("batched", "gensim", "numba"))
def test_what_a_step_moves_is_the_rows_of_full_windows(implementation: Implementation) -> None:
    """Seen from outside: with rows of zeros and a small rate, an output row becomes what its window's input rows add up to.

    All negatives are one word that is not in the line, being as frequent as it takes.
    """
    n, rate = 14, 1e-3
    words, starts = text(*range(n))
    given = replace(EVERY_PAIR, alpha=rate)
    problem = problem_of((words, starts), H=40, K=1, counts=[*np.ones(n), 1e13], settings=given)
    model = model_of(implementation, problem)
    before = model.W_in[:n].astype(np.float64)
    implementation(words, starts, model)
    moved = np.linalg.lstsq(before.T, model.W_out[:n].T.astype(np.float64), rcond=None)[0].T / (rate / 2)
    distance = np.abs(np.subtract.outer(words, words))
    want = ((distance > 0) & (distance <= 5)).astype(float)
    if implementation.kernel.name == "training.cbow":
        want /= want.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(moved, want, atol=0.02)


@pytest.mark.parametrize("implementation", those("sparse", "numba"))
@pytest.mark.parametrize("sample", [0.0, 0.05])
def test_by_word2vecs_rules_as_many_pairs_are_left_as_chance_has_it(
    implementation: Implementation, sample: float
) -> None:
    """Windows reach from 1 to 5 words, and each word stays with its own chance: what whole runs of all implementations do."""
    words, starts = topic_text(V, np.random.default_rng(1), lines=40, length=30)
    counts = np.bincount(words, minlength=V).astype(np.float64)
    model = model_of(implementation, problem_of((words, starts), H=4, K=1, seed=2, settings=Settings(sample=sample)))
    seen, passes = counting(model), []
    for _ in range(60):
        seen.clear()
        implementation(words, starts, model)
        passes.append(sum(seen))
    stays = keep_probability(counts, sample)[words].reshape(40, 30)
    expected = 0.0
    for line in stays:  # the law of how many words are left, one after another; lines of n have a known mean
        left = np.array([1.0])
        for share in line:
            left = np.convolve(left, [1 - share, share])
        expected += sum(chance * pairs_by_chance(n) for n, chance in enumerate(left))
    error = np.std(passes, ddof=1) / np.sqrt(len(passes))
    assert abs(np.mean(passes) - expected) < 5 * error


def pairs_by_chance(n: int) -> float:
    """Mean number of pairs in a line of n words whose windows reach 1 to 5 words, each as often."""
    return sum(min(reach, at) + min(reach, n - 1 - at) for at in range(n) for reach in range(1, 6)) / 5


# pieces of the contract


def test_frequent_words_are_left_out_by_word2vecs_rule() -> None:
    counts = np.array([1e6, 1e3, 1.0])
    share = keep_probability(counts, 1e-3)
    f = counts / counts.sum()
    np.testing.assert_allclose(share, np.minimum(1, np.sqrt(1e-3 / f) + 1e-3 / f))
    assert keep_probability(counts, 0).tolist() == [1, 1, 1]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 4))
def test_pairs_are_those_of_the_definition(lengths: list[int], window: int) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    words = np.arange(starts[-1]).astype(np.int32)
    line = np.repeat(np.arange(len(lengths)), lengths)
    want = {
        (int(i), int(j))
        for i in words
        for j in words
        if i != j and abs(int(i) - int(j)) <= window and line[i] == line[j]
    }
    centres, contexts = pairs_of(words, starts, window)
    assert len(centres) == len(want)
    assert set(zip(centres.tolist(), contexts.tolist(), strict=True)) == want


def test_a_model_that_knows_nothing_scores_by_chance() -> None:
    counts, nothing = np.bincount(TOPICS[0], minlength=V).astype(np.float64), np.zeros((V, 4), np.float32)
    assert pair_accuracy(nothing, nothing, *TOPICS, counts) == 0.5
    assert noise_loss(nothing, nothing, *TOPICS, counts) == pytest.approx(6 * np.log(2))


def test_a_corpus_gives_pieces_with_lines() -> None:
    corpus = encode("song", ["you say goodbye and i say hello\n" * 50])
    problem = cbow.make(Size(5, 4, 30, 2, index="i32"), corpus, np.random.default_rng(0))
    words, starts = problem.batches[0]
    assert words.dtype == np.int32
    assert (starts[0], starts[-1]) == (0, 30)
    assert words.max() < 5
