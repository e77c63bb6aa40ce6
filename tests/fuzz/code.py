"""Changed files of a user's implementations, and names of revisions."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

from w2vbench.bench.engine.worker.variants.sources import facts
from w2vbench.impls.catalogue.discovery import CatalogueError, import_roots, load

from tests.bench.commands.theirs import GATHERS, source
from tests.processes import git
from tests.tables import table

from .kinds import Input
from .mutations import text_changed

ODD = table("fuzz")
MINE = source(GATHERS, {"goes": "np.zeros(3)"})
WORDS = (*ODD["words"], "\0", "\f")
LINES = (*ODD["lines"], "x = " + "(" * 150, "x = " + "-" * 9000 + "1", "\t x = 1")


def implementations(rng: random.Random) -> Input:
    """A file of a user's, whose module beside it may be changed too."""
    files = {"mine.py": text_changed(rng, MINE, WORDS, LINES), "kept/__init__.py": b"", "kept/rows.py": ROWS}
    if rng.random() < 0.3:
        files["kept/rows.py"] = text_changed(rng, ROWS.decode(), WORDS, LINES)
    if rng.random() < 0.5:
        name = rng.choice(("run", "check", "run", "profile", "list"))
        rest = {"profile": ("lookup/goes",), "run": ("--vocab", "100", "--out", "out", "--kernel", "lookup")}.get(
            name, ()
        )
        return Input((name, *rest, *(() if name == "list" else ("--impl", "mine.py"))), files)
    return Input(files=files, direct=identified)


ROWS = b"def rows_of(W, idx):\n    return W[idx]\n"


def identified(folder: Path) -> None:
    """Workers of a comparison load a file and describe the code of its implementations."""
    file = folder / "mine.py"
    with suppress(CatalogueError):
        for one in load([file], installed=False):
            if one.function.__code__.co_filename == str(file):
                facts(one, folder, folder, folder.parent / "other")
    import_roots(file)


NAMES = (*ODD["revisions"], "0" * 40, "f" * 40, "f" * 64, "a" * 5000, "a/" * 2000, "\udcff")
GOOD = ("HEAD", "HEAD~1", "main", "--force", "first", "a$(b)", "@{-1}")
"""What is found in the repository, or may be."""


def revision(rng: random.Random) -> Input:
    """A name, or two that are joined, where a revision is meant."""
    name = "".join(rng.sample((*NAMES, *GOOD), rng.choice((1, 1, 2))))
    if rng.random() < 0.2:
        name = "".join(map(chr, (rng.choice((rng.randrange(1, 128), rng.randrange(1, 0xD7FF))) for _ in range(6))))
    if rng.random() < 0.3:
        name = rng.choice(GOOD)
    other = rng.choice((*NAMES, *GOOD))
    dashes = rng.choice(((), ("--",), ("--",)))
    mine = ("--impl", "mine.py")
    line = rng.choice((
        ("compare", *mine, "--out", "out", *dashes, name),
        ("compare", *mine, "--out", "out", *dashes, name, other),
        ("bisect", *mine, *dashes, name, other, "lookup/slows"),
        ("compare", "--out", "out", *dashes, name),
    ))  # fmt: skip
    return Input(line, {"mine.py": MINE.encode(), "kept/__init__.py": b"", "kept/rows.py": ROWS, ".git/": b""})


def make_repository(folder: Path) -> None:
    """Make a repository of what stands in the folder, with two commits and odd names for the first."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    for message in ("first", "second"):
        git(folder, "commit", "-q", "--allow-empty", "-m", message)
    for name in ("heads/--force", "tags/first", "heads/a$(b)"):
        git(folder, "update-ref", f"refs/{name}", "HEAD~1")
