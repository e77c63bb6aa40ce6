"""The layers that the deck's page shows: what they compute is the layer's, and a run keeps their time, memory and lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.experiment import job_after
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import LAYER, Measure, MeasurementSettings, MeasureOptions, Status
from w2vbench.bench.plans.book.deck_layers import METHODS, example, method_calls
from w2vbench.bench.plans.run.journal import entry_of, restore
from w2vbench.bench.plans.run.presets import LAYERS_V, PRESETS, fit
from w2vbench.bench.plans.run.problems import Extras, admit, measure_next, new_problem_run
from w2vbench.bench.plans.run.run_result import layer
from w2vbench.bench.plans.run.session import saved_corpus
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface.case import Size
from w2vbench.reports.deck.story import SCREENS

from tests.contexts import context_of

KERNELS = {one.kernel.name: one.kernel for one in catalogue.own()}
SIZE = Size(50, 4, 3, dtype="f64")


def softmax(scores: Any) -> Any:
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def score(h: Any, W: Any, word: Any) -> Any:
    return np.einsum("bh,bh->b", h, W[word])


def slope(h: Any, W: Any, word: Any) -> Any:
    return (1 / (1 + np.exp(-score(h, W, word))) - 1) / len(h)


RESULTS: dict[str, Callable[..., Any]] = {
    "MatMul.forward": lambda W, h, word: W[word],
    "MatMul.backward": lambda W, h, word: ((softmax(h @ W.T) - np.eye(len(W))[word]) / len(h)) @ W,
    "SigmoidWithLoss.forward": lambda W, h, word: np.log1p(np.exp(-score(h, W, word))).mean(),
    "EmbeddingDot.backward": lambda W, h, word: slope(h, W, word)[:, None] * W[word],
}
"""What a method must return for the example that is made outside the clock, worked out without any layer."""
OF_BATCH: dict[str, Callable[..., Any]] = {
    "Embedding.forward": lambda example, W, idx: W[idx],
    "SoftmaxWithLoss.forward": lambda example, h, W, t: (
        -np.log(softmax(example @ W.T)[np.arange(len(t)), t] + 1e-7).mean()
    ),
    "EmbeddingDot.forward": lambda example, h, W, target, negatives: score(h, W, target),
}
"""The same of those that take the kernel's batch."""


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_call_is_the_layers_on_the_kernels_inputs(name: str, corpus: Corpus) -> None:
    kernel = KERNELS[METHODS[name].kernel]
    problem = kernel.make(fit(kernel, SIZE), corpus, np.random.default_rng(0))
    (one,) = method_calls(kernel, [name]).values()
    assert one.prepare
    found = one.function(*problem.batches[0], one.prepare(problem.bare))
    h, word = example(problem)
    W = problem.inputs["W" if "W" in problem.inputs else "W_out"]
    expected = RESULTS[name](W, h, word) if name in RESULTS else OF_BATCH[name](h, *problem.batches[0])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


DECK_LAYERS = {kernel.name: kernel.deck.layers for kernel in catalogue.kernels(catalogue.own()) if kernel.deck.layers}


@pytest.mark.parametrize("name", DECK_LAYERS)
def test_a_run_keeps_time_memory_and_lines_of_layers_and_so_does_its_journal(name: str, corpus: Corpus) -> None:
    baseline = next(one for one in catalogue.own() if one.kernel.name == name and one.baseline)
    size, names = fit(baseline.kernel, SIZE), DECK_LAYERS[name]
    problem = new_problem_run([baseline], size)
    with saved_corpus(corpus) as folder, Workers() as workers:
        context = context_of(workers, folder, settings=MeasurementSettings(variant_s=0.002, sample_s=0.0005))
        admit(problem, context.settings, {})
        measure_next(problem, context, Extras(memory=True, layers=names))
    restore(again := new_problem_run([baseline], size), json.loads(json.dumps(entry_of(problem))))
    assert again.layers == problem.layers
    assert tuple(problem.layers) == names
    for method, found in problem.layers.items():
        kept = layer(found, problem)
        assert kept.samples.wall_median_s > 0
        assert kept.peak_bytes is not None
        assert kept.profile
        assert f"def {method.partition('.')[2]}(self" in kept.profile.lines[0].text
        assert all(line.hits for line in kept.profile.lines if "return" in line.text)
        assert any(line.traced_peak_bytes is not None for line in kept.profile.lines)


def test_a_layer_that_fails_costs_the_layers_and_no_case() -> None:
    job = Measure(
        sources={},
        corpus="",
        settings=MeasurementSettings(),
        kernel="lookup",
        size=str(SIZE),
        cases=((protocol.Variant(name="gather", key="lookup/gather"),),),
        options=MeasureOptions(process=1, layers=DECK_LAYERS["lookup"]),
    )
    excluded: list[tuple[protocol.Case, WorkerFailure]] = []
    after = job_after(WorkerFailure(f"{LAYER}MatMul.forward", Status.OUT_OF_MEMORY, "none is left"), job, excluded)
    assert not excluded
    assert after.cases == job.cases
    assert after.options.layers == ()


def test_the_deck_measures_every_layer_that_its_page_shows() -> None:
    shown = {side.key for screen in SCREENS for side in screen.sides if side.is_layer}
    assert {name for names in DECK_LAYERS.values() for name in names} == shown
    assert all(METHODS[name].kernel == kernel for kernel, names in DECK_LAYERS.items() for name in names)
    for kernel in DECK_LAYERS:
        assert LAYERS_V in [size.V for size in PRESETS["deck"].sizes(KERNELS[kernel])]
