"""The result file: where the words of a run came from."""

from __future__ import annotations

from .fields import Count, Part, Positive


class CorpusRecord(Part):
    """Where the words came from.

    Attributes
    ----------
    name
        The text's.
    tokens, words
        Its length in words, and how many of them are distinct.
    tail_exponent
        The power of the rank by which counts go on beyond the text's own vocabulary.
    streams
        For each vocabulary, a sentence on its stream of words.
    """

    name: str = ""
    tokens: Count | None = None
    words: Count | None = None
    tail_exponent: Positive | None = None
    streams: dict[str, str] = {}
