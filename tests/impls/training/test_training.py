"""Training: what a pass does to a text, what the contract finds, and its pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.plans.run.problems import admit, new_problem_run
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.training import compiled as looped
from w2vbench.impls.training import staged
from w2vbench.impls.training.compiled import CompiledModel
from w2vbench.impls.training.contract import LEARNT_ACCURACY, LONGEST
from w2vbench.impls.training.implementations import CBOW, cbow
from w2vbench.impls.training.pairs import keep_probability, noise_loss, pair_accuracy, pairs_of
from w2vbench.impls.training.settings import Settings
from w2vbench.impls.training.staged import BATCH, SPARSE, STAGES, StagedModel

from tests.impls.calling import verdict_of
from tests.impls.corpus.texts import EVERY, NUMBA, TOPICS, V, model_of, problem_of, text, those, trained


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
    def step(words: Array, starts: Array, model: Any) -> Any:
        return model.step(words, starts)

    verdict = verdict_of(cbow, step, corpus, prepare=model)
    assert verdict.status == "wrong"
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "given",
    [
        *({"window": 0}, {"sample": -1.0}, {"alpha": float("nan")}, {"power": float("inf")}),
        *({"alpha": 0.0, "min_alpha": 0.0}, {"min_alpha": 0.02, "alpha": 0.01}),
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused(given: dict[str, Any]) -> None:
    name, value = next(iter(given.items()))
    with pytest.raises(ValueError, match=f"{name}( is|,) {value:g}"):
        Settings(**given)


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
    problem = new_problem_run([CBOW[-1]], Size(9, 4, 1, 2, index="i32"))
    admit(problem, MeasurementSettings(), {})
    (case,) = problem.cases
    assert case.status == "skipped"
    assert "B = 1 is too small" in case.reason


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
    centres, contexts = pairs_of(words, starts, window)
    apart = np.abs(np.subtract.outer(words, words))
    want = np.argwhere((apart > 0) & (apart <= window) & (line[:, None] == line))
    assert len(centres) == len(want)
    assert sorted(zip(centres, contexts, strict=True)) == sorted(map(tuple, want))


def test_a_model_that_knows_nothing_scores_by_chance() -> None:
    counts, nothing = np.bincount(TOPICS[0], minlength=V).astype(np.float64), np.zeros((V, 4), np.float32)
    assert pair_accuracy(nothing, nothing, *TOPICS, counts) == 0.5
    assert noise_loss(nothing, nothing, *TOPICS, counts) == pytest.approx(6 * np.log(2))
