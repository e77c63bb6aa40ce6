"""Files from outside whose repository has packages called as our folders are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from w2vbench.impls.catalogue.discovery import from_file, import_roots
from w2vbench.impls.identity.digest import NEIGHBOURS

from tests.impls.catalogue.files import module, refusal_of, written

IMPORTS = {
    "a package called bench": ("bench/helper.py", "from bench.helper import rows"),
    "a module called bench": ("bench.py", "from bench import rows"),
    "a package called impls": ("impls/helper.py", "from impls.helper import rows"),
}
ROWS = "def rows(W, idx):\n    return W[idx]\n"


@pytest.mark.parametrize("name", IMPORTS)
def test_a_file_gets_its_own_packages_and_leaves_none_behind(tmp_path: Path, name: str) -> None:
    helper, statement = IMPORTS[name]
    written(tmp_path / "pyproject.toml", "")
    written(tmp_path / helper, ROWS)
    if "/" in helper:
        written((tmp_path / helper).parent / "__init__.py", "")
    file = module(tmp_path / "mine.py", statement, "rows(W, idx)")
    (mine,) = from_file(file, import_roots(file))
    assert np.array_equal(mine(np.eye(3), np.array([1])), [[0, 1, 0]])
    assert not {"bench", "impls"} & {*sys.modules}
    assert str(tmp_path / helper) in vars(sys.modules[mine.function.__module__])[NEIGHBOURS]


def test_they_are_unloaded_if_the_file_fails(tmp_path: Path) -> None:
    written(tmp_path / "bench/__init__.py", "raise ValueError('no')\n")
    file = module(tmp_path / "mine.py", "import bench")
    assert refusal_of(from_file, file).endswith("ValueError: no")
    assert "bench" not in sys.modules
