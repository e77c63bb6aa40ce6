"""Discovery: this package's implementations, and files from outside."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from impls import catalogue
from impls.catalogue import ORDER, CatalogueError, from_file, kernels, load, missing, own, source
from impls.interface import Implementation
from impls.lookup import gather, lookup
from tests.impls.files import LINE, module, written

IMPLS = Path(catalogue.__file__).parent


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
    return [
        (decorator.func.value.id, str(decorator.args[0].value))
        for file in sorted(IMPLS.rglob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        for decorator in getattr(node, "decorator_list", [])
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and isinstance(decorator.func.value, ast.Name)
        and decorator.func.attr == "implementation"
        and isinstance(decorator.args[0], ast.Constant)
    ]


def test_every_implementation_in_the_sources_is_found_once_in_the_order_of_its_file() -> None:
    listed = [
        (implementation.kernel.name.split(".")[-1].replace("-", "_"), implementation.slug)
        for implementation in own()
        if not implementation.kernel.name.startswith("training")  # these are made for both kernels at once
    ]
    sources = in_the_sources()
    assert len(sources) > 40
    assert sorted(listed) == sorted(sources)
    for kernel in {kernel for kernel, _ in sources}:
        assert [slug for name, slug in listed if name == kernel] == [slug for name, slug in sources if name == kernel]


def test_kernels_come_in_reading_order() -> None:
    assert [kernel.name for kernel in kernels(own())] == list(ORDER)
    found = [i.kernel.name for i in own()]
    assert found == sorted(found, key=ORDER.index)


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

TRICKS = """
class Config(dict):
    __getattr__ = dict.get

class Strict(dict):
    __getattr__ = dict.__getitem__

class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("working outside of a context")

    def __getattr__(self, name):
        raise RuntimeError(name)

config, strict, proxy = Config(), Strict(), Proxy()
pair = (config, proxy)
"""


def test_a_file_adds_what_it_defines_and_not_what_it_imports(tmp_path: Path) -> None:
    """Nor objects that answer to every name, as an implementation would."""
    path = module(tmp_path / "mine.py", TRICKS)
    assert slugs(load([path], installed=False)) == [*slugs(list(own())), "mine"]
    (mine,) = from_file(path)
    assert mine.kernel is lookup
    assert np.array_equal(mine(np.eye(3), np.array([1])), [[0, 1, 0]])


def test_an_implementation_with_two_names_in_its_file_is_one(tmp_path: Path) -> None:
    path = module(tmp_path / "mine.py")
    path.write_text(path.read_text() + "\nbest = mine\n")
    assert slugs(from_file(path)) == ["mine"]


def test_a_path_as_people_type_it_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    assert slugs(from_file(Path("mine.py"))) == ["mine"]


@pytest.mark.parametrize("name", ["lookup.py", "numpy.py", "words.py", "random.py", os.fsdecode(b"caf\xe9.py")])
def test_a_file_may_be_called_as_a_module_that_is_loaded_or_by_no_utf_8(tmp_path: Path, name: str) -> None:
    assert slugs(from_file(module(tmp_path / name))) == ["mine"]


def test_each_file_gets_its_own_neighbour(tmp_path: Path) -> None:
    """Two students hand in the same two file names: neither may be timed with the other's code."""
    path = list(sys.path)
    for student in ("a", "b"):
        module(tmp_path / student / "neighbour.py", f"ROW = {student!r}", slug="neighbours")
        module(tmp_path / student / "mine.py", "from neighbour import ROW", "ROW", slug=student)
    found = load([tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"], installed=False)[-2:]
    assert slugs(found) == ["a", "b"]
    assert [implementation(0, 0) for implementation in found] == ["a", "b"]
    assert sys.path == path


def test_a_key_that_is_taken_is_refused_with_both_places(tmp_path: Path) -> None:
    taken = module(tmp_path / "mine.py", slug="gather")
    message = refusal_of(taken)
    assert all(said in message for said in ("lookup/gather", f"{taken}:{LINE}", source(gather)))
    one, other = module(tmp_path / "a.py"), module(tmp_path / "b.py")
    message = refusal_of(one, other)
    assert all(said in message for said in ("lookup/mine", f"{one}:{LINE}", f"{other}:{LINE}"))


def test_one_file_may_not_use_a_slug_twice(tmp_path: Path) -> None:
    path = module(tmp_path / "mine.py")
    text = path.read_text()
    path.write_text(text + text.replace("def mine", "def again"))
    message = refusal_of(path)
    assert f"{path}:{LINE}" in message
    assert f"{path}:{LINE + len(text.splitlines())}" in message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("x = 1\nif x\n    pass\n", "line 2: SyntaxError: expected ':'"),
        ("x = 1\n\nimport nonexistent_pkg_xyz\n", "line 3: ModuleNotFoundError: No module named 'nonexistent_pkg_xyz'"),
        ("def fail():\n    raise ValueError('first\\nsecond')\n\nfail()\n", "line 2: ValueError: first second"),
        ("\nassert 1 == 2\n", "line 2: AssertionError"),
        ("\n\nraise SystemExit(3)\n", "line 3: SystemExit: 3"),
        ("import sys\nsys.exit()\n", "line 2: SystemExit"),
        ("class Out(BaseException): pass\nraise Out('gone')", "line 2: Out: gone"),
        ("raise GeneratorExit", "line 1: GeneratorExit"),
        ("class Bad(Exception):\n    def __str__(self): raise OSError\nraise Bad", "line 3: Bad: (its message"),
        ("raise Exception('\\udcff')", r"line 1: Exception: \udcff"),
        ("import sys; sys.path.clear(); sys.modules.pop(__name__); raise ValueError('x')", "line 1: ValueError: x"),
        ("from impls.lookup import nothing\n", "line 1: ImportError: cannot import name 'nothing'"),
        ("import json\n\njson.loads('[\\n\\n\\n')\n", "line 3: JSONDecodeError"),
        ("\nimport broken_neighbour\n", "line 2: SyntaxError: expected ':' (broken_neighbour.py, line 4)"),
        ("from impls.lookup import lookup\n\n\nlookup.implementation('a')\n", "line 4: TypeError"),
        ("from impls.lookup import lookup\nlookup.implementation('a', 'b')(print)", "line 2: BadImplementation"),
        ("from impls.lookup import lookup\n\nlookup.implementation('a,b\\n', 'b')", "line 3: BadName"),
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
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules), list(sys.path)
    message = refusal_of(Path("mine.py") if relative else path)
    assert "mine.py" in message
    assert complaint in message
    assert not message.endswith((":", " "))
    assert not [name for name in set(sys.modules) - before[0] if "neighbour" in name]
    assert sys.path == ([] if "path.clear()" in content else before[1])


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere.py", "no such file"),
        ("folder.py", "a folder"),
        ("mine.txt", "must end in .py"),
        ("binary.py", "binary.py"),
    ],
)
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "folder.py").mkdir()
    module(tmp_path / "mine.txt")
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    message = refusal_of(tmp_path / name)
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
