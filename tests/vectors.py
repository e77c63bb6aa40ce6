"""Reading what ``w2vbench.bench.plans.train.vectors`` writes, in either of word2vec's formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def load(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Read what ``save`` wrote, in either format. Raises ValueError for anything else."""
    header, _, content = path.read_bytes().partition(b"\n")
    if not header.replace(b" ", b"").isdigit():
        raise ValueError(f"{path}: no word2vec vectors (its first line is not two numbers)")
    V, H = map(int, header.split())
    try:
        return loaded_text(content.decode(), V, H)
    except ValueError:  # no text, or no numbers
        return loaded_bytes(content, V, H)


def loaded_text(content: str, V: int, H: int) -> tuple[list[str], NDArray[np.float32]]:
    rows = [line.split(" ") for line in content.split("\n")[:V]]
    return [word for word, *_ in rows], np.array([numbers for _, *numbers in rows], np.float32).reshape(V, H)


def loaded_bytes(content: bytes, V: int, H: int) -> tuple[list[str], NDArray[np.float32]]:
    words, W, at = [], np.empty((V, H), np.float32), 0
    for row in range(V):
        end = content.index(b" ", at)
        words.append(content[at:end].decode().lstrip("\n"))
        W[row] = np.frombuffer(content, "<f4", H, end + 1)
        at = end + 1 + 4 * H
    return words, W
