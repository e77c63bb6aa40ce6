"""The layers of *Deep Learning from Scratch 2* (Saito, O'Reilly Japan, 2018), chapters 3 and 4, with a choice of implementations.

A layer has weights in ``params`` and their gradients in ``grads``. Gradients are dense and always written in place.
``forward`` stores what ``backward`` needs. ``backward`` takes the gradient of the loss with respect to the output, and
returns the one with respect to the input. Layers that share a matrix hold the same array, each with its own gradient;
the trainer adds these.

Constructors and protocol are the book's, so that its training scripts run on these layers unchanged. The same
``np.random.seed`` gives the same losses to float precision. One difference is intended: everything is computed in the
dtype of the weights, while the book's arithmetic with integer labels and one-hot rows turns float32 into float64. The
keyword-only options ``lookup``, ``scatter`` and ``draw`` choose the implementations:

    CBOW(V, H, window, corpus, scatter=unique_csr, draw=alias)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from .interface import Array
from .lookup import gather
from .lookup import lookup as lookup_kernel
from .parts.options import Call, Option
from .sampling.with_replacement import with_replacement
from .sampling.without_replacement import choice_per_row, without_replacement
from .scatter.dense import add_at, dense

Loss = np.floating[Any]

TINY = 1e-7
"""Added to a probability before its logarithm, as in the book: one answer costs at most -log(1e-7) = 16.1."""


class Layer(Protocol):
    """Anything with weights and as many gradients of the same shapes."""

    params: list[Array]
    grads: list[Array]


def weights_of(layers: Iterable[Layer]) -> tuple[list[Array], list[Array]]:
    """Return all weights and all gradients of layers, in order. An array that layers share comes once for each layer."""
    layers = list(layers)
    return [W for layer in layers for W in layer.params], [dW for layer in layers for dW in layer.grads]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) in x's dtype, with full relative precision near 0."""
    with np.errstate(over="ignore"):  # exp(-x) = inf gives 0, which is right
        return np.asarray(1 / (1 + np.exp(-x)))


class MatMul:
    """x (B, V) · W (V, H) -> (B, H). In chapter 3 x is one-hot, and the product reads all of W to copy a row (slides 4 and 5).

    x may have an integer dtype; results have W's dtype. ``backward``: dx = dout · Wᵀ, dW = xᵀ · dout (slide 18).
    """

    def __init__(self, W: Array) -> None:
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x: Array) -> Array:
        (W,) = self.params
        self.x = np.asarray(x, W.dtype)
        return np.asarray(self.x @ W)

    def backward(self, dout: Array) -> Array:
        (W,), (dW,) = self.params, self.grads
        np.matmul(self.x.T, dout, out=dW)
        return np.asarray(dout @ W.T)


class SoftmaxWithLoss:
    """Scores x (B, V) and targets t -> mean softmax cross-entropy, -Σ t_k log y_k (slide 14).

    t has word ids (B,) or one-hot rows (B, V). The loss has x's dtype, and is 0 for an empty batch.
    ``backward``: (y - t) / B, (B, V), times dout.
    """

    def __init__(self) -> None:
        self.params: list[Array] = []
        self.grads: list[Array] = []

    def forward(self, x: Array, t: Array) -> Loss:
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        self.y: Array = powers / powers.sum(axis=1, keepdims=True)
        self.t = t.argmax(axis=1) if t.ndim == 2 else t
        of_target = self.y[np.arange(len(x)), self.t]
        loss: Loss = -np.sum(np.log(of_target + TINY)) / max(1, len(x))
        return loss

    def backward(self, dout: float = 1) -> Array:
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        dx *= dout
        dx /= len(dx)
        return dx


class SigmoidWithLoss:
    """Scores x (B,) and answers t (B,), 1 for yes and 0 for no -> mean of -(t log y + (1 - t) log(1 - y)), y = sigmoid(x).

    The loss has x's dtype, and is 0 for an empty batch. ``backward``: (y - t) / B, (B,), times dout.

    Slide 16 asks whether the softmax loss over two output neurons equals this one. With scores a for yes and b for no, the
    softmax probability of yes is exp(a) / (exp(a) + exp(b)) = 1 / (1 + exp(-(a - b))) = sigmoid(a - b). For any a and b
    the two losses are therefore exactly equal if this layer's score is the *difference* x = a - b. Only the difference
    counts, so that one of the two neurons is redundant. They are not equal for x = a, one neuron's score, unless b = 0.
    The gradients follow by the chain rule: dL/da = y - t and dL/db = -(y - t). A step of gradient descent on both neurons
    therefore moves a - b twice as far as a step on x.
    """

    def __init__(self) -> None:
        self.params: list[Array] = []
        self.grads: list[Array] = []

    def forward(self, x: Array, t: Array) -> Loss:
        self.y = sigmoid(x)
        self.t = np.asarray(t, x.dtype)
        no = sigmoid(-x)  # 1 - y, without its rounding to 0 where y is near 1
        loss: Loss = -np.sum(self.t * np.log(self.y + TINY) + (1 - self.t) * np.log(no + TINY)) / max(1, len(x))
        return loss

    def backward(self, dout: float = 1) -> Array:
        dx: Array = self.y - self.t
        dx *= dout
        dx /= len(dx)
        return dx


