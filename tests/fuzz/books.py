"""Changed files of a reader's: their layers of the book."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path

from w2vbench.bench.plans.book.checking import check_class, weights_of
from w2vbench.bench.plans.book.loading import load_classes
from w2vbench.impls.catalogue.discovery import CatalogueError

from tests.bench.engine.book import LAYERS

from .code import LINES, WORDS
from .kinds import Input
from .mutations import bytes_changed, text_changed


def book(rng: random.Random) -> Input:
    """A file of layers in which bytes, words or lines are changed."""
    if rng.random() < 0.4:
        return Input(("check", "--book", "layers.py", "--untimed"), {"layers.py": bytes_changed(rng, LAYERS.encode())})
    return Input(files={"layers.py": text_changed(rng, LAYERS, WORDS, LINES)}, direct=checked)


def notebook(rng: random.Random) -> Input:
    """A notebook of layers in which bytes of the file, or the code of its cells, are changed."""
    code = LAYERS if rng.random() < 0.5 else text_changed(rng, LAYERS, WORDS, LINES).decode(errors="replace")
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in code.split("\n\n\n")]
    content = json.dumps({"cells": cells, "nbformat": 4}).encode()
    if code is LAYERS:
        content = bytes_changed(rng, content)
    return Input(("check", "--book", "layers.ipynb", "--untimed"), {"layers.ipynb": content})


def checked(folder: Path) -> None:
    """Check a file as a worker does: whatever its code does, the faults are found and no error passes through."""
    load_classes.cache_clear()
    with suppress(CatalogueError):
        classes = load_classes(folder / "layers.py")
        weights = weights_of(classes)
        for name, kind in classes.items():
            check_class(name, kind, weights)
