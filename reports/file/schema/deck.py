"""The result file: the small worked examples that a run of the source deck computes beside its timings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .fields import Count, Part, Positive

Number = Annotated[float, Field(allow_inf_nan=False)]
Rows = list[list[Number]]


class Repeated(Part):
    """Gradients of rows added back where a word repeats (slides 11 and 12)."""

    # word ids, and a gradient row for each
    idx: list[Count]
    dout: Rows
    # the whole gradient dW, by assignment and by a loop that adds
    assigned: Rows
    added: Rows


class TwoScores(Part):
    """One pair of scores, a for yes and b for no, and its losses where the answer is yes."""

    a: Number
    b: Number
    softmax: Positive
    # of a - b, and of a alone
    sigmoid_difference: Positive
    sigmoid_one: Positive


class TwoOutputs(Part):
    """Softmax with two outputs against sigmoid, over random pairs of scores (slide 16): the largest differences found."""

    pairs: Count  # how many pairs of scores, each with both answers
    loss_difference: Positive  # of the loss to the sigmoid loss of x = a - b
    # of dL/da to dL/dx, and of dL/db to -dL/dx
    yes_gradient_difference: Positive
    no_gradient_difference: Positive
    one_score_difference: Positive  # of the loss to the sigmoid loss of x = a alone
    zero_difference: Positive  # the same where b is 0
    examples: list[TwoScores] = []  # some pairs


class Dots(Part):
    """EmbeddingDot against MatMul on the same small inputs (slides 17 to 20): the largest differences found."""

    V: Count
    H: Count
    B: Count
    score_difference: Positive
    dh_difference: Positive
    table_difference: Positive


class Powers(Part):
    """The law of negatives for some words: their shares of a text, and the chance that each is drawn (slide 22)."""

    power: Positive
    shares: list[Positive]
    drawn: list[Positive]


class Deck(Part):
    """What a run of the deck computes beside its timings."""

    repeated: Repeated | None = None
    two_outputs: TwoOutputs | None = None
    dots: Dots | None = None
    powers: Powers | None = None
    layers: dict[str, str] = {}  # source by name, such as ``Embedding.forward``
