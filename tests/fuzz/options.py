"""Command lines of any options with odd values, several at once."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from typer.main import get_command
from w2vbench.bench.main import app

from tests.bench.commands.test_odd_input import NEEDED, ODD

from .kinds import Input

NOT_HERE = ("versions", "environments")
"""Commands that ask a package index."""
PACKAGES = ("--packages", "--python")
MACHINES = ("--cluster",)
"""Options that ask other machines, which takes seconds to fail."""
SENSIBLE = {
    **dict.fromkeys(("kernel", "only"), ("lookup", "training.cbow", "numba", "*gather*")),
    **dict.fromkeys(("impl", "corpus", "result", "junit"), ("mine.py", "text", "out/new.xml")),
    **dict.fromkeys(("threshold", "min_alpha", "alpha", "sample"), ("5%", "0.001", "0.01")),
    **dict.fromkeys(("base", "head", "good", "bad"), ("HEAD", "HEAD~1", "main")),
    **dict.fromkeys(("time_limit", "budget"), ("1m", "90s")),
    **dict.fromkeys(("out", "store"), ("out", "out/deep", "folder")),
    "memory_limit": ("1G",), "preset": ("quick", "full"), "dtype": ("f64",), "index": ("i32",), "words": ("repeat",), "model": ("cbow",),
}  # fmt: skip
"""Values that an option takes, by its name; the others take small numbers."""
NUMBERS = ("1", "2", "5", "100")


@cache
def parameters() -> dict[str, list[Any]]:
    """Return the options and arguments of each command."""
    found = get_command(app).commands.items()  # type: ignore[attr-defined]
    return {name: [one for one in command.params if one.name != "help"] for name, command in found}


def options(rng: random.Random) -> Input:
    name = rng.choice([one for one in parameters() if one not in NOT_HERE])
    among = [one for one in parameters()[name] if not set(one.opts) & {*PACKAGES, *MACHINES}]
    line = [name, *NEEDED.get(name, ())]
    for one in rng.sample(among, min(len(among), rng.choice((1, 1, 2, 3)))):
        values = ODD if rng.random() < 0.5 else SENSIBLE.get(one.name, NUMBERS)
        if not one.opts[0].startswith("-"):
            line.append(rng.choice(list(values)))
        elif getattr(one, "is_flag", False):
            line.append(one.opts[0])
        else:
            line += [rng.choice(one.opts), *rng.sample(list(values), rng.choice((1, 1, 1, 1, min(2, len(values)))))]
    if "out" in {one.name for one in among} and not any(part.startswith("--out") for part in line):
        line += ["--out", "out/v" if name == "train" else "out"]
    files = {"text": b"the cat sat on the mat\n" * 99, "empty.json": b"{}", "folder/": b"", "out/": b"", ".git/": b""}
    return Input(tuple(line), {**files, "mine.py": MINE})


MINE = b"from w2vbench.impls.lookup import lookup\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
