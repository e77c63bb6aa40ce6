"""What an implementation may use beside its own code: files that differ, and installed distributions."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.engine.worker.variants.sources import facts
from w2vbench.bench.engine.worker.variants.uses import canonical, distributions_of, files_used_by
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.identity.digest import Identity

from w2vbench import impls


def code(*texts: str, reads: bool = False) -> Identity:
    return Identity("", texts=frozenset(texts), reads_files=reads)


def found(identity: Identity, *differing: str, at: str = "mine.py", tree: Path = Path("/tree")) -> list[str]:
    return list(files_used_by(identity, tree / at, tree, differing)[0])


@pytest.mark.parametrize(
    ("text", "file"),
    [
        *((text, "data/table.npy") for text in ("table.npy", "data/table.npy", "/somewhere/table.npy", "table")),
        *(("table_", "data/table_3.npy"), ("kernel.c", "src/kernel.c")),
        *((name, name) for name in ("table.npy", "config.json", "words.txt", "tuning.yaml")),
    ],
)
def test_a_file_that_the_code_names_is_read(text: str, file: str) -> None:
    assert found(code(text), file) == [file]


@pytest.mark.parametrize("file", ["other.npy", "data/b.json", "words.txt", "kernel.so"])
def test_code_that_reads_files_may_read_any_and_other_code_none(file: str) -> None:
    assert found(code(reads=True), file) == [file]
    assert found(code("W", "axis"), file) == []


DOCUMENTS = """README.md notes.rst docs/table.npy .github/workflows/ci.yml .gitignore LICENSE CHANGELOG picture.png
pyproject.toml requirements-dev.txt uv.lock Makefile other.py"""


@pytest.mark.parametrize("file", DOCUMENTS.split())
def test_documents_and_files_about_the_project_are_read_by_none(file: str) -> None:
    assert found(code(reads=True), file) == []


def test_a_package_has_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "lib" / "mine" / "deep").mkdir(parents=True)
    for folder in ("lib/mine", "lib/mine/deep"):
        (tmp_path / folder / "__init__.py").touch()
    differing = ("lib/mine/table.bin", "lib/mine/deep/more.bin", "lib/other.bin", "top.bin", "lib/mine/notes.md")
    assert found(code(), *differing, at="lib/mine/deep/rows.py", tree=tmp_path) == list(differing[:2])
    assert found(code(), *differing, at="lib/mine/table.py", tree=tmp_path) == list(differing[:2])


def test_what_an_extension_is_built_from_is_known_by_its_name_or_its_package(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    differing = ("mine/_rows.c", "src/fastrows.cpp", "src/other.c", "mine/rows.py")

    def built(at: str, *texts: str) -> list[str]:
        return list(files_used_by(code(*texts), tmp_path / at, tmp_path, differing)[1])

    assert built("mine/top.py") == ["mine/_rows.c"]
    assert built("top.py", "fastrows") == ["src/fastrows.cpp"]
    assert built("top.py", "_other", "numpy") == ["src/other.c"]
    assert built("top.py", "numpy") == []
    assert built("top.py", "fastrows.cpp") == []  # it compiles the file itself, each side its own
    assert found(code("fastrows"), *differing, at="top.py", tree=tmp_path) == []


PACKAGE = Path(impls.__file__).parent
IMPLEMENTATIONS = {i.key: i for i in catalogue.own()}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("lookup/gather", {"numpy"}),
        ("lookup/csr-one-hot", {"numpy", "scipy"}),
        ("lookup/numba", {"numpy", "numba", "llvmlite"}),  # its own code names no package: numba compiles it
        ("scatter.dense/unique-csr", {"numpy", "scipy"}),
    ],
)
def test_an_implementation_uses_what_it_imports_and_what_that_requires(key: str, expected: set[str]) -> None:
    """Otherwise a comparison of packages would say that nothing of a case differs, and be wrong."""
    found = facts(IMPLEMENTATIONS[key], PACKAGE, PACKAGE.parent, PACKAGE.parent / "nowhere")
    assert {*found.packages} == expected


def test_names_are_those_of_distributions() -> None:
    assert distributions_of(["yaml_nosuch", "os", "numpy.linalg"]) == {"numpy"}
    assert {"iniconfig", "pluggy"} <= distributions_of(["pytest"])
    assert canonical("Scikit_Learn[all] >=1; python_version > '3'") == "scikit-learn"
