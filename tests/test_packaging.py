"""What the distributions contain; ``.ci/package`` builds and uses them."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_changelog_begins_with_the_version_that_is_built() -> None:
    """A release takes its notes from there."""
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == PROJECT["project"]["version"]


def test_the_pythons_that_are_said_to_work_are_those_that_ci_tests() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    matrix = re.findall(r'"(3\.\d+)"', workflow[workflow.index("matrix:") : workflow.index("steps:")])
    classifiers = PROJECT["project"]["classifiers"]
    assert [one.rpartition(" ")[2] for one in classifiers if re.search(r":: 3\.\d+$", one)] == matrix
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    environments = tox["tox"]["env_list"].split(", ")
    assert [one for one in environments if one.startswith("py")] == [f"py{one.replace('.', '')}" for one in matrix]
    assert PROJECT["project"]["requires-python"] == f">={matrix[0]}"
    assert tox["testenv:lowest"]["base_python"] == f"py{matrix[0].replace('.', '')}"
    assert f"Python {', '.join(matrix[:-1])} or {matrix[-1]}" in (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert f"Python {matrix[0]} to {matrix[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
