"""Reading what ``bench.plans.vectors`` writes, in either of word2vec's formats."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def load(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Read what ``save`` wrote, in either format. Raises ValueError for anything else."""
    with path.open("rb") as file:
        header = file.readline().split()
        if len(header) != 2 or not all(part.isdigit() for part in header):
            raise ValueError(f"{path}: no word2vec vectors (its first line is not two numbers)")
        V, H = map(int, header)
        here = file.tell()
        line = file.readline().rstrip(b"\n").split(b" ")
        text = len(line) == H + 1 and all(map(is_number, line[1:]))
        file.seek(here)
        return loaded_text(file, V, H) if text else loaded_bytes(file, V, H)


def is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def loaded_text(file: BinaryIO, V: int, H: int) -> tuple[list[str], NDArray[np.float32]]:
    words, W = [], np.empty((V, H), np.float32)
    for at in range(V):
        word, *numbers = file.readline().decode().split()
        words.append(word)
        W[at] = np.array(numbers, np.float32)
    return words, W


def loaded_bytes(file: BinaryIO, V: int, H: int) -> tuple[list[str], NDArray[np.float32]]:
    words, W, content, at = [], np.empty((V, H), np.float32), file.read(), 0
    for row in range(V):
        end = content.index(b" ", at)
        words.append(content[at:end].decode().lstrip("\n"))
        W[row] = np.frombuffer(content, "<f4", H, end + 1)
        at = end + 1 + 4 * H
    return words, W
