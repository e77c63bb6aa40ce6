"""``pytest --benchmark`` in anybody's repository, in real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.processes import w2vbench
from tests.w2vbench.repository import CLASHING, FAST, KERNELS, collected, pyproject, run_pytest, write

TESTED = "import sys\n\ndef test_theirs():\n    assert not [m for m in ('w2vbench.benchmarks', 'numpy', 'w2vbench.impls.interface.case') if m in sys.modules]\n"
SIZE = "V=1e5,H=1,B=100,f32,i64,zipf,t1"
STRICT = (
    'testpaths = ["tests"]\naddopts = "--doctest-modules"\npython_functions = ["check_*"]\nfilterwarnings = ["error"]'
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {"kernels.py": KERNELS.format(more=""), "pyproject.toml": pyproject("kernels.py"), "test_it.py": TESTED},
    )


@pytest.fixture(scope="module")
def benchmarked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A repository whose packages have the names of ours, and which its file uses, after ``pytest --benchmark``."""
    more = "from bench.part import WHOSE as a\nfrom impls.part import WHOSE as b\nfrom reports.part import WHOSE as c\n"
    files = {
        **CLASHING,
        "tests/test_it.py": TESTED,
        "kernels.py": KERNELS.format(more=f"{more}assert a == b == c == 'theirs'\n"),
    }
    folder = write(
        tmp_path_factory.mktemp("theirs"), {**files, "pyproject.toml": pyproject("kernels.py", pytest_options=STRICT)}
    )
    return folder, run_pytest(folder, "--benchmark", *FAST, "--benchmark-json=all.json")


Benchmarked = tuple[Path, subprocess.CompletedProcess[str]]


def test_theirs_stand_in_one_table_beside_the_baseline_and_the_fastest(benchmarked: Benchmarked) -> None:
    folder, done = benchmarked
    assert done.returncode == 0, done.stdout + done.stderr
    assert "w2vbench: implementations of kernels.py, sizes of preset quick" in done.stdout
    assert f"benchmark 'scatter.scalar@{SIZE}': 3 tests" in done.stdout
    rows = json.loads((folder / "all.json").read_text())["benchmarks"]
    assert {row["extra_info"]["implementation"] for row in rows} == {"loop", "numba", "mine"}
    assert {row["fullname"] for row in rows} >= {f"kernels.py::test_kernel[scatter.scalar/mine@{SIZE}]"}


def test_the_saved_file_is_read_by_our_reports(benchmarked: Benchmarked, tmp_path: Path) -> None:
    done = w2vbench("report", str(benchmarked[0] / "all.json"), "--out", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "as it should be" in (tmp_path / "index.html").read_text()


def test_without_the_option_only_their_tests_run_and_nothing_of_ours_is_imported(repository: Path) -> None:
    done = run_pytest(repository, "-q")
    assert "1 passed" in done.stdout, done.stdout


def test_pytest_rewrites_no_assertion_of_ours(repository: Path) -> None:
    """It would, as of every distribution that has a plugin; the code that is timed would be another."""
    statement = "import w2vbench.impls.interface.arrays as a\nassert type(a.__loader__).__name__ == 'SourceFileLoader', a.__loader__\n"
    (repository / "conftest.py").write_text(statement)
    done = run_pytest(repository, "--benchmark", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_wrong_fails_with_the_reason_and_what_lacks_a_package_is_skipped(repository: Path) -> None:
    (repository / "kernels.py").write_text(
        KERNELS.format(more="")
        + """
@scalar.implementation("wrong", "nothing at all")
def wrong(dout, idx, dW):
    pass

@scalar.implementation("absent", "needs a package", requires=("no_such_package",))
def absent(dout, idx, dW):
    raise AssertionError
"""
    )
    done = run_pytest(repository, "--benchmark", *FAST, "-q", "-k", "1e5 and (wrong or absent)", "-rs")
    assert done.returncode == 1
    assert "1 failed, 1 skipped" in done.stdout
    assert "wrong: dW at the touched rows" in done.stdout
    assert "needs no_such_package: pip install no_such_package" in done.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), {"loop", "numba", "mine"}),
        (("--benchmark-beside=kernel",), {"loop", "add-at", "bincount", "unique-bincount", "numba", "mine"}),
        (("-k", "mine"), {"mine"}),
        (("kernels.py",), {"loop", "numba", "mine"}),
        (("--benchmark-impl=other.py",), {"loop", "numba", "other"}),
        (("--benchmark-preset=deck",), {"loop", "numba", "mine"}),
    ],
    ids=["default", "kernel", "chosen by -k", "named by path", "another file", "another preset"],
)
def test_options_choose_what_is_timed(repository: Path, options: tuple[str, ...], expected: set[str]) -> None:
    (repository / "other.py").write_text(KERNELS.format(more="").replace('"mine"', '"other"'))
    found = collected(repository, "--benchmark", *options)
    slugs = {name.partition("/")[2].partition("@")[0] for name in found}
    assert slugs - {"torch"} == expected  # which may be installed


