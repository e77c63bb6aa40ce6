"""Identities without a tree, as the cache of compiled code uses them: code of any file counts, but that of packages with a version."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from w2vbench.impls.catalogue.discovery import from_file
from w2vbench.impls.identity.digest import Identity, code_identity, implementation_identity
from w2vbench.impls.identity.trees import Tree, is_pinned

from tests.impls.catalogue.files import module, written

ANYWHERE = Tree()


def of(file: Path, text: str) -> Identity | None:
    """The identity of the function f of a file that is written."""
    return code_identity((runpy.run_path(str(written(file, text)))["f"],), ANYWHERE)


def test_the_same_function_is_the_same_in_any_folder_and_what_it_calls_counts(tmp_path: Path) -> None:
    def text(value: int) -> str:
        return f"def g(x):\n    return x + {value}\n\n\ndef f(x):\n    return g(x)\n"

    one, same, other = (of(tmp_path / name, text(value)) for name, value in (("a.py", 1), ("b/c.py", 1), ("d.py", 2)))
    assert one is not None
    assert one == same
    assert other is not None
    assert one.digest != other.digest


@pytest.mark.parametrize("returns", ["eval('x')", "PATTERN.match(x)"])
def test_what_cannot_be_followed_has_no_identity(returns: str, tmp_path: Path) -> None:
    """No text of a tree can take its place: code that has changed would be found in the cache."""
    text = f"import re\nPATTERN = re.compile('a')\ndef f(x):\n    return {returns}\n"
    assert of(tmp_path / "a.py", text) is None
    (mine,) = from_file(module(tmp_path / "mine.py", text, "f(W)"))
    with pytest.raises(ValueError, match="a tree without a root"):
        implementation_identity(mine, ANYWHERE)


@pytest.mark.parametrize(
    ("file", "followed"),
    [
        *((np.__file__, False), (scipy.special.__file__, False), (json.__file__, False)),
        *((pytest.__file__, True), (__file__, True)),
    ],
    ids=["NumPy", "SciPy", "the standard library", "another package", "one's own file"],
)
def test_code_is_followed_but_that_of_python_and_of_packages_whose_version_is_in_the_key(
    file: Any, followed: bool
) -> None:
    assert is_pinned(Path(file).resolve()) is not followed
    assert ANYWHERE.has_file(file) is followed
    assert not ANYWHERE.has_file("<string>")
