"""Discovery: this package's implementations, files from outside, and what installed packages announce."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from impls import catalogue
from impls.catalogue import ORDER, CatalogueError, from_file, from_packages, kernels, load, missing, own, source
from impls.interface import INTERFACE_VERSION, Implementation
from impls.lookup import gather, lookup

IMPLS = Path(catalogue.__file__).parent

GOOD = """
from impls.lookup import gather, lookup, take

@lookup.implementation("{slug}", "mine")
def mine(W, idx):
    return W[idx]
"""


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def good(path: Path, slug: str = "mine") -> Path:
    return written(path, GOOD.format(slug=slug))


def slugs(found: list[Implementation]) -> list[str]:
    return [implementation.slug for implementation in found]


def refusal_of(*files: Path) -> str:
    """The one line with which files are refused."""
    with pytest.raises(CatalogueError) as refusal:
        load(files, installed=False)
    message = str(refusal.value)
    assert "\n" not in message
    return message


# this package's own


def in_the_sources() -> list[tuple[str, str]]:
    """Variable of the kernel and slug of every ``@kernel.implementation("slug", ...)``, file by file, from the top down."""
    found = []
    for file in sorted(IMPLS.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                    kernel, slug = decorator.func.value, decorator.args[0]
                    assert isinstance(kernel, ast.Name)
                    assert isinstance(slug, ast.Constant)
                    if decorator.func.attr == "implementation":
                        found.append((kernel.id, str(slug.value)))
    return found


def test_every_implementation_in_the_sources_is_found_once_and_its_implementations_keeps_its_order() -> None:
    listed = [
        (implementation.kernel.name.split(".")[-1].replace("-", "_"), implementation.slug)
        for implementation in own()
        if not implementation.kernel.name.startswith("training")  # one implementations, made for both kernels
    ]
    written_down = in_the_sources()
    assert len(written_down) > 40
    assert sorted(listed) == sorted(written_down)
    for kernel in {kernel for kernel, _ in written_down}:
        assert [slug for name, slug in listed if name == kernel] == [
            slug for name, slug in written_down if name == kernel
        ]


def test_kernels_come_in_the_order_of_the_story() -> None:
    assert [kernel.name for kernel in kernels(own())] == list(ORDER)
    found = list(own())
    assert [i.kernel.name for i in found] == sorted((i.kernel.name for i in found), key=ORDER.index)


def test_every_kernel_has_one_baseline_and_it_is_right() -> None:
    """Ratios refer to it: none, two, or a wrong one would leave them without a meaning."""
    for kernel in kernels(own()):
        baselines = [i for i in own() if i.kernel.name == kernel.name and i.baseline]
        assert len(baselines) == 1, kernel.name
        assert not baselines[0].wrong


def test_an_implementation_is_still_the_function_it_was_made_from() -> None:
    W = np.arange(12.0).reshape(4, 3)
    assert np.array_equal(gather(W, np.array([2, 2])), W[[2, 2]])
    assert gather.key == "lookup/gather"
    file, line = source(gather).rsplit(":", 1)
    assert Path(file) == IMPLS / "lookup.py"
    assert "@lookup.implementation" in (IMPLS / "lookup.py").read_text(encoding="utf-8").splitlines()[int(line) - 1]


@pytest.mark.parametrize("slug", ["", "my gather", "a/b", "a@b", "a,b\n"])
def test_a_slug_that_no_case_can_be_named_by_is_refused_where_it_is_given(slug: str, tmp_path: Path) -> None:
    message = refusal_of(written(tmp_path / "mine.py", GOOD.format(slug=slug.replace("\n", "\\n"))))
    assert repr(slug) in message
    assert "mine.py, line 4" in message


# files


def test_a_file_adds_what_it_defines_and_not_what_it_imports(tmp_path: Path) -> None:
    found = load([good(tmp_path / "mine.py")], installed=False)
    assert slugs(found) == [*slugs(list(own())), "mine"]
    (mine,) = from_file(tmp_path / "mine.py")
    assert mine.kernel is lookup
    assert np.array_equal(mine(np.eye(3), np.array([1])), [[0, 1, 0]])


def test_an_implementation_with_two_names_in_its_file_is_one(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", GOOD.format(slug="mine") + "\nbest = mine\n")
    assert slugs(from_file(path)) == ["mine"]


def test_a_path_as_people_type_it_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good(tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    assert slugs(from_file(Path("mine.py"))) == ["mine"]


def test_files_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    one, other = good(tmp_path / "a" / "mine.py", "one"), good(tmp_path / "b" / "mine.py", "other")
    assert slugs(load([one, other], installed=False))[-2:] == ["one", "other"]


@pytest.mark.parametrize("name", ["lookup.py", "numpy.py", "words.py", "random.py"])
def test_a_file_may_be_called_as_a_module_that_is_loaded(tmp_path: Path, name: str) -> None:
    assert slugs(from_file(good(tmp_path / name))) == ["mine"]


NEIGHBOURED = """
from impls.lookup import lookup
from neighbour import ROW

