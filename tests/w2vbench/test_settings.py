"""``[tool.w2vbench]`` in a repository's pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.impls.messages import UserError

from tests.w2vbench.repository import pyproject, write
from w2vbench.settings import implementation_files


def test_files_are_relative_to_the_pyproject_that_is_nearest_and_has_settings(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": pyproject("a.py", "src/b.py"), "deep/er/c.py": "", "deep/pyproject.toml": ""})
    assert implementation_files(tmp_path / "deep/er") == [tmp_path / "a.py", tmp_path / "src/b.py"]


def test_nothing_above_the_repository_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": pyproject("a.py"), "inner/.git/HEAD": ""})
    assert implementation_files(tmp_path / "inner") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[tool.w2vbench]", "names no implementations: write implementations = ["),
        ("[tool.w2vbench]\nimplementations = 'a.py'", "must be a list of files: write implementations = ["),
        ("[tool.w2vbench]\nimplementations = []", "must be a list of files: write implementations = ["),
        ("[tool.w2vbench]\nimplementations = ['a.py']\nx = 1", "unknown setting 'x'; there is implementations"),
        ("[tool.w2vbench\n", "pyproject.toml: Expected ']'"),
    ],
)
def test_bad_settings_are_one_clear_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(UserError) as refusal:
        implementation_files(tmp_path)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
