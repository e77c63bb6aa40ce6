"""What a user may name for every command, and how a command answers one that it cannot carry out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation
from w2vbench.impls.messages import UserError

from .selection import Selection, no_such_kernel

Say = Callable[[str], None]
"""Shows the user a line at once."""
Note = Callable[[str, int, int], None]
"""Shows what is being done, the number of finished steps, and their total (0: unknown)."""


class PlanError(UserError):
    """A request that cannot be carried out. The message is one line and says what to do."""


class NothingToKeep(UserError):
    """The end of a command that has nothing to keep. The message is one line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user may name for every command: a text and implementations."""

    corpus: Path | None = None  # a text file; None for the built-in text
    files: Sequence[Path] = ()  # the user's own implementations
    # which kernels and cases are selected
    kernels: Sequence[str] = ()
    globs: Sequence[str] = ()

    def text(self) -> Corpus:
        """Return the text. Raises CorpusError."""
        return texts.read(self.corpus) if self.corpus else texts.builtin()

    def implementations(self) -> list[Implementation]:
        """Return the implementations of the selected kernels, with those of the user's files. Raises PlanError, CatalogueError."""
        every = catalogue.load(self.files)
        if problem := no_such_kernel(self.kernels, [i.kernel.name for i in every]):
            raise PlanError(problem)
        return [i for i in every if Selection(self.kernels).has_kernel(i.kernel.name)]

    def digest(self, text: Corpus, folders: Sequence[str] = ("impls", "bench/engine")) -> str:
        """Return a digest of a text, of the user's files, and of our code in some folders."""
        digest = hashlib.sha256()
        for part in (text.ids, text.starts, text.counts):
            digest.update(part.tobytes())
        digest.update("\0".join(text.vocabulary).encode())
        for file in [*(file for folder in folders for file in sorted((ROOMS / folder).rglob("*.py"))), *self.files]:
            digest.update(file.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class MeasurementRequest(Request):
    """What a user asks for of a command that keeps what it measures."""

    command: str  # the command as it can be typed again
    out: Path  # the folder of the results
