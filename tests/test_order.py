"""The order of the tests: the longest files begin."""

from __future__ import annotations

import runpy
from pathlib import Path

TESTS = Path(__file__).parent


def test_the_files_that_begin_are_there() -> None:
    longest = runpy.run_path(str(TESTS.parent / "conftest.py"))["LONGEST"]
    assert [name for name in longest if not (TESTS / name).is_file()] == []
    assert len({*longest}) == len(longest) > 0
