"""The source deck's small worked examples, computed by the code that is measured: nothing of them is typed in."""

from __future__ import annotations

import inspect
import textwrap
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from w2vbench.impls import layers
from w2vbench.impls.scatter.dense import assign, loop
from w2vbench.reports.file.schema.deck import Deck, Dots, Powers, Repeated, TwoOutputs, TwoScores

Floats = NDArray[np.float64]

SHOWN_LAYERS = (
    "MatMul.forward",
    "MatMul.backward",
    "SoftmaxWithLoss.forward",
    "SoftmaxWithLoss.backward",
    "SigmoidWithLoss.forward",
    "SigmoidWithLoss.backward",
    "Embedding.forward",
    "EmbeddingDot.forward",
    "EmbeddingDot.backward",
)
PAIRS = 2_000
"""Random pairs of scores on which softmax and sigmoid are compared."""
POWER = 0.75


@cache
def examples() -> Deck:
    """Return the worked examples of slides 11 to 22, and the code of the layers that slides show. They take a tenth of a second."""
    return Deck(
        repeated=repeated(),
        two_outputs=two_outputs(),
        dots=dots(),
        powers=powers(),
        layers=dict(map(code, SHOWN_LAYERS)),
    )


def code(name: str) -> tuple[str, str]:
    """Return a method's name and source."""
    owner, _, method = name.partition(".")
    return name, textwrap.dedent(inspect.getsource(getattr(getattr(layers, owner), method)))


def repeated() -> Repeated:
    """Add gradients back for the batch of slide 8, in which word 0 comes twice."""
    idx = np.array([1, 0, 3, 0])
    dout = np.arange(1.0, 9.0).reshape(4, 2)
    gradients = []
    for scatter in (assign, loop):
        dW = np.full((4, 2), 99.0)  # the layer keeps its gradient from step to step: whatever is left over must go
        scatter(dout, idx, dW)
        gradients.append(dW.tolist())
    return Repeated(idx=idx.tolist(), dout=dout.tolist(), assigned=gradients[0], added=gradients[1])


def two_outputs() -> TwoOutputs:
    """Compare losses and gradients of softmax over two scores with those of sigmoid, pair by pair."""
    scores = np.random.default_rng(16).normal(0, 3, (PAIRS, 2))
    both = [(pair, yes) for pair in scores for yes in (True, False)]
    soft = [of_softmax(pair, yes) for pair, yes in both]
    difference = [of_sigmoid(pair[0] - pair[1], yes) for pair, yes in both]
    one = [of_sigmoid(pair[0], yes)[0] for pair, yes in both]
    with_zero = [(of_softmax(np.array([pair[0], 0.0]), yes)[0], of_sigmoid(pair[0], yes)[0]) for pair, yes in both]
    shown = [(2.0, 0.0), (2.0, 1.0), (0.5, -1.5)]
    return TwoOutputs(
        pairs=PAIRS,
        loss_difference=largest([s[0] - d[0] for s, d in zip(soft, difference, strict=True)]),
        yes_gradient_difference=largest([s[1][0] - d[1] for s, d in zip(soft, difference, strict=True)]),
        no_gradient_difference=largest([s[1][1] + d[1] for s, d in zip(soft, difference, strict=True)]),
        one_score_difference=largest([s[0] - o for s, o in zip(soft, one, strict=True)]),
        zero_difference=largest([s - o for s, o in with_zero]),
        examples=[
            TwoScores(
                a=a,
                b=b,
                softmax=of_softmax(np.array([a, b]), True)[0],
                sigmoid_difference=of_sigmoid(a - b, True)[0],
                sigmoid_one=of_sigmoid(a, True)[0],
            )
            for a, b in shown
        ],
    )


def of_softmax(pair: Floats, yes: bool) -> tuple[float, Floats]:
    """Return the softmax loss of scores for yes and no, and its gradient."""
    layer = layers.SoftmaxWithLoss()
    loss = layer.forward(pair[None, :], np.array([0 if yes else 1]))
    return float(loss), layer.backward()[0]


def of_sigmoid(score: float, yes: bool) -> tuple[float, float]:
    """Return the sigmoid loss of one score, and its derivative."""
    layer = layers.SigmoidWithLoss()
    loss = layer.forward(np.array([score]), np.array([yes]))
    return float(loss), float(layer.backward()[0])


def largest(differences: Any) -> float:
    return float(np.abs(differences).max())


def dots() -> Dots:
    """Compare EmbeddingDot with MatMul over all words, given the gradient of the chosen words' scores only."""
    rng = np.random.default_rng(17)
    V, H, B = 7, 3, 5
    W, h = rng.normal(size=(V, H)), rng.normal(size=(B, H))
    idx, dout = np.array([1, 0, 3, 0, 6]), rng.normal(size=B)
    dot, matmul = layers.EmbeddingDot(W), layers.MatMul(np.ascontiguousarray(W.T))
    scores, every = dot.forward(h, idx), matmul.forward(h)
    chosen = np.arange(B), idx
    spread = np.zeros((B, V))
    spread[chosen] = dout
    return Dots(
        V=V,
        H=H,
        B=B,
        score_difference=largest(scores - every[chosen]),
        dh_difference=largest(dot.backward(dout) - matmul.backward(spread)),
        table_difference=largest(dot.grads[0] - matmul.grads[0].T),
    )


def powers() -> Powers:
    """Return the law of negatives for a frequent, a usual and a rare word, by the book's own sampler."""
    counts = np.array([70, 29, 1])
    sampler = layers.UnigramSampler(np.repeat(np.arange(len(counts)), counts), POWER, 1)
    return Powers(power=POWER, shares=(counts / counts.sum()).tolist(), drawn=sampler.word_p.tolist())
