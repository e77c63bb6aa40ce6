"""Save word vectors in word2vec's formats, which gensim's KeyedVectors and other tools read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from w2vbench.reports.file.files import partial, remove_abandoned


def save(path: Path, words: Iterable[str], W: NDArray[Any], binary: bool) -> None:
    """Write words and their vectors to a file, atomically.

    Parameters
    ----------
    W
        The vectors, (V, H) float32, in the order of the words.
    binary
        Whether to write word2vec's binary format instead of its text format.

    Raises
    ------
    OSError
        If the file cannot be written. An earlier file is then unchanged.
    """
    temporary = partial(path)
    remove_abandoned(path)
    try:
        with temporary.open("wb") as file:
            file.write(f"{len(W)} {W.shape[1]}\n".encode())
            for record in as_bytes(words, W) if binary else as_text(words, W):
                file.write(record)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def as_bytes(words: Iterable[str], W: NDArray[Any]) -> Iterator[bytes]:
    """Yield each word, a space, and its vector as little-endian float32."""
    for word, vector in zip(words, np.ascontiguousarray(W, "<f4"), strict=True):
        yield word.encode() + b" " + vector.tobytes() + b"\n"


def as_text(words: Iterable[str], W: NDArray[Any]) -> Iterator[bytes]:
    """Yield each word and its numbers, with enough digits to restore every float32 exactly."""
    for word, vector in zip(words, W.astype(np.float32), strict=True):
        yield f"{word} {' '.join(map(str, vector))}\n".encode()
