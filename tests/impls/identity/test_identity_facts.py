"""What is found out about code with its identity: late imports, effects on the process, files that it reads or uses."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest
from w2vbench.bench.engine.worker.variants.sources import facts as described
from w2vbench.impls.catalogue.discovery import from_file
from w2vbench.impls.identity.digest import Identity, code_identity
from w2vbench.impls.identity.trees import Tree

from tests.impls.catalogue.files import module, written
from tests.impls.identity.identities import SOURCES, VERSIONS, identity_of_file, load, tree_of, write

# imports when called


@pytest.mark.parametrize(("statement", "late"), SOURCES["late"].items(), ids=SOURCES["late"])
@pytest.mark.parametrize("where", ["mine", "helper", "prepare", "nested"])
def test_the_trees_own_modules_imported_by_full_name_when_called_are_told(
    statement: str, late: list[str], where: str
) -> None:
    body = f"def h(x):\n    {statement}\n    return x\n"
    if where == "nested":
        body = f"def h(x):\n    def inner():\n        {statement}\n    return inner\n"
    others = {"sub/__init__": "", "sub/deep": "def f(): pass\n", "space/under/below": ""}
    files = tree_of(body, "h(W)", deep="def f(): pass\n", **others)
    if where == "mine":
        files["top.py"] = files["top.py"].replace("    return h(W)", f"    {statement}")
    elif where == "prepare":
        files["top.py"] = files["top.py"].replace("'mine')", "'mine', prepare=h)").replace("return h(W)", "return W")
    assert list(load(files).late_imports) == late


def test_an_import_at_the_top_of_a_file_is_no_late_one() -> None:
    files = tree_of("from .deep import f\n", "f()", deep="import json\ndef f():\n    return json\n")
    assert load(files).late_imports == ()


@pytest.mark.parametrize(("before", "returns"), SOURCES["by text"].values(), ids=SOURCES["by text"])
def test_a_module_imported_by_a_text_counts_and_is_told(before: str, returns: str) -> None:
    one, other = (load(tree_of(before, returns, deep=f"F = {value}\n")) for value in (1, 2))
    assert one.digest != other.digest
    assert one.late_imports == other.late_imports == ("deep",)


def test_modules_that_several_functions_import_by_texts_are_all_told() -> None:
    before = "def f():\n    return __import__('deep')\ndef g():\n    return __import__('sub.deep')\n"
    assert load(tree_of(before, "f(), g()", deep="", **{"sub/deep": ""})).late_imports == ("deep", "sub.deep")


def test_a_module_imported_by_a_text_that_is_not_known_may_be_any_of_the_tree_but_another_packages_is_none() -> None:
    """Where the name is an argument, nothing says that it is not the tree's."""
    before = "from importlib import import_module\nOTHER = 'deep'\ndef f(name):\n    'Docstring.'\n    return import_module(name)\n"
    known = "import_module('json').loads(OTHER)", "import_module('.deep', __package__).F"
    for returns, same in (("f(W)", False), (known[0], True), (known[1], False)):
        one, other = (load(tree_of(before, returns, deep=f"F = {value}\n")) for value in (1, 2))
        assert (one.digest == other.digest) is same
        assert one.late_imports == ()


# effects of an import


EFFECTS = [
    pytest.param(text, kind == "process", id=name)
    for kind, texts in SOURCES["effects"].items()
    for name, text in texts.items()
]


@pytest.mark.parametrize(("text", "wide"), EFFECTS)
@pytest.mark.parametrize("where", ["mine.py", "near_effect.py"])
def test_what_a_file_changes_for_the_whole_process_when_it_is_imported_is_told(
    text: str, wide: bool, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_OF_A_TEST", "0")
    statement = "import numpy as np\n" + text
    write(tmp_path, {"near_effect.py": statement})
    found = identity_of_file(tmp_path, statement if where == "mine.py" else "import near_effect", "W")
    assert [Path(file).name for file, _ in found.effects] == [where] * wide


def test_effects_of_a_packages_other_modules_are_told() -> None:
    files = tree_of("", "W", extra="import gc\n\ngc.get_count()\n") | {"__init__.py": "from . import extra\n"}
    ((file, effect),) = load(files).effects
    assert (Path(file).name, effect.line, effect.text) == ("extra.py", 3, "gc.get_count()")


def test_effects_of_files_of_another_tree_are_none_of_its_own(tmp_path: Path) -> None:
    files = [str(written(tmp_path / tree / "effect.py", "import gc\ngc.get_count()\n")) for tree in ("one", "other")]
    found = code_identity((), Tree(tmp_path / "one"), files)
    assert found
    assert [file for file, _ in found.effects] == files[:1]


# texts and packages


def test_the_texts_and_the_packages_that_code_uses_are_told(tmp_path: Path) -> None:
    """Texts may name files, and packages may have other versions on each side."""
    head = "import json\nfrom fractions import Fraction\nfrom decimal import Decimal\nfrom math import sqrt\nfrom textwrap import dedent\nHALF = Fraction(1, 2)"
    body = "def f(x):\n    import xml.dom\n    return json.loads(x, cls=('table.npy', Decimal, HALF, sqrt, dedent))"
    found = identity_of_file(tmp_path, f"{head}\n{body}", "f(W)")
    assert found.packages - {"w2vbench"} == {"json", "fractions", "decimal", "math", "textwrap", "xml"}
    assert {"table.npy", "json", "xml"} <= found.texts


def test_other_packages_are_the_same_at_the_same_version(tmp_path: Path) -> None:
    def of(name: str, text: str) -> str:
        other = write(tmp_path / name, {"far.py": text})
        return used_from(other, tmp_path / "tree", "import far", "far.f()").digest

    version = "__version__ = '{}'\n".format
    plain = of("plain", version(1) + FAR)
    assert of("edited", version(1) + FAR.replace("return 1", "return 2")) == plain
    assert of("newer", version(2) + FAR) != plain


def test_two_classes_of_another_package_are_two_if_only_what_they_stand_in_differs(tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"far.py": "class A:\n    class C: pass\nclass B:\n    class C: pass\n"})
    one, two = (used_from(other, tmp_path / "tree", f"import far\nC = far.{name}.C", "C").digest for name in "AB")
    assert one != two


