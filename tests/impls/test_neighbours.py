"""Files from outside whose repository has packages called as ours are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import bench.plans
import impls
import reports
from impls.catalogue import from_file, import_roots, own
from impls.identity import NEIGHBOURS
from tests.impls.files import module, refusal_of, written

IMPORTS = {
    "a package called bench": ("bench/helper.py", "from bench.helper import rows"),
    "a package called reports": ("reports/helper.py", "from reports.helper import rows"),
    "a module called bench": ("bench.py", "from bench import rows"),
    "a further module of impls": ("impls/helper.py", "from impls.helper import rows"),
}
ROWS = "def rows(W, idx):\n    return W[idx]\n"


@pytest.mark.parametrize("name", IMPORTS)
def test_a_file_gets_its_own_packages_and_we_keep_ours(tmp_path: Path, name: str) -> None:
    helper, statement = IMPORTS[name]
    written(tmp_path / "pyproject.toml", "")
    written(tmp_path / helper, ROWS)
    if "/" in helper:
        written((tmp_path / helper).parent / "__init__.py", "")
    path = [*impls.__path__]
    file = module(tmp_path / "mine.py", statement, "rows(W, idx)")
    (mine,) = from_file(file, import_roots(file))
    assert np.array_equal(mine(np.eye(3), np.array([1])), [[0, 1, 0]])
    assert sys.modules["bench.plans"] is bench.plans
    assert sys.modules["reports"] is reports
    assert [*impls.__path__] == path
    assert not hasattr(impls, "helper")
    assert not [
        name for name, loaded in sys.modules.items() if getattr(loaded, "__file__", "") == str(tmp_path / helper)
    ]
    assert str(tmp_path / helper) in vars(sys.modules[mine.function.__module__])[NEIGHBOURS]


def test_ours_are_there_again_if_the_file_fails(tmp_path: Path) -> None:
    written(tmp_path / "bench/__init__.py", "raise ValueError('no')\n")
    file = module(tmp_path / "mine.py", "import bench")
    assert refusal_of(from_file, file).endswith("ValueError: no")
    assert sys.modules["bench.plans"] is bench.plans


def test_the_public_module_lists_our_kernels_while_such_a_file_is_executed(tmp_path: Path) -> None:
    """Not the modules that the user's own package of the name ``impls`` has."""
    written(tmp_path / "impls/broken.py", "raise ValueError('not to be imported')\n")
    file = module(tmp_path / "mine.py", "import w2vbench; lookup = w2vbench.kernels['lookup']")
    (mine,) = from_file(file)
    assert mine.kernel is next(own()).kernel
