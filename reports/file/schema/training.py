"""The result file: what ``quality`` adds to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .fields import Count, Family, Part, Positive


class TrainingRun(Part):
    """One training run of an implementation.

    Attributes
    ----------
    reason
        Why it failed or was skipped.
    words
        How many words it was trained on, in all epochs.
    whole
        Whether these are all words of the text, in all epochs.
    seconds, cpu_s
        Wall and CPU time of its steps.
    peak_bytes
        Growth of the resident set.
    curve
        Words trained on so far, and the negative-sampling loss on held-out lines.
    loss
        The last loss of the curve.
    scores
        By test: rank correlation with people's judgements (wordsim353, simlex999), or the share of analogies found.
    """

    kernel: str
    implementation: str
    title: str
    family: Family = "NumPy/SciPy"
    threads: Count
    seed: Count
    status: Literal["ok", "skipped", "timeout", "out of memory", "crashed", "error", "wrong"]
    reason: str = ""
    words: Count = 0
    whole: bool = True
    seconds: Positive = 0.0
    cpu_s: Positive = 0.0
    peak_bytes: Count | None = None
    curve: list[tuple[Count, Positive]] = []
    loss: Positive | None = None
    scores: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}


class Against(Part):
    """A score beside the peer's: means over the seeds that were planned.

    Attributes
    ----------
    difference
        Above zero where it is better.
    margin
        By how much it may be worse.
    room
        How far the difference is above -margin at least, at 5 % one-sided.
    shown
        Whether it is not worse by the margin; null where that cannot be told.
    """

    difference: Annotated[float, Field(allow_inf_nan=False)]
    margin: Positive
    room: Annotated[float, Field(allow_inf_nan=False)]
    shown: bool | None


class Training(Part):
    """Whole training runs on one text, in random order.

    Attributes
    ----------
    tokens
        Words of the text, without its rarest ones.
    V, H, K
        Distinct words, hidden size, and negatives a pair.
    budget_s
        Time that a run might take.
    digest
        Of the text and the code.
    asked
        By score, how many pairs or questions are behind it.
    planned
        Seeds that are tested, fixed before the first run; 0 in a file of before there was a plan.
    against
        By implementation and threads, each score that can be set beside the peer's.
    equal
        By implementation and threads, whether it is equal in quality; null where that cannot be told.
    """

    corpus: str
    tokens: Count
    V: Count
    H: Count
    K: Count
    epochs: Count
    budget_s: Positive = 0.0
    settings: dict[str, float] = {}
    digest: str = ""
    runs: list[TrainingRun] = []
    asked: dict[str, Count] = {}
    planned: Count = 0
    against: dict[str, dict[str, Against]] = {}
    equal: dict[str, bool | None] = {}
