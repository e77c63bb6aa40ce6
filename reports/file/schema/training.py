"""The result file: what ``quality`` adds to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .fields import Count, Family, Part, Positive


class TrainingRun(Part):
    """One training run of an implementation."""

    kernel: str
    implementation: str
    title: str
    family: Family = "NumPy/SciPy"
    threads: Count
    seed: Count
    status: Literal["ok", "skipped", "timeout", "out of memory", "crashed", "error", "wrong"]
    reason: str = ""  # why it failed or was skipped
    words: Count = 0  # how many words it was trained on, in all epochs
    whole: bool = True  # whether these are all words of the text, in all epochs
    # wall and CPU time of its steps
    seconds: Positive = 0.0
    cpu_s: Positive = 0.0
    peak_bytes: Count | None = None  # growth of the resident set
    # words trained on so far, and the negative-sampling loss on held-out lines
    curve: list[tuple[Count, Positive]] = []
    loss: Positive | None = None  # the last loss of the curve
    # by test: rank correlation with people's judgements (wordsim353, simlex999), or the share of analogies found
    scores: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}


class Against(Part):
    """A score beside the peer's: means over the seeds that were planned."""

    difference: Annotated[float, Field(allow_inf_nan=False)]  # above zero where it is better
    margin: Positive  # by how much it may be worse
    # how far the difference is above -margin at least, at 5 % one-sided
    room: Annotated[float, Field(allow_inf_nan=False)]
    shown: bool | None  # whether it is not worse by the margin; null where that cannot be told


class Training(Part):
    """Whole training runs on one text, in random order."""

    corpus: str
    tokens: Count  # words of the text, without its rarest ones
    # distinct words, hidden size, and negatives a pair
    V: Count
    H: Count
    K: Count

    epochs: Count
    budget_s: Positive = 0.0  # time that a run might take
    settings: dict[str, float] = {}
    digest: str = ""  # of the text and the code
    runs: list[TrainingRun] = []
    asked: dict[str, Count] = {}  # by score, how many pairs or questions are behind it
    planned: Count = 0  # seeds that are tested, fixed before the first run; 0 in a file of before there was a plan
    # by implementation and threads, each score that can be set beside the peer's
    against: dict[str, dict[str, Against]] = {}
    # by implementation and threads, whether it is equal in quality; null where that cannot be told
    equal: dict[str, bool | None] = {}