class Embedding:
    """Rows of W (V, H) by word ids idx (B,) -> (B, H): MatMul's result for one-hot rows, without the product (slides 7 to 10).

    ``backward`` takes dout (B, H), writes dW (V, H) and returns nothing. Gradients of a repeated word are summed (slides
    11 to 13).

    Parameters
    ----------
    W
        The matrix, which is shared and not copied.
    lookup
        Of kernel lookup. One with a buffer may return the same array at every call.
    scatter
        Of kernel scatter.dense, which writes the gradient into dW. A plain function may also return it.
    """

    def __init__(self, W: Array, *, lookup: Call = gather, scatter: Call = add_at) -> None:
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.lookup = Option("lookup", lookup, lookup_kernel)
        self.scatter = Option("scatter", scatter, dense)

    def forward(self, idx: Array) -> Array:
        (W,) = self.params
        self.idx = idx
        return np.asarray(self.lookup(W, idx))

    def backward(self, dout: Array) -> None:
        (dW,) = self.grads
        returned = self.scatter(dout, self.idx, dW)
        if returned is not None:
            dW[...] = returned


class EmbeddingDot:
    """Hidden vectors h (B, H) and word ids idx (B,) -> scores (B,), each the dot product of h with its word's row of W (V, H).

    W is the output matrix, stored as V × H (slides 17 and 18). ``backward`` writes dtarget_W = dout · h into dW and returns
    dh = dout · target_W, (B, H) (slides 18 to 20). Parameters are Embedding's.
    """

    def __init__(self, W: Array, *, lookup: Call = gather, scatter: Call = add_at) -> None:
        self.embed = Embedding(W, lookup=lookup, scatter=scatter)
        self.params = self.embed.params
        self.grads = self.embed.grads

    def forward(self, h: Array, idx: Array) -> Array:
        self.h, self.target_W = h, self.embed.forward(idx)
        return np.asarray(np.sum(self.target_W * h, axis=1))

    def backward(self, dout: Array) -> Array:
        column = dout[:, None]
        self.embed.backward(column * self.h)
        return np.asarray(column * self.target_W)


class UnigramSampler:
    """Draws negatives by corpus frequency to a power, P'(w) = P(w)^power / Σ P(w_j)^power, never the target (slides 21 and 22).

    Parameters
    ----------
    corpus
        Word ids, (tokens,). The vocabulary ends with the highest id; words that do not occur are not drawn.
    power
        Exponent of the counts.
    sample_size
        Negatives per target.
    draw
        Of either sampling kernel, with a Generator that is seeded from NumPy's global one. The default is the book's,
        which draws from the global generator itself.

    Attributes
    ----------
    word_p
        The law, (V,) float64.

    Raises
    ------
    ValueError
        If the corpus has too few words to draw from.
    """

    def __init__(self, corpus: Array, power: float, sample_size: int, *, draw: Call | None = None) -> None:
        self.draw = Option("draw", choice_per_row if draw is None else draw, without_replacement, with_replacement)
        self.rng: Any = np.random if draw is None else np.random.default_rng(np.random.randint(2**31, size=4))
        counts = np.bincount(corpus).astype(np.float64)
        words = np.count_nonzero(counts)
        if words <= (sample_size if self.draw.kernel.name == without_replacement.name else 1):
            raise ValueError(
                f"a corpus of {words} distinct words is too small to draw {sample_size} negatives for each target ({self.draw.kernel.title})"
            )
        counts[counts > 0] **= power
        self.sample_size = sample_size
        self.vocab_size = len(counts)
        self.word_p = counts / counts.sum()

    def get_negative_sample(self, target: Array) -> Array:
        """Return negatives (B, sample_size) for targets (B,)."""
        return np.asarray(self.draw(target, self.sample_size, self.word_p, self.rng))


class NegativeSamplingLoss:
    """Hidden vectors h (B, H) and targets (B,) -> loss of each target against sample_size drawn words (slide 24).

    There is one EmbeddingDot with a SigmoidWithLoss for the target, with answer yes, and one pair for each negative, with
    answer no. All share W (V, H). The loss is their sum, and so is the gradient dh (B, H) that ``backward`` returns.
    Parameters are those of Embedding and UnigramSampler. Mikolov et al. 2013.

    Raises
    ------
    ValueError
        If the corpus has word ids beyond W's rows.
    """

    def __init__(
        self,
        W: Array,
        corpus: Array,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        lookup: Call = gather,
        scatter: Call = add_at,
        draw: Call | None = None,
    ) -> None:
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size, draw=draw)
        if self.sampler.vocab_size > len(W):
            raise ValueError(f"the corpus has word id {self.sampler.vocab_size - 1}, but W has only {len(W)} rows")
        self.loss_layers = [SigmoidWithLoss() for _ in range(1 + sample_size)]
        self.embed_dot_layers = [EmbeddingDot(W, lookup=lookup, scatter=scatter) for _ in range(1 + sample_size)]
        self.params, self.grads = weights_of(self.embed_dot_layers)

    def forward(self, h: Array, target: Array) -> Loss:
        words = np.column_stack([target, self.sampler.get_negative_sample(target)])
        loss: Loss = h.dtype.type(0)
        for k, (dot, answer) in enumerate(zip(self.embed_dot_layers, self.loss_layers, strict=True)):
            score = dot.forward(h, words[:, k])
            loss += answer.forward(score, np.full(len(h), k == 0))
        return loss

    def backward(self, dout: float = 1) -> Array:
        return np.asarray(
            sum(
                dot.backward(answer.backward(dout))
                for dot, answer in zip(self.embed_dot_layers, self.loss_layers, strict=True)
            )
        )


