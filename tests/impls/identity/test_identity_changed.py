"""Digests of code differ where a call may take another time."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.impls.identity.follower import OPEN_ENDED
from w2vbench.impls.identity.trees import Tree

from tests.impls.catalogue.files import written
from tests.impls.identity.identities import EDITS, SOURCES, Files, chain, digest, edited, load, versions


@pytest.mark.parametrize("edit", EDITS["changed"].values(), ids=EDITS["changed"])
def test_what_may_take_time_is_a_change(edit: list[str], original: str) -> None:
    found = load(edited(edit))
    assert found.digest != original
    assert found.late_imports == ()


@pytest.mark.parametrize("fact", [", jit=True", ", one_thread=True", ", requires=('json',)", ", prepare=len"])
def test_facts_by_which_an_implementation_runs_otherwise_are_a_change(fact: str) -> None:
    without, with_it = (["top.py", '"mine", "mine", prepare=prepare', f'"mine", "mine"{text}'] for text in ("", fact))
    assert digest(edited(without)) != digest(edited(with_it))


def compiled_by(decorator: str) -> str:
    """A function that numba compiles. Its body has two versions where the decorator has one."""
    body = "" if "<<" in decorator else " + <<1|2>>"
    in_place = f"def h(x, y):\n    y[0] = x[0]{body}"
    function = in_place if "guvectorize" in decorator else f"def h(x):\n    y = x{body}\n    return y"
    return f"import numba\n{decorator}\n{function}\nh"


FOLLOWED = {
    **SOURCES["changed"],
    **{name: compiled_by(decorator) for name, decorator in SOURCES["numba"].items()},
    **{
        f"what a {kind} of its own holds": f"class A({kind}):\n    pass\nO = A({value})\nO"
        for kind, value in SOURCES["holds"].items()
    },
    **{f"one's own {name}": f"def {name}(x):\n    return x + <<1|2>>\n{name}(W)" for name in OPEN_ENDED},
}


@pytest.mark.parametrize("source", FOLLOWED.values(), ids=FOLLOWED)
def test_a_change_of_what_an_implementation_uses_is_seen(source: str) -> None:
    """It is followed, whatever kind of value it is, so that a change of what it does not use is none."""
    old, new = (digest(files) for files in versions(source, unrelated="X = 1\n"))
    assert digest(versions(source, unrelated="X = 2\n")[0]) == old != new


@pytest.mark.parametrize("source", SOURCES["unfollowed"].values(), ids=SOURCES["unfollowed"])
def test_a_change_is_seen_by_the_text_of_the_tree_where_it_cannot_be_followed(source: str) -> None:
    old, same, new = (digest(versions(source, unrelated="X = 1\n")[at]) for at in (0, 0, 1))
    assert old == same != new


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


OPAQUE = {
    **SOURCES["opaque"],
    **{name: f"def h(x):\n    return {name}(x)\nh(W)" for name in OPEN_ENDED},
    "a chain of calls longer than Python can follow": chain(2000),
}


@pytest.mark.parametrize("source", OPAQUE.values(), ids=OPAQUE)
def test_where_code_cannot_be_followed_any_change_of_the_tree_counts_but_no_comment(source: str) -> None:
    def version(value: int, remark: str = "") -> Files:
        text = f'"""Doc{remark}."""\n\ndef f(x):\n    """It is {value}."""\n    return {value}{remark}\n'
        others = {"sub/__init__": "from . import deep", "sub/deep": text, "deep": text.replace(f"is {value}", "is so")}
        return versions(source, **others)[0]

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
    one, same, other = (digest(versions(OPAQUE["pattern"], broken=text)[0]) for text in ("if x\n", "if x\n", "if y\n"))
    assert one == same
    assert one != other
