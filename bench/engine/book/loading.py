"""Load a reader's file: its own imports resolve in its folder and the folder above, as the book lays them out (ch04/, common/)."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import FunctionType

from impls.catalogue import CatalogueError, line_at_fault, new_module
from impls.messages import LIBRARIES, type_and_message
from impls.neighbours import importing_from

BOOK = (
    *("MatMul", "SoftmaxWithLoss", "SigmoidWithLoss", "Embedding", "EmbeddingDot"),
    *("UnigramSampler", "NegativeSamplingLoss", "SimpleCBOW", "CBOW", "SkipGram"),
)
"""The book's classes, in the order in which they build on each other."""


@cache
def load_classes(file: Path) -> dict[str, type]:
    """Load a reader's file, and return the book's classes that it has, defined or imported from its own folders.

    Raises
    ------
    CatalogueError
        If it cannot be loaded, or has none of them. The message is one line and says what to do.
    """
    module, loader = new_module(file, "book")
    folders, path = [str(file.parent), str(file.parent.parent)], [*sys.path]
    with importing_from(folders):
        try:
            loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            sys.modules.pop(module.__name__, None)
            raise CatalogueError(why_not_loaded(file, error)) from error
    sys.path[:] = path  # the book's files add '..' to it
    found = {name: value for name in BOOK if isinstance(value := vars(module).get(name), type) and is_readers(value)}
    if not found:
        raise CatalogueError(f"{file}: has none of the book's classes ({', '.join(BOOK)})")
    return found


def is_readers(kind: type) -> bool:
    """Whether a class is no library's, such as torch's Embedding."""
    functions = [one for one in vars(kind).values() if isinstance(one, FunctionType)]
    return not any(one.__code__.co_filename.startswith(LIBRARIES) for one in functions)


def why_not_loaded(file: Path, error: BaseException) -> str:
    """Return in one line why a file cannot be loaded, and what to do."""
    line = line_at_fault(error, str(file))
    place = f"{file}{f', line {line}' if line else ''}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top in ("common", "dataset") or any((at / top).exists() for at in (file.parent, file.parent.parent)):
            wanted = f"{error.name.replace('.', '/')}.py" if error.name != top else f"{top}/"
            return (
                f"{place}: there is no module {error.name} in {file.parent} or {file.parent.parent}: "
                f"put {wanted} of the book into one of them"
            )
        return f"{place}: there is no module {error.name}: install it, or put it beside the file"
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"{place}: relative imports work in a package only: write from layers import … in place of from .layers import …"
    if isinstance(error, SystemExit):
        return f"{place}: it ends the program when it is imported: put that under if __name__ == '__main__':"
    return f"{place}: {type_and_message(error)}"
