"""Options that take several values after one name, and the arguments that may follow them."""

from __future__ import annotations

import shlex

import pytest
from w2vbench.bench.main import several

LINES = {
    "sizes": ("run --vocab 1 2 --batch 3", "run --vocab 1 --vocab 2 --batch 3"),
    "tune has more sizes": ("tune --hidden 1 2", "tune --hidden 1 --hidden 2"),
    "threads of a run": ("run --threads 1 2 4 --json", "run --threads 1 --threads 2 --threads 4 --json"),
    "of other commands, one": ("run --hidden 1 2", "run --hidden 1 2"),
    "an argument after the interpreter": ("versions --python 3.13 numpy '>=2'", "versions --python 3.13 numpy '>=2'"),
    "versions takes one interpreter": ("versions --python 3.13 3.12", "versions --python 3.13 3.12"),
    "both interpreters": ("compare --packages a b --python 3.12 3.13", "compare --packages a b --python 3.12 --python 3.13"),
    "interpreters before requirements": (
        "compare --packages --python 3.12 ./py/bin/python 'a==1' b",
        "compare --packages --python 3.12 --python ./py/bin/python 'a==1' b",
    ),
    "requirements that look like interpreters": (
        "compare --packages --python python3.12 python-dateutil 'a@file:///a' 3.13",
        "compare --packages --python python3.12 python-dateutil 'a@file:///a' 3.13",
    ),
    "a folder with an @": ("compare --python 3.12 /opt/python@3/python", "compare --python 3.12 --python /opt/python@3/python"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "read"), LINES.values(), ids=LINES)
def test_an_option_repeats_before_its_own_values_only(written: str, read: str) -> None:
    assert several(shlex.split(written)) == shlex.split(read)