# files


@pytest.mark.parametrize(
    "call",
    [
        *("np.load('x')", "open('x')", "pathlib.Path('x').read_text()", "json.load(W)", "np.memmap('x')"),
        *("np.ctypeslib.load_library('x', '.')", "eval('1')", "0; import fileinput as lines"),
    ],
)
def test_code_that_reads_files_or_cannot_be_followed_is_known_to(call: str, tmp_path: Path) -> None:
    body = f"import json, pathlib\nimport numpy as np\ndef f(p):\n    x = {call}\n    return x\n"
    assert identity_of_file(tmp_path / "reads", body, "f(W)").reads_files
    assert not identity_of_file(tmp_path / "does not", body, "W").reads_files


@pytest.mark.parametrize(("uses", "source"), SOURCES["near"].items(), ids=SOURCES["near"])
def test_what_a_file_imports_from_its_tree_is_followed(tmp_path: Path, uses: str, source: str) -> None:
    statement, returns = uses.split(": ")

    def of(folder: str, version: str) -> str:
        root = write(tmp_path / folder, {"near.py": VERSIONS.sub(version, source)})
        return identity_of_file(root, statement, returns, "sub/mine.py").digest

    one, again, other = of("one", r"\1"), of("again", r"\1"), of("other", r"\2")
    assert one == again != other


def used_from(other: Path, tree: Path, statement: str, returns: str) -> Identity:
    """The identity of a file of one tree that finds what it imports in another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(other), *sys.path])
        for name in [name for name in sys.modules if name.startswith("far")]:
            patch.delitem(sys.modules, name)
        return identity_of_file(tree, statement, returns)


FAR = SOURCES["far"]["far.py"]


@pytest.mark.parametrize(
    "uses", ["from far import f: f()", "import far: far.f()", "from far import F: F().f()", "from far import O: O.f()"]
)
def test_files_outside_of_the_tree_that_are_used_are_told(tmp_path: Path, uses: str) -> None:
    other = write(tmp_path / "other", {"far.py": FAR, "unused.py": ""})
    found = used_from(other, tmp_path / "tree", *uses.split(": ")).outside_files
    assert [file for file in found if Path(file).is_relative_to(tmp_path)] == [str(other / "far.py")]


def test_of_several_files_outside_of_the_tree_each_is_told(tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"far.py": FAR, "far_class.py": FAR, "far_made.py": FAR})
    statement = "from far import f\nfrom far_class import F\nfrom far_made import O as made"
    found = used_from(other, tmp_path / "tree", statement, "f(), made, F()").outside_files
    assert {Path(file).name for file in found if Path(file).is_relative_to(other)} == {
        *("far.py", "far_class.py", "far_made.py")
    }


def test_a_file_that_uses_its_own_tree_or_what_is_built_into_python_uses_no_other_file(tmp_path: Path) -> None:
    other, tree = (write(tmp_path / name, {"far.py": FAR}) for name in ("other", "tree"))
    for statement, returns in (("from far import f", "f()"), ("import time", "time.time()")):
        found = used_from(other, tree, statement, returns).outside_files
        assert not [file for file in found if Path(file).is_relative_to(tmp_path) or not file]


def test_files_of_another_tree_are_told_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, other = tmp_path / "tree", write(tmp_path / "other", {"lib/far_told.py": FAR})
    file = module(tree / "mine.py", "from far_told import f", "f()")
    monkeypatch.syspath_prepend(other / "lib")
    (mine,) = from_file(file, [tree])
    found = [described(mine, tree, tree, place).strays for place in (other, tree, tmp_path, tmp_path / "nowhere")]
    del sys.modules["far_told"]
    assert found == [("lib/far_told.py",), (), (), ()]


def test_an_environment_inside_the_tree_is_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "head", {".venv/pyvenv.cfg": "", ".venv/lib/installed_here.py": FAR})
    monkeypatch.syspath_prepend(tmp_path / "head" / ".venv" / "lib")
    import_module("installed_here")
    uses = "import installed_here", "installed_here.f()"
    head, base = (identity_of_file(tmp_path / side, *uses) for side in ("head", "base"))
    del sys.modules["installed_here"]
    assert head.digest == base.digest
