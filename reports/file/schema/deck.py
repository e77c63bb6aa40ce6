"""The result file: the small worked examples that a run of the source deck computes beside its timings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .fields import Count, Part, Positive

Number = Annotated[float, Field(allow_inf_nan=False)]
Rows = list[list[Number]]


class Repeated(Part):
    """Gradients of rows added back where a word repeats (slides 11 and 12).

    Attributes
    ----------
    idx, dout
        Word ids, and a gradient row for each.
    assigned, added
        The whole gradient dW, by assignment and by a loop that adds.
    """

    idx: list[Count]
    dout: Rows
    assigned: Rows
    added: Rows


class TwoScores(Part):
    """One pair of scores, a for yes and b for no, and its losses where the answer is yes.

    Attributes
    ----------
    sigmoid_difference, sigmoid_one
        Of a - b, and of a alone.
    """

    a: Number
    b: Number
    softmax: Positive
    sigmoid_difference: Positive
    sigmoid_one: Positive


class TwoOutputs(Part):
    """Softmax with two outputs against sigmoid, over random pairs of scores (slide 16): the largest differences found.

    Attributes
    ----------
    pairs
        How many pairs of scores, each with both answers.
    loss_difference
        Of the loss to the sigmoid loss of x = a - b.
    yes_gradient_difference, no_gradient_difference
        Of dL/da to dL/dx, and of dL/db to -dL/dx.
    one_score_difference
        Of the loss to the sigmoid loss of x = a alone.
    zero_difference
        The same where b is 0.
    examples
        Some pairs.
    """

    pairs: Count
    loss_difference: Positive
    yes_gradient_difference: Positive
    no_gradient_difference: Positive
    one_score_difference: Positive
    zero_difference: Positive
    examples: list[TwoScores] = []


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
    """What a run of the deck computes beside its timings.

    Attributes
    ----------
    layers
        Source by name, such as ``Embedding.forward``.
    """

    repeated: Repeated | None = None
    two_outputs: TwoOutputs | None = None
    dots: Dots | None = None
    powers: Powers | None = None
    layers: dict[str, str] = {}
