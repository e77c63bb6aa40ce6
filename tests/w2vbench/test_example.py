"""``examples/your-kernels`` as a git repository of its own: all that it shows works there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench.commands.theirs import compared
from tests.processes import w2vbench
from tests.w2vbench.github import example
from tests.w2vbench.repository import FAST, collected, run_pytest

OFTEN = "for _ in range(300):\n        order = np.argsort(idx)"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return example(tmp_path / "your-kernels")


def test_its_implementations_pass_the_check(repository: Path) -> None:
    done = w2vbench("check", "--impl", "kernels.py", "--kernel", "lookup", "--kernel", "scatter.rows", cwd=repository)
    assert done.returncode == 0, done.stdout
    assert re.search(r"ok +lookup/sorted\n", done.stdout)
    assert re.search(r"ok +scatter.rows/unique-matmul\n", done.stdout)


def test_pytest_benchmarks_them_and_leaves_the_repository_clean_but_for_caches(repository: Path) -> None:
    names = {name.partition("[")[2].partition("@")[0] for name in collected(repository, "--benchmark")}
    assert names >= {"lookup/sorted", "lookup/one-hot-dot", "scatter.rows/unique-matmul", "scatter.rows/dict"}
    done = run_pytest(repository, "--benchmark", *FAST, "-q", "-k", "sorted and 1e4")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_slower_kernel_fails_the_comparison(repository: Path) -> None:
    kernels = repository / "kernels.py"
    kernels.write_text(kernels.read_text().replace("order = np.argsort(idx)", OFTEN))
    done = w2vbench(
        *("compare", "main", "--impl", "kernels.py", "--only", "*V=1e4*", "--threshold", "5%"), cwd=repository
    )
    assert done.returncode == 1, done.stdout + done.stderr
    cases = {case["case"].partition("@")[0]: case["verdict"] for case in compared(repository / "reports/out")["cases"]}
    assert cases == {"lookup/sorted": "slower"}
