"""Discovery: this package's implementations, and files from outside."""

from __future__ import annotations

import os
import re
import sys
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.catalogue.discovery import from_file, kernels, load, missing, own, source
from w2vbench.impls.interface import Implementation
from w2vbench.impls.lookup import gather, lookup

from tests.impls.catalogue.files import LINE, module, refusal_of, written
from tests.tables import table

IMPLS = Path(catalogue.__file__).parents[1]
SOURCES = table("files")
REFUSED = SOURCES["refused"]
FILES = (("taken.py", "gather"), ("one.py", "mine"), ("other.py", "mine"), ("twice.py", "mine"))


def slugs(found: list[Implementation]) -> list[str]:
    return [implementation.slug for implementation in found]


# this package's own


def test_every_implementation_in_the_sources_is_found_once_in_the_order_of_its_file() -> None:
    texts = [file.read_text(encoding="utf-8") for file in sorted(IMPLS.rglob("*.py"))]
    found = [
        found for text in texts for found in re.findall(r'^@(\w+)\.implementation\(\s*"([^"]+)"', text, re.MULTILINE)
    ]
    listed = [
        (i.kernel.name.split(".")[-1].replace("-", "_"), i.slug)
        for i in own()
        if not i.kernel.name.startswith("training")  # these are made for both kernels at once
    ]
    assert len(found) > 40
    # a stable sort: within a kernel, the order is the file's
    assert sorted(listed, key=itemgetter(0)) == sorted(found, key=itemgetter(0))


def test_kernels_come_in_reading_order() -> None:
    found = [i.kernel.place for i in own()]
    assert found == sorted(found)
    groups = [kernel.group for kernel in kernels(own())]
    assert list(dict.fromkeys(groups)) == ["lookup", "scatter", "output", "sampling", "update", "training"]
    assert len({kernel.place for kernel in kernels(own())}) == len(groups)


@pytest.mark.parametrize("kernel", kernels(own()), ids=lambda kernel: kernel.name)
def test_every_kernel_has_one_baseline_and_it_is_right(kernel: object) -> None:
    """Ratios refer to it: none, two, or a wrong one would leave them without a meaning."""
    assert [bool(i.wrong) for i in own() if i.kernel is kernel and i.baseline] == [False]


def test_an_implementation_is_still_the_function_it_was_made_from() -> None:
    W = np.arange(12.0).reshape(4, 3)
    assert np.array_equal(gather(W, np.array([2, 2])), W[[2, 2]])
    assert gather.key == "lookup/gather"
    file, line = source(gather).rsplit(":", 1)
    assert Path(file) == IMPLS / "lookup.py"
    assert "@lookup.implementation" in (IMPLS / "lookup.py").read_text(encoding="utf-8").splitlines()[int(line) - 1]


# files


def test_a_file_adds_what_it_defines_and_not_what_it_imports(tmp_path: Path) -> None:
    """Nor objects that answer to every name, as an implementation would."""
    path = module(tmp_path / "mine.py", SOURCES["accepted"]["tricks"])
    assert slugs(load([path], installed=False)) == [*slugs(list(own())), "mine"]
    (mine,) = from_file(path)
    assert mine.kernel is lookup
    assert np.array_equal(mine(np.eye(3), np.array([1])), [[0, 1, 0]])


def test_a_path_as_people_type_it_is_enough_and_two_names_for_an_implementation_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "mine.py", module(tmp_path / "mine.py").read_text() + "\nbest = mine\n")
    monkeypatch.chdir(tmp_path)
    assert slugs(from_file(Path("mine.py"))) == ["mine"]


@pytest.mark.parametrize("name", ["lookup.py", "numpy.py", "words.py", "random.py", os.fsdecode(b"caf\xe9.py")])
def test_a_file_may_be_called_as_a_module_that_is_loaded_or_by_no_utf_8(tmp_path: Path, name: str) -> None:
    assert slugs(from_file(module(tmp_path / name))) == ["mine"]


def test_a_key_that_is_taken_is_refused_with_both_places(tmp_path: Path) -> None:
    taken, one, other, twice = (module(tmp_path / name, slug=slug) for name, slug in FILES)
    text = twice.read_text()
    twice.write_text(text + text.replace("def mine", "def again"))
    again = f"{twice}:{LINE + len(text.splitlines())}"
    for files, said in (
        ([taken], ("lookup/gather", f"{taken}:{LINE}", source(gather))),
        ([one, other], ("lookup/mine", f"{one}:{LINE}", f"{other}:{LINE}")),
        ([twice], ("lookup/mine", f"{twice}:{LINE}", again)),
    ):
        message = refusal_of(load, files, installed=False)
        assert all(part in message for part in said)


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("relative", [False, True])
def test_a_file_that_cannot_be_loaded_is_refused_with_the_line_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: dict[str, str], relative: bool
) -> None:
    written(tmp_path / "broken_neighbour.py", "\n\n\nif x\n")
    path = written(tmp_path / "mine.py", refused["code"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules), list(sys.path)
    message = refusal_of(load, [Path("mine.py") if relative else path], installed=False)
    assert "mine.py" in message
    assert refused["said"] in message
    assert not message.endswith((":", " "))
    assert not [name for name in set(sys.modules) - before[0] if "neighbour" in name]
    assert sys.path == ([] if "path.clear()" in refused["code"] else before[1])


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        *(("nowhere.py", "no such file"), ("folder.py", "a folder")),
        *(("mine.txt", "must end in .py"), ("binary.py", "binary.py")),
    ],
)
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "folder.py").mkdir()
    module(tmp_path / "mine.txt")
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    message = refusal_of(load, [tmp_path / name], installed=False)
    assert name in message
    assert complaint in message


def test_control_c_while_a_file_is_loaded_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        from_file(written(tmp_path / "mine.py", "raise KeyboardInterrupt"))


# optional packages


@pytest.mark.parametrize(
    ("requires", "absent"),
    [
        ((), []),
        (("numpy", "scipy.sparse"), []),
        (("nonexistent_pkg_xyz.part",), ["nonexistent_pkg_xyz.part"]),
        (("numpy", "nonexistent_pkg_xyz", "another_pkg_xyz"), ["nonexistent_pkg_xyz", "another_pkg_xyz"]),
    ],
)
def test_packages_that_are_not_installed_are_named(requires: tuple[str, ...], absent: list[str]) -> None:
    optional = lookup.implementation("optional", "with optional packages", requires=requires)(lambda W, idx: W[idx])
    assert missing(optional) == absent
