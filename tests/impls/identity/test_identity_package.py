"""Identities of this package's own implementations, and of a copy of it that is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation

from tests.impls.catalogue.files import written
from tests.impls.identity.identities import identity

ROOT = Path(catalogue.__file__).parents[1]


def digests(implementations: list[Implementation], root: Path) -> dict[str, str]:
    return {i.key: identity(i, root).digest for i in implementations}


@pytest.fixture(scope="module")
def mine() -> dict[str, str]:
    return digests(list(catalogue.own()), ROOT)


def test_no_two_implementations_of_a_kernel_have_the_same_identity(mine: dict[str, str]) -> None:
    """Two kernels may share an implementation's code."""
    assert len(mine) > 40
    assert len({(key.partition("/")[0], digest) for key, digest in mine.items()}) == len(mine)


def test_no_implementation_of_this_package_imports_late_has_effects_or_uses_files_of_it_as_foreign() -> None:
    for one in (identity(i, ROOT) for i in catalogue.own()):
        assert (one.late_imports, one.effects) == ((), ())
        assert not [file for file in one.outside_files if Path(file).is_relative_to(ROOT)]


def test_a_copy_of_this_package_has_the_same_digests(package_copy: Path, mine: dict[str, str]) -> None:
    """Every implementation can be followed: a module that none uses is no change."""
    written(package_copy / "unrelated.py", "VALUE = 1\n")
    assert digests(catalogue.from_copy(package_copy, "copy_of_impls"), package_copy) == mine


JITTED = {i.key for i in catalogue.own() if i.jit}
TRAINED = {"training.cbow/numba", "training.skip-gram/numba"}
LOOKUPS = {i.key for i in catalogue.own() if i.kernel.name == "lookup"}
FILL = "    W = normals(rng, (size.V, size.H), size.float_type)\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("lookup.py", 'out=out, mode="clip"', 'out=out, mode="wrap"', {"lookup/take-out"}),
        ("compiling/functions.py", ', "fastmath": set(FASTMATH_FLAGS)', "", JITTED | TRAINED),
        ("lookup.py", FILL, FILL + "    W[0] = 0\n", LOOKUPS),
    ],
    ids=["a line", "options of compilation", "how a kernel makes its inputs"],
)
def test_a_change_of_this_package_changes_the_digests_of_what_uses_it(
    package_copy: Path, mine: dict[str, str], file: str, old: str, new: str, changed: set[str]
) -> None:
    text = (package_copy / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    written(package_copy / file, text.replace(old, new))
    theirs = digests(catalogue.from_copy(package_copy, "copy_of_impls"), package_copy)
    assert {key for key in mine if mine[key] != theirs[key]} == changed
