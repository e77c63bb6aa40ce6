"""Digests of code are equal where only comments, names and places changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.impls.identity import trees
from w2vbench.impls.identity.trees import Tree

from tests.impls.catalogue.files import written
from tests.impls.identity.identities import (
    EDITS,
    SOURCES,
    WORLD,
    chain,
    digest,
    edited,
    identity_of_file,
    load,
    tree_of,
    versions,
)


def test_the_same_text_at_another_place_under_another_name_is_the_same(tmp_path: Path, original: str) -> None:
    assert digest(WORLD) == original
    assert len(original) == 20
    one, other = (identity_of_file(tmp_path / place, "", "W[idx]") for place in ("a", "b/c"))
    assert one.digest == other.digest


@pytest.mark.parametrize("edits", EDITS["same"].values(), ids=EDITS["same"])
def test_what_takes_no_time_is_no_change(edits: list[list[str]], original: str) -> None:
    found = load(edited(*edits))
    assert (found.digest, found.late_imports) == (original, ())


def test_what_is_only_shown_of_an_implementation_is_no_change(original: str) -> None:
    shown = (
        "summary='x', slide=3, grows_with='V', temporaries='VH', traffic=len, baseline=True, source_functions=(helper,)"
    )
    assert digest(edited(["top.py", '"mine", "mine",', f'"mine", "mine", {shown},'])) == original


def test_a_module_file_may_get_another_name(original: str) -> None:
    files = edited(
        ["top.py", "from . import tools", "from . import kit"],
        ["top.py", " tools.", " kit."],
        ["top.py", ".straight", ".bent"],
    )
    files["kit.py"], files["bent.py"] = files.pop("tools.py"), files.pop("straight.py")
    assert digest(files) == original


def test_a_function_may_get_another_name_in_a_module_of_a_folder() -> None:
    def of(name: str) -> str:
        before = "from . import sub\nfrom .sub import deep\n"
        others = {"sub/__init__": "", "sub/deep": f"def {name}(x):\n    return x\n"}
        return digest(tree_of(before, f"sub.deep.{name}(W)", **others))

    assert of("one") == of("another")


COPIED = SOURCES["same"] | {
    "chain of two hundred functions": chain(200),
    "class with another annotation": "class A:\n    x: <<int|float>> = 1\nA.x",
}


@pytest.mark.parametrize("source", COPIED.values(), ids=COPIED)
def test_two_copies_are_the_same(source: str) -> None:
    one, other = versions(source, **{"bare/deep": ""})
    assert digest(one) == digest(other)


def test_functions_that_share_a_constant_may_be_moved_apart() -> None:
    """Python keeps one tuple for all functions of a file."""
    f, g = (f"def {name}(x):\n    return x in (3, 4)\n" for name in "fg")
    together, apart = tree_of(f + g, "f(W), g(W)"), tree_of(f"from .near import g\n{f}", "f(W), g(W)", near=g)
    assert digest(together) == digest(apart)


def test_hidden_folders_and_environments_are_not_of_the_tree(tmp_path: Path) -> None:
    files = (".git/a.py", "env/pyvenv.cfg", "env/e.py", "env/lib/b.py", "b/c.py", "a.py", "b/d.txt")
    for name in files:
        written(tmp_path / name, "")
    assert {file.relative_to(tmp_path).as_posix() for file in trees.python_files(tmp_path)} == {"a.py", "b/c.py"}
    has_file = Tree(tmp_path).has_file
    assert [name for name in (*files[:6], "../a.py") if has_file(str(tmp_path / name))] == ["b/c.py", "a.py"]
