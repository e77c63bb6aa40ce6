"""Digests of code differ where a call may take another time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from w2vbench.impls.identity.follower import OPEN_ENDED
from w2vbench.impls.identity.trees import Tree

from tests.impls.catalogue.files import written
from tests.impls.identity.identities import EDITS, SOURCES, Files, digest, edited, load, tree_of


@pytest.mark.parametrize("edit", EDITS["changed"].values(), ids=EDITS["changed"])
def test_what_may_take_time_is_a_change(edit: list[str], original: str) -> None:
    found = load(edited(edit))
    assert found.digest != original
    assert found.late_imports == ()


@pytest.mark.parametrize("fact", [", jit=True", ", one_thread=True", ", requires=('json',)", ", prepare=len"])
def test_facts_by_which_an_implementation_runs_otherwise_are_a_change(fact: str) -> None:
    without, with_it = (["top.py", '"mine", "mine", prepare=prepare', f'"mine", "mine"{text}'] for text in ("", fact))
    assert digest(edited(without)) != digest(edited(with_it))


OWN_NAMES = {
    f"one's own {name}": {"before": f"def {name}(x):\n    return x + @@\n", "values": "12", "returns": f"{name}(W)"}
    for name in OPEN_ENDED
}
CHANGED: dict[str, dict[str, Any]] = SOURCES["changed"] | OWN_NAMES


@pytest.mark.parametrize("source", CHANGED.values(), ids=CHANGED)
def test_a_change_of_what_an_implementation_uses_is_seen(source: dict[str, Any]) -> None:
    """It is followed, whatever kind of value it is, so that a change of what it does not use is none."""

    def of(value: str, unrelated: str) -> str:
        before, returns = (source.get(part, "").replace("@@", value) for part in ("before", "returns"))
        return digest(tree_of(before, returns, unrelated=unrelated))

    old, new = source["values"]
    first = of(old, "X = 1\n")
    assert of(old, "X = 2\n" if source.get("followed", True) else "X = 1\n") == first
    assert of(new, "X = 1\n") != first


@pytest.mark.parametrize("compiled", [True, False])
def test_the_compiler_of_the_same_copy_of_this_package_counts_for_what_it_compiles(compiled: bool) -> None:
    def of(value: int) -> str:
        of_class = "function: object\n    kernel: object\n    jit: bool\n    interface_version: int = 1\n"
        return digest(
            {
                "__init__.py": "",
                "interface/__init__.py": f"import dataclasses\n@dataclasses.dataclass\nclass Implementation:\n    {of_class}",
                "compiling/__init__.py": "",
                "compiling/functions.py": f"def ready(function):\n    return {value}\n",
                "top.py": "import types\nfrom .interface import Implementation\ndef f():\n    return 1\n"
                f"mine = Implementation(f, types.SimpleNamespace(make=f), {compiled})\n",
            }
        )

    assert of(1) == of(1)
    assert (of(1) != of(2)) is compiled


OPAQUE = SOURCES["opaque"] | {
    name: {"before": f"def h(x):\n    return {name}(x)\n", "returns": "h(W)"} for name in OPEN_ENDED
}
LONG = "".join(f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(2000))
OPAQUE["a chain of calls longer than Python can follow"] = {"before": LONG, "returns": "f0(W)"}


@pytest.mark.parametrize("source", OPAQUE.values(), ids=OPAQUE)
def test_where_code_cannot_be_followed_any_change_of_the_tree_counts_but_no_comment(source: dict[str, str]) -> None:
    def version(value: int, remark: str = "") -> Files:
        text = f'"""Doc{remark}."""\n\ndef f(x):\n    """It is {value}."""\n    return {value}{remark}\n'
        others = {"sub/__init__": "from . import deep", "sub/deep": text, "deep": text.replace(f"is {value}", "is so")}
        return tree_of(**source, **others)

    plain = load(version(1))
    assert plain.late_imports == ()
    assert load(version(1)) == plain
    assert load(version(1, "  # so")).digest == plain.digest
    assert load(version(2)).digest != plain.digest


def test_a_file_of_another_encoding_counts_too(tmp_path: Path) -> None:
    def of(name: str, value: int) -> str | None:
        written(tmp_path / name / "old.py", "").write_bytes(f"# caf\xe9\nX = {value}\n".encode("latin-1"))
        return Tree(tmp_path / name).digest

    assert of("one", 1) == of("again", 1)
    assert of("one", 1) != of("other", 2)


def test_a_file_that_is_no_python_counts_as_its_text() -> None:
    one, same, other = (digest(tree_of(**OPAQUE["pattern"], broken=text)) for text in ("if x\n", "if x\n", "if y\n"))
    assert one == same
    assert one != other
