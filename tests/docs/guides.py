"""README and the pages of docs/ as programs: their code blocks in order, as one shell script for each page.

- ``bash`` is run as it stands, and ``python`` as a program of its own.
- A block whose first line is a comment with a file's name is that file; ``(continued)`` after the name adds to it. Where readers
  see no need for that line, the name stands in a comment above the block: ``<!-- file: mine.py -->``.
- What the reader has already is copied from this repository first: ``<!-- given: ch04/layers.py = tests/data/book/layers.txt -->``.
- What would take minutes has a comment above it with what is run instead: the same commands with smaller sizes.

      <!-- runs as:
      w2vbench run --vocab 1000
      -->

- What must not run has the reason above it: ``<!-- not run: it installs packages -->``. If that is that the same command runs in
  another page, a test looks for it there.
- Code of the example of the seven steps is compared with it by another test: ``<!-- code 3 -->``.
- Where a command is to fail: ``<!-- exit code: 1 -->``.
- Blocks of other languages are what a command prints, or another program's files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RUN = ("bash", "python")
ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMENT = r"<!-- (runs as|not run|exit code|file|given|code)[: ]\s*((?:(?!-->).)*?)\s*-->\n+"
COMMENTS = re.compile(rf"(?:{COMMENT})+\Z", re.DOTALL)
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
    name: str = ""
    given: str = ""

    @property
    def file(self) -> tuple[str, bool]:
        """The file that the block is, and whether it adds to it; an empty name if it is none."""
        if self.name:
            return self.name, False
        named = FILE.match(self.text) if self.language != "bash" else None
        return (named[1], bool(named[2])) if named else ("", False)

    @property
    def script(self) -> str:
        """What the shell runs for the block; empty if nothing."""
        file, more = self.file
        if self.not_run:
            return ""
        if file:
            into = f"{'>>' if more else '>'}{shlex.quote(file)}"
            return f"{folder_of(file)}cat {into} <<'END OF BLOCK'\n{self.text}\nEND OF BLOCK\n"
        match self.language:
            case "bash":
                return f"{self.copied}{self.instead or self.text}\n"
            case "python":
                return f"{self.copied}python - <<'END OF BLOCK'\n{self.text}\nEND OF BLOCK\n"
            case _:
                return ""

    @property
    def copied(self) -> str:
        """What the shell does before the block, so that the reader's file is there."""
        file, _, source = self.given.partition(" = ")
        return f"{folder_of(file)}cp {shlex.quote(str(ROOT / source))} {shlex.quote(file)}\n" if file else ""


def folder_of(file: str) -> str:
    """The command that makes a file's folder."""
    return f"mkdir -p {shlex.quote(str(Path(file).parent))}\n"


def pages() -> dict[str, str]:
    """The texts of README and of every page of docs/ that has a code block for a shell or for Python, by their paths."""
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    }
    return {page: text for page, text in texts.items() if any(block.language in RUN for block in blocks(text))}


def blocks(page: str) -> Iterator[Block]:
    """The code blocks of a page's text."""
    for fence in FENCE.finditer(page):
        before = page[: fence.start()]
        comments = COMMENTS.search(before)
        said = dict(re.findall(COMMENT, comments[0], re.DOTALL)) if comments else {}
        yield Block(
            line=before.count("\n") + 1,
            language=fence[2],
            text=fence[3].rstrip("\n"),
            instead=said.get("runs as", ""),
            not_run=said.get("not run", "") or ("it is the example's code" if "code" in said else ""),
            exit_code=int(said.get("exit code", 0)),
            name=said.get("file", ""),
            given=said.get("given", ""),
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


def elsewhere(block: Block) -> str:
    """The page in which the same commands run, if that is why a block does not; else empty."""
    said = re.search(r"the same commands? runs? in (\S+\.md)", block.not_run)
    return said[1] if said else ""


def commands(script: str) -> list[list[str]]:
    """The words of each line of a script, without comments; a line that goes on is one."""
    lines = script.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("-")}