def test_files_outside_the_repository_have_names_that_differ(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    for slug in ("a", "b"):
        (folder / f"{slug}.py").write_text(KERNELS.format(more="").replace('"mine"', f'"{slug}"'))
    named = (f"--benchmark-impl={folder}/a.py", f"--benchmark-impl={folder}/b.py")
    found = collected(repository, "--benchmark", *named, "-k", "/a or /b")
    assert [name.rpartition("/")[2].partition("@")[0] for name in found] == ["a", "b"]
    assert [Path(name.partition("::")[0]).name for name in found] == ["a.py", "b.py"]


def test_files_may_stand_in_packages_called_as_ours_are_and_their_company_comes_once(tmp_path: Path) -> None:
    files = {**CLASHING, "bench/kernels.py": KERNELS.format(more=""), "bench/conftest.py": "from bench import WHOSE\n"}
    files["src/more/__init__.py"] = "raise ValueError('not needed')\n"
    files["src/more/kernels.py"] = KERNELS.format(more="").replace('"mine"', '"more"')
    files["pyproject.toml"] = pyproject("bench/kernels.py", "src/more/kernels.py")
    write(tmp_path, files)
    for arguments in ((), ("bench", "src")):
        assert collected(tmp_path, "--benchmark", *arguments) == [
            f"bench/kernels.py::test_kernel[scatter.scalar/loop@{SIZE}]",
            f"bench/kernels.py::test_kernel[scatter.scalar/numba@{SIZE}]",
            f"bench/kernels.py::test_kernel[scatter.scalar/mine@{SIZE}]",
            f"src/more/kernels.py::test_kernel[scatter.scalar/more@{SIZE}]",
        ]


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({"pyproject.toml": ""}, (), "no file of implementations is named: write [tool.w2vbench] implementations = ["),
        ({"pyproject.toml": pyproject()}, (), "[tool.w2vbench] implementations must be a list of files"),
        ({"pyproject.toml": pyproject("gone.py")}, (), "gone.py: no such file"),
        ({"pyproject.toml": pyproject("folder"), "folder/a.py": ""}, (), "folder: a folder, not a file"),
        ({}, ("--benchmark-impl=gone.py",), "gone.py: no such file"),
        ({"kernels.py": "def ("}, (), "kernels.py, line 1: SyntaxError: invalid syntax"),
        ({"kernels.py": "import no_such_module"}, (), "ModuleNotFoundError: No module named 'no_such_module'"),
        ({"kernels.py": ""}, (), "kernels.py: holds no implementation"),
        ({}, ("--benchmark-preset=huge",), "no preset 'huge'; there are quick, default, deck, full"),
        ({}, ("-p", "no:benchmark"), "--benchmark needs pytest-benchmark: leave out -p no:benchmark"),
    ],
    ids=lambda value: None if isinstance(value, dict | tuple) else value[:30],
)
def test_bad_input_is_one_clear_line(
    repository: Path, files: dict[str, str], options: tuple[str, ...], said: str
) -> None:
    done = run_pytest(write(repository, files), "--benchmark", "-q", *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    (line,) = filter(None, done.stderr.splitlines())
    assert line.startswith("ERROR: ")
    assert said in line
