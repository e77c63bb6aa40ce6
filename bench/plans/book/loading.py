"""Load a reader's file: its own imports resolve in its folder and the folder above, as the book lays them out (ch04/, common/)."""

from __future__ import annotations

import ast
import linecache
import sys
from functools import cache
from importlib.abc import Loader
from pathlib import Path
from types import FunctionType, ModuleType

from w2vbench.impls.catalogue.discovery import CatalogueError, line_at_fault, new_module
from w2vbench.impls.catalogue.neighbours import importing_from
from w2vbench.impls.messages import LIBRARIES, type_and_message

from .text import NOTEBOOK, Text, read_text

LAYER = {"__init__": "(self, W)", "forward": "(self, x)", "backward": "(self, dout)"}
LOSS = {"__init__": "(self)", "forward": "(self, x, t)", "backward": "(self, dout=1)"}
MODEL = {
    "__init__": "(self, vocab_size, hidden_size, window_size, corpus)",
    "forward": "(self, contexts, target)",
    "backward": "(self, dout=1)",
}
BOOK = {
    "MatMul": LAYER,
    "SoftmaxWithLoss": LOSS,
    "SigmoidWithLoss": LOSS,
    "Embedding": LAYER | {"forward": "(self, idx)"},
    "EmbeddingDot": LAYER | {"forward": "(self, h, idx)"},
    "UnigramSampler": {"__init__": "(self, corpus, power, sample_size)", "get_negative_sample": "(self, target)"},
    "NegativeSamplingLoss": LOSS
    | {"__init__": "(self, W, corpus, power=0.75, sample_size=5)", "forward": "(self, h, target)"},
    "SimpleCBOW": MODEL | {"__init__": "(self, vocab_size, hidden_size)"},
    "CBOW": MODEL,
    "SkipGram": MODEL,
}
"""The book's classes with their methods, in the order in which they build on each other."""


@cache
def load_classes(file: Path) -> dict[str, type]:
    """Load a reader's file, and return the book's classes that it has, defined or imported from its own folders.

    Raises
    ------
    CatalogueError
        If it cannot be loaded, or has none of them. The message is one line and says what to do.
    """
    text = read_text(file) if file.suffix == NOTEBOOK else None
    module, loader = new_module(file, "book", NotebookLoader(file, text) if text else None)
    folders, path = [str(file.parent), str(file.parent.parent)], [*sys.path]
    with importing_from(folders):
        try:
            loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            sys.modules.pop(module.__name__, None)
            raise CatalogueError(why_not_loaded(file, error, text or Text(""))) from error
    sys.path[:] = path  # the book's files add '..' to it
    found = {name: value for name in BOOK if isinstance(value := vars(module).get(name), type) and is_readers(value)}
    if not found:
        raise CatalogueError(f"{file}: has none of the book's classes ({', '.join(BOOK)})")
    return found


class NotebookLoader(Loader):
    """Runs what a notebook defines; its text is where ``inspect`` and profilers look for source lines."""

    def __init__(self, file: Path, text: Text) -> None:
        self.name, self.text = str(file), text

    def exec_module(self, module: ModuleType) -> None:
        lines = [f"{line}\n" for line in self.text.code.split("\n")]
        last = {node.name: node for node in self.text.tree.body if isinstance(node, ast.ClassDef)}
        for node in self.text.tree.body:  # inspect takes the first class of a name (up to Python 3.12)
            if isinstance(node, ast.ClassDef) and node is not last[node.name]:
                for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                    lines[number] = "\n"
        linecache.cache[self.name] = (len(self.text.code), None, lines, self.name)
        exec(compile(self.text.run, self.name, "exec"), vars(module))


def is_readers(kind: type) -> bool:
    """Whether a class is no library's, such as torch's Embedding."""
    functions = [one for one in vars(kind).values() if isinstance(one, FunctionType)]
    return not any(one.__code__.co_filename.startswith(LIBRARIES) for one in functions)


def why_not_loaded(file: Path, error: BaseException, text: Text) -> str:
    """Return in one line why a file cannot be loaded, and what to do."""
    line = line_at_fault(error, str(file))
    place = f"{file}{f', {text.place(line)}' if line else ''}"
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
