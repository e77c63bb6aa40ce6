"""The guides of docs/ as programs: their code blocks in order, as one shell script for each page.

- ``bash`` is run as it stands, and ``python`` as a program of its own.
- A block whose first line is a comment with a file's name is that file; ``(continued)`` after the name adds to it.
- What would take minutes has a comment above it with what is run instead: the same commands with smaller sizes.

      <!-- runs as:
      w2vbench run --vocab 1000
      -->

- What must not run has the reason above it: ``<!-- not run: it installs packages -->``.
- Where a command is to fail: ``<!-- exit code: 1 -->``.
- Blocks of other languages are what a command prints, or another program's files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!-- (runs as|not run|exit code):\s*((?:(?!-->).)*?)\s*-->\n\n?\Z", re.DOTALL)
FILE = re.compile(r"# ((?:[\w.-]+/)*[\w-]*\.\w+)( \(continued\))?\n")


@dataclass(frozen=True)
class Block:
    """A code block: its first line's number, what it is, and what the comment above it says."""

    line: int
    language: str
    text: str
    instead: str = ""
    not_run: str = ""
    exit_code: int = 0

    @property
    def file(self) -> tuple[str, bool]:
        """The file that the block is, and whether it adds to it; an empty name if it is none."""
        named = FILE.match(self.text) if self.language != "bash" else None
        return (named[1], bool(named[2])) if named else ("", False)

    @property
    def script(self) -> str:
        """What the shell runs for the block; empty if nothing."""
        file, more = self.file
        if self.not_run:
            return ""
        if file:
            folder = f"mkdir -p {shlex.quote(str(Path(file).parent))}\n"
            return (
                f"{folder}cat {'>>' if more else '>'}{shlex.quote(file)} <<'END OF BLOCK'\n{self.text}\nEND OF BLOCK\n"
            )
        match self.language:
            case "bash":
                return f"{self.instead or self.text}\n"
            case "python":
                return f"python - <<'END OF BLOCK'\n{self.text}\nEND OF BLOCK\n"
            case _:
                return ""


def guides() -> list[str]:
    """The pages under *Guides* in the site's navigation."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    section = re.search(r"^  - Guides:\n((?:      .*\n)+)", navigation, re.MULTILINE)
    assert section
    return re.findall(r"(\S+\.md)$", section[1], re.MULTILINE)


def blocks(page: str) -> Iterator[Block]:
    """The code blocks of a page's text."""
    for fence in FENCE.finditer(page):
        before = page[: fence.start()]
        comment = COMMENT.search(before)
        said: dict[str, str] = {comment[1]: comment[2]} if comment else {}
        yield Block(
            line=before.count("\n") + 1,
            language=fence[2],
            text=fence[3].rstrip("\n"),
            instead=said.get("runs as", ""),
            not_run=said.get("not run", ""),
            exit_code=int(said.get("exit code", 0)),
        )


def program(page: str) -> str:
    """A page's blocks as a script that ends at the first that goes wrong, and says at which line of the page."""
    parts = ["set -uo pipefail"]
    for block in blocks(page):
        if script := block.script:
            parts.append(f"echo '+ line {block.line}' >&2")
            if block.exit_code:
                parts += ["set +e", f"(\nset -e\n{script})", f'code=$?; [ "$code" -eq {block.exit_code} ] || exit 1']
            else:
                parts += ["set -e", script]
    return "\n".join([*parts, ""])


def commands(script: str) -> list[list[str]]:
    """The words of each line of a script, without comments; a line that goes on is one."""
    lines = script.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("-")}
