"""Every code block of README and docs/ runs, in order, in an empty folder, or says why not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.processes import IDENTITY, PATIENCE_S

from .guides import ROOT, RUN, blocks, commands, elsewhere, options, pages, program

PAGES = pages()
RUNNING = [page for page, text in PAGES.items() if any(block.script for block in blocks(text))]
WAIT_S = PATIENCE_S


def environment(folder: Path) -> dict[str, str]:
    """A user's environment without settings: an empty home, an own dispatch table, and this project's commands on the path.

    Compiled code is shared with the other tests, since compiling takes longer than all else.
    """
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name, module in {"w2vbench": "w2vbench", "pytest": "pytest"}.items():
        (bin_folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        (bin_folder / name).chmod(0o755)
    (bin_folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin_folder / "python").chmod(0o755)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "PYTEST"))}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {
        **ours,
        **IDENTITY,
        "HOME": str(folder),
        "XDG_CACHE_HOME": cache,
        "W2VBENCH_TABLE": str(folder / "dispatch.toml"),
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }


def run_page(page: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A page's blocks, run in a new folder."""
    (folder / "work").mkdir(parents=True)
    return subprocess.run(
        ["bash", "-c", program(PAGES[page])],
        cwd=folder / "work",
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """The pages' runs, two at a time, the longest pages first: with pytest -n auto, a file's tests share one process."""
    folder = tmp_path_factory.mktemp("guides")
    with ThreadPoolExecutor(2) as threads:
        longest_first = sorted(RUNNING, key=lambda page: -sum(bool(block.script) for block in blocks(PAGES[page])))
        yield {page: threads.submit(run_page, page, folder / page) for page in longest_first}


@pytest.mark.parametrize("page", RUNNING)
def test_every_block_of_a_guide_runs(page: str, runs: dict[str, Future[subprocess.CompletedProcess[str]]]) -> None:
    done = runs[page].result()
    assert done.returncode == 0, f"{page}: after the last line that stands here with a +\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES)
def test_what_is_run_instead_is_the_same_at_a_smaller_size(page: str) -> None:
    """Line by line the same command, with every option that the reader gives."""
    for block in blocks(PAGES[page]):
        if block.instead:
            shown, run = commands(block.text), commands(block.instead)
            assert [words[:2] for words in run] == [words[:2] for words in shown], f"{page}:{block.line}"
            for one, other in zip(shown, run, strict=True):
                assert options(one) <= options(other), f"{page}:{block.line}"


def test_every_guide_and_readme_are_among_the_pages_and_what_does_not_run_says_why() -> None:
    navigation = (
        (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2].partition("  - Reference:")[0]
    )
    assert {"README.md", *(f"docs/{page}" for page in re.findall(r"(\S+\.md)$", navigation, re.MULTILINE))} <= {*PAGES}
    for page, text in PAGES.items():
        for block in blocks(text):
            assert block.script or block.not_run or block.language not in RUN, f"{page}:{block.line}"


def test_what_is_said_to_run_in_another_page_runs_there() -> None:
    for page, text in PAGES.items():
        for block in blocks(text):
            if other := elsewhere(block):
                run = [
                    words[:2] for one in blocks(PAGES[f"docs/{other}"]) if one.script for words in commands(one.text)
                ]
                assert all(words[:2] in run for words in commands(block.text)), f"{page}:{block.line}"


EXAMPLE = """# Title

```python
# mine.py
x = 1
```

```python
# mine.py (continued)
assert x == 1
```

<!-- runs as:
echo --size 1 >said.txt
-->

```bash
echo --size 1000000
```

<!-- not run: it would remove everything -->

```bash
rm -rf /
```

<!-- given: a/text.md = README.md -->
<!-- exit code: 3 -->

```bash
python mine.py; exit 3
```

<!-- file: b/other.py -->

```python
y = 2
```
"""


def test_the_reader_of_guides_knows_every_kind_of_block() -> None:
    assert [(block.line, block.language, block.file) for block in blocks(EXAMPLE)] == [
        (3, "python", ("mine.py", False)),
        (8, "python", ("mine.py", True)),
        (17, "bash", ("", False)),
        (23, "bash", ("", False)),
        (30, "bash", ("", False)),
        (36, "python", ("b/other.py", False)),
    ]
    script = program(EXAMPLE)
    assert "echo --size 1 >said.txt" in script
    assert "1000000" not in script
    assert "rm -rf" not in script
    assert '"$code" -eq 3' in script
    assert f"cp {ROOT / 'README.md'} a/text.md" in script
    assert "cat >b/other.py" in script


def test_a_page_whose_block_fails_fails(tmp_path: Path) -> None:
    for text, code in (("false", 1), ("true", 0)):
        done = subprocess.run(["bash", "-c", program(f"```bash\n{text}\ntrue\n```\n")], cwd=tmp_path, check=False)
        assert done.returncode == code


@pytest.mark.parametrize(("ends_with", "code"), [(3, 0), (0, 1), (1, 1)])
def test_a_block_that_is_to_fail_must_fail_as_it_says(tmp_path: Path, ends_with: int, code: int) -> None:
    page = f"<!-- exit code: 3 -->\n\n```bash\nexit {ends_with}\n```\n\n```bash\ntrue\n```\n"
    assert subprocess.run(["bash", "-c", program(page)], cwd=tmp_path, check=False).returncode == code