@lookup.implementation("{slug}", "mine")
def mine(W, idx):
    return ROW
"""


def test_a_file_may_import_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path / "neighbour.py", GOOD.format(slug="neighbours") + "\nROW = 'here'\n")
    path = list(sys.path)
    (mine,) = from_file(written(tmp_path / "mine.py", NEIGHBOURED.format(slug="mine")))
    assert mine(0, 0) == "here"
    assert sys.path == path


def test_each_file_gets_its_own_neighbour(tmp_path: Path) -> None:
    """Two students hand in the same two file names: neither may be timed with the other's code."""
    for student in ("a", "b"):
        written(tmp_path / student / "neighbour.py", f"ROW = {student!r}")
        written(tmp_path / student / "mine.py", NEIGHBOURED.format(slug=student))
    found = load([tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"], installed=False)[-2:]
    assert [implementation(0, 0) for implementation in found] == ["a", "b"]


def test_a_key_that_is_taken_is_refused_with_both_places(tmp_path: Path) -> None:
    message = refusal_of(good(tmp_path / "mine.py", "gather"))
    assert "lookup/gather" in message
    assert f"{tmp_path / 'mine.py'}:4" in message
    assert source(gather) in message
    message = refusal_of(good(tmp_path / "a.py"), good(tmp_path / "b.py"))
    assert "lookup/mine" in message
    assert f"{tmp_path / 'a.py'}:4" in message
    assert f"{tmp_path / 'b.py'}:4" in message


def test_one_file_may_not_use_a_slug_twice(tmp_path: Path) -> None:
    path = written(
        tmp_path / "mine.py", GOOD.format(slug="mine") + GOOD.format(slug="mine").replace("def mine", "def again")
    )
    message = refusal_of(path)
    assert f"{path}:4" in message
    assert f"{path}:10" in message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("x = 1\nif x\n    pass\n", "line 2: SyntaxError: expected ':'"),
        ("x = 1\n\nimport nonexistent_pkg_xyz\n", "line 3: ModuleNotFoundError: No module named 'nonexistent_pkg_xyz'"),
        ("def fail():\n    raise ValueError('first\\nsecond')\n\nfail()\n", "line 2: ValueError: first second"),
        ("\nassert 1 == 2\n", "line 2: AssertionError"),
        ("\n\nraise SystemExit(3)\n", "line 3: SystemExit: 3"),
        ("import sys\nsys.exit()\n", "line 2: SystemExit"),
        ("from impls.lookup import nothing\n", "line 1: ImportError: cannot import name 'nothing'"),
        ("import json\n\njson.loads('[\\n\\n\\n')\n", "line 3: JSONDecodeError"),
        ("\nimport broken_neighbour\n", "line 2: SyntaxError: expected ':' (broken_neighbour.py, line 4)"),
        ("from impls.lookup import lookup\n\n\nlookup.implementation('a')\n", "line 4: TypeError"),
        ("", "holds no implementation"),
        ("from impls.lookup import gather\n", "holds no implementation"),
    ],
)
@pytest.mark.parametrize("relative", [False, True])
def test_a_file_that_cannot_be_loaded_is_refused_with_the_line_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, complaint: str, relative: bool
) -> None:
    written(tmp_path / "broken_neighbour.py", "\n\n\nif x\n")
    path = written(tmp_path / "mine.py", content)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules), list(sys.path)
    message = refusal_of(Path("mine.py") if relative else path)
    assert "mine.py" in message
    assert complaint in message
    assert not message.endswith((":", " "))
    assert not [name for name in set(sys.modules) - before[0] if "neighbour" in name]
    assert sys.path == before[1]


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal_of(tmp_path / "nowhere.py")
    folder = tmp_path / "folder.py"
    folder.mkdir()
    assert "folder" in refusal_of(folder).replace(str(folder), "")
    message = refusal_of(good(tmp_path / "mine.txt"))
    assert "mine.txt" in message
    assert "must end in .py" in message
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\0\1\2")
    assert "binary.py" in refusal_of(binary)


