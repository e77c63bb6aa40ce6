"""A text as word ids, kept beside compiled code: finding the words of the built-in one takes longer than all else that starts a command."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..compiling.cache import cache_folder
from .words import Corpus

FILE = "text.npz"
"""In the format of NumPy, which has a checksum of each array."""
MODULES = ("kept_text.py", "texts.py", "words.py")
"""What a text is made by."""
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, BadZipFile)
"""What reading a file raises that is not there, or damaged."""


def kept(files: Sequence[Path], make: Callable[[], Corpus]) -> Corpus:
    """Return the text of some files, as it was made before, or as it is made now.

    A file counts as another one if its name, size or time is.
    """
    folder = cache_folder(identity(files))
    if folder is None:
        return make()
    with contextlib.suppress(*UNREADABLE):
        return read(folder / FILE)
    made = make()
    with contextlib.suppress(OSError):  # no space
        write(folder / FILE, made)
    return made


def identity(files: Sequence[Path]) -> str:
    """Return a digest of what a text depends on."""
    digest = hashlib.sha256()
    for file in files:
        facts = file.stat()
        digest.update(f"{file} {facts.st_size} {facts.st_mtime_ns}\n".encode(errors="surrogateescape"))
    for module in MODULES:
        digest.update((Path(__file__).parent / module).read_bytes())
    return digest.hexdigest()[:20]


def read(file: Path) -> Corpus:
    """Read what ``write`` wrote. Raises one of UNREADABLE."""
    with np.load(file) as parts:
        name, *words = parts["words"].tobytes().decode().split("\n")
        return Corpus(name, parts["counts"], parts["ids"], parts["starts"], tuple(words))


def write(file: Path, text: Corpus) -> None:
    """Write a text whole or not at all."""
    words = np.frombuffer("\n".join([text.name, *text.vocabulary]).encode(), np.uint8)
    with tempfile.TemporaryDirectory(dir=file.parent) as beside:
        np.savez(whole := Path(beside) / file.name, words=words, counts=text.counts, ids=text.ids, starts=text.starts)
        whole.replace(file)
