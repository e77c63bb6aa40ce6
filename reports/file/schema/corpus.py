"""The result file: where the words of a run came from."""

from __future__ import annotations

from .fields import Count, Part, Positive


class CorpusRecord(Part):
    """Where the words came from."""

    name: str = ""  # the text's
    # its length in words, and how many of them are distinct
    tokens: Count | None = None
    words: Count | None = None
    # the power of the rank by which counts go on beyond the text's own vocabulary
    tail_exponent: Positive | None = None
    streams: dict[str, str] = {}  # for each vocabulary, a sentence on its stream of words
