"""The field's words, and no others: what a person reads, and what the code is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_OURS = ("rungs?", "ladders?", "lanes?", "unraced", "launch(es)?", "sat out", "weigh(s|ed|ing)?")
WORDS = re.compile(rf"(?<![A-Za-z])({'|'.join(NOT_OURS)})(?![A-Za-z])", re.IGNORECASE)
"""With underscores around them too, as parts of names."""
OTHERS = re.compile(r"chromium\.launch\(|launch\(executable_path")
"""Names of other people's."""
READ = [
    *(
        file
        for room in ("impls", "bench", "reports", "w2vbench", "docs", "examples")
        for file in (ROOT / room).rglob("*")
        if file.is_file()
    ),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tox.ini", "mkdocs.yml", "conftest.py")),
    *(ROOT / ".github").rglob("*.yml"),
]
TEXTS = [file for file in READ if file.suffix in (".py", ".md", ".html", ".js", ".css", ".ini", ".yml")]


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_word_of_a_private_language_is_left(file: Path) -> None:
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if WORDS.search(OTHERS.sub("", line))
    ]
    assert not found
    assert not WORDS.search(file.stem)