def test_control_c_while_a_file_is_loaded_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        from_file(written(tmp_path / "mine.py", "raise KeyboardInterrupt"))


# installed packages


class Installed:
    """A folder of installed packages, at the front of sys.path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, package: str, code: str, reference: str) -> None:
        """Install a package of one module that announces something of it."""
        written(self.folder / f"{package}.py", code)
        info = self.folder / f"{package}-1.0.dist-info"
        written(info / "METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        written(info / "entry_points.txt", f"[{catalogue.ENTRY_POINTS}]\nmine = {reference}\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Installed(tmp_path)
    for name in ("announced_pkg", "broken_pkg", "old_pkg"):
        sys.modules.pop(name, None)


def refused_package() -> str:
    with pytest.raises(CatalogueError) as refusal:
        from_packages()
    message = str(refusal.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("reference", "found"),
    [("announced_pkg", ["one", "two"]), ("announced_pkg:both", ["two", "one"]), ("announced_pkg:first", ["one"])],
)
def test_an_installed_package_announces_a_module_a_list_or_one(
    installed: Installed, reference: str, found: list[str]
) -> None:
    code = (
        GOOD.format(slug="one")
        + GOOD.format(slug="two").replace("def mine", "def second")
        + "\nfirst = mine\nboth = [second, mine]\n"
    )
    installed.add("announced_pkg", code, reference)
    assert slugs(from_packages()) == found
    assert slugs(load())[-len(found) :] == found
    assert slugs(load(installed=False)) == slugs(list(own()))


def test_a_package_and_a_file_may_not_share_a_key(installed: Installed, tmp_path: Path) -> None:
    installed.add("announced_pkg", GOOD.format(slug="mine"), "announced_pkg")
    path = good(tmp_path / "file.py")
    with pytest.raises(CatalogueError, match="lookup/mine") as refusal:
        load([path])
    assert f"{path}:4" in str(refusal.value)
    assert "announced_pkg.py:4" in str(refusal.value)


@pytest.mark.parametrize(
    ("code", "reference", "complaint"),
    [
        ("import nonexistent_pkg_xyz", "broken_pkg", "ModuleNotFoundError: No module named 'nonexistent_pkg_xyz'"),
        ("raise ValueError('first\\nsecond')", "broken_pkg", "ValueError: first second"),
        ("raise SystemExit(2)", "broken_pkg", "SystemExit: 2"),
        ("x = 1", "broken_pkg:nothing", "AttributeError"),
        ("x = 1", "broken_pkg:x", "is 1, not an implementation"),
        ("x = [1]", "broken_pkg:x", "is 1, not an implementation"),
    ],
)
def test_a_broken_package_is_named(installed: Installed, code: str, reference: str, complaint: str) -> None:
    installed.add("broken_pkg", code, reference)
    message = refused_package()
    assert "broken_pkg" in message
    assert complaint in message


@pytest.mark.parametrize("reference", ["old_pkg", "old_pkg:old"])
def test_an_implementation_of_another_interface_version_is_refused(installed: Installed, reference: str) -> None:
    code = (
        GOOD.format(slug="old")
        + "\nfrom dataclasses import replace\nold = replace(mine, interface_version=0)\ndel mine\n"
    )
    installed.add("old_pkg", code, reference)
    message = refused_package()
    assert "old_pkg" in message
    assert f"interface version {INTERFACE_VERSION}" in message


# optional packages


@pytest.mark.parametrize(
    ("requires", "absent"),
    [
        ((), []),
        (("numpy",), []),
        (("scipy.sparse",), []),
        (("nonexistent_pkg_xyz",), ["nonexistent_pkg_xyz"]),
        (("numpy", "nonexistent_pkg_xyz", "another_pkg_xyz"), ["nonexistent_pkg_xyz", "another_pkg_xyz"]),
        (("nonexistent_pkg_xyz.part",), ["nonexistent_pkg_xyz.part"]),
    ],
)
def test_packages_that_are_not_installed_are_named(requires: tuple[str, ...], absent: list[str]) -> None:
    assert (
        missing(lookup.implementation("optional", "with optional packages", requires=requires)(lambda W, idx: W[idx]))
        == absent
    )


def test_a_file_whose_name_is_no_utf_8_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.py")
    file.write_text(
        "from impls.lookup import lookup\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    assert [one.key for one in catalogue.from_file(file)] == ["lookup/mine"]
