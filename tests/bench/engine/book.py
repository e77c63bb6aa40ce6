"""The book's layers as its readers type them in, and changes of theirs: mistakes, and unusual solutions that are right."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from w2vbench.bench.engine.protocol import BookFault
from w2vbench.bench.plans.book.checking import built_on, check_class, weights_of
from w2vbench.bench.plans.book.loading import load_classes

DATA = Path(__file__).parents[2] / "data" / "book"
LAYERS = (DATA / "layers.txt").read_text("utf-8")
AS_IN_THE_BOOK = "float64-as-the-book"
"""What is remarked on the book's own layers."""


def changed(pairs: Iterable[Sequence[str]], every: bool = False) -> str:
    """The book's layers with texts replaced, each where it comes first, or everywhere."""
    code = LAYERS
    for old, new in pairs:
        assert old in code, f"layers.txt has no {old!r}"
        code = code.replace(old, new, -1 if every else 1)
    return code


def layers_of(first: str, end: str) -> str:
    """The text of the book's classes from the first one up to another."""
    return LAYERS[LAYERS.index(f"class {first}:") : LAYERS.index(f"class {end}:")]


EMBEDDING = "import numpy as np\n\n\n" + layers_of("Embedding", "EmbeddingDot")
"""A file of one layer."""


def notebook(*cells: str, of: str = "code") -> bytes:
    """A notebook as Jupyter writes it: a heading, then cells."""
    content = [{"cell_type": "markdown", "source": ["# Chapter 4"]}]
    content += [{"cell_type": of, "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": content, "nbformat": 4}).encode()


def table(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((DATA / f"{name}.toml").read_text("utf-8"))[name]
    return found


RIGHT = [{**one, "code": changed(one["changes"], one.get("every", False))} for one in table("right")]
"""Unusual solutions that are right: changes of the book's layers."""
WRONG = [
    {**of, "fault": fault, "line": "".join(line), "code": changed([(of["old"], new), *of.get("more", [])])}
    for of in table("wrong")
    for fault, new, *line in of["mistakes"]
]
"""Mistakes: the changed code, and the fault that must be named, with its method and a part of its line."""


def written(folder: Path, code: str, name: str = "layers.py") -> Path:
    file = folder / name
    file.write_text(code, "utf-8")
    return file


def faults_of(file: Path, only: Sequence[str] = ()) -> list[BookFault]:
    """The faults of a file's classes, in this process; of classes that are built on wrong ones, none."""
    classes = load_classes(file)
    weights, wrong, faults = weights_of(classes), set[str](), list[BookFault]()
    for name, kind in classes.items():
        if (only and name not in only) or wrong & built_on(kind):
            wrong.add(name)
            continue
        found = check_class(name, kind, weights)
        wrong.update({name} if any(not one.remark for one in found) else ())
        faults += found
    return faults
