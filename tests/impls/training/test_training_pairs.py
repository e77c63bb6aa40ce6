"""Equal work: which pairs of words every implementation of training learns from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.training import contract
from w2vbench.impls.training.compiled import CompiledModel
from w2vbench.impls.training.contract import covers, topic_text
from w2vbench.impls.training.pairs import keep_probability, pairs_of
from w2vbench.impls.training.settings import EVERY_PAIR, Settings

from tests.impls.corpus.texts import EVERY, V, model_of, problem_of, text, those


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
        if not i.slug.startswith("gensim")
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