def small_normals(*shape: int) -> Array:
    """Draw the book's initial weights: 0.01 · N(0, 1) in float32, from NumPy's global generator."""
    return np.asarray(0.01 * np.random.randn(*shape).astype(np.float32))


class SimpleCBOW:
    """Chapter 3's CBOW, window 1: one-hot contexts (B, 2, V) and targets -> loss. Both of its products cost O(V) (slide 4).

    A softmax over V words predicts the target, one-hot (B, V) or ids (B,), from the mean of its two context vectors.
    ``word_vecs`` is the input matrix (V, H), float32.
    """

    def __init__(self, vocab_size: int, hidden_size: int) -> None:
        W_in = small_normals(vocab_size, hidden_size)
        W_out = small_normals(hidden_size, vocab_size)
        self.in_layer0, self.in_layer1 = MatMul(W_in), MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = weights_of([self.in_layer0, self.in_layer1, self.out_layer])
        self.word_vecs = W_in

    def forward(self, contexts: Array, target: Array) -> Loss:
        h = (self.in_layer0.forward(contexts[:, 0]) + self.in_layer1.forward(contexts[:, 1])) * 0.5
        return self.loss_layer.forward(self.out_layer.forward(h), target)

    def backward(self, dout: float = 1) -> None:
        dh = self.out_layer.backward(self.loss_layer.backward(dout)) * 0.5
        self.in_layer0.backward(dh)
        self.in_layer1.backward(dh)


class CBOW:
    """Chapter 4's CBOW: contexts (B, 2 · window_size) and targets (B,), all ids -> loss, with 5 negatives and power 0.75.

    h is the mean of the context words' rows. There is one Embedding for each position, and all share W_in. ``word_vecs`` is
    W_in (V, H), float32. Options are those of NegativeSamplingLoss, and apply to W_in and W_out.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        corpus: Array,
        *,
        lookup: Call = gather,
        scatter: Call = add_at,
        draw: Call | None = None,
    ) -> None:
        W_in, W_out = small_normals(vocab_size, hidden_size), small_normals(vocab_size, hidden_size)
        self.in_layers = [Embedding(W_in, lookup=lookup, scatter=scatter) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, lookup=lookup, scatter=scatter, draw=draw)
        self.params, self.grads = weights_of([*self.in_layers, self.ns_loss])
        self.word_vecs = W_in

    def forward(self, contexts: Array, target: Array) -> Loss:
        h = np.asarray(sum(layer.forward(contexts[:, i]) for i, layer in enumerate(self.in_layers)))
        h *= 1 / len(self.in_layers)
        return self.ns_loss.forward(h, target)

    def backward(self, dout: float = 1) -> None:
        dh = self.ns_loss.backward(dout)
        dh *= 1 / len(self.in_layers)
        for layer in self.in_layers:
            layer.backward(dh)


class SkipGram:
    """Chapter 4's skip-gram: contexts (B, 2 · window_size) and targets (B,), all ids -> loss, with 5 negatives and power 0.75.

    h is the target word's row. Each context position has a NegativeSamplingLoss, which draws its own negatives, and all
    share W_out. ``word_vecs`` is W_in (V, H), float32. Options are those of CBOW.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        corpus: Array,
        *,
        lookup: Call = gather,
        scatter: Call = add_at,
        draw: Call | None = None,
    ) -> None:
        W_in, W_out = small_normals(vocab_size, hidden_size), small_normals(vocab_size, hidden_size)
        self.in_layer = Embedding(W_in, lookup=lookup, scatter=scatter)
        self.loss_layers = [
            NegativeSamplingLoss(W_out, corpus, lookup=lookup, scatter=scatter, draw=draw)
            for _ in range(2 * window_size)
        ]
        self.params, self.grads = weights_of([self.in_layer, *self.loss_layers])
        self.word_vecs = W_in

    def forward(self, contexts: Array, target: Array) -> Loss:
        h = self.in_layer.forward(target)
        loss: Loss = h.dtype.type(0)
        for i, layer in enumerate(self.loss_layers):
            loss += layer.forward(h, contexts[:, i])
        return loss

    def backward(self, dout: float = 1) -> None:
        self.in_layer.backward(np.asarray(sum(layer.backward(dout) for layer in self.loss_layers)))
