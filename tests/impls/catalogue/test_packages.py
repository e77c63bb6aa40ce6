"""Discovery of what installed packages announce."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from w2vbench.impls.catalogue.discovery import ENTRY_POINTS, from_packages, load, own
from w2vbench.impls.interface import INTERFACE_VERSION

from tests.impls.catalogue.files import LINE, MINE, module, refusal_of, written
from tests.tables import table

ONE, TWO = (MINE.format(statement="", returns="W[idx]", slug=slug) for slug in ("one", "two"))
BROKEN = table("files")["package"]
Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module, which announces the module or something of it."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(code: str, announced: str = "") -> None:
        written(tmp_path / "announced_pkg.py", code)
        info = tmp_path / "announced_pkg-1.0.dist-info"
        written(info / "METADATA", "Metadata-Version: 2.1\nName: announced_pkg\nVersion: 1.0\n")
        written(info / "entry_points.txt", f"[{ENTRY_POINTS}]\nmine = announced_pkg{announced}\n")

    yield installed
    sys.modules.pop("announced_pkg", None)


@pytest.mark.parametrize(("announced", "found"), [("", ["one", "two"]), (":both", ["two", "one"]), (":first", ["one"])])
def test_an_installed_package_announces_a_module_a_list_or_one(
    install: Install, announced: str, found: list[str]
) -> None:
    install(ONE + TWO.replace("def mine", "def second") + "\nfirst = mine\nboth = [second, mine]\n", announced)
    assert [i.slug for i in from_packages()] == found
    assert [i.slug for i in load()][-len(found) :] == found
    assert [i.key for i in load(installed=False)] == [i.key for i in own()]


def test_a_package_and_a_file_may_not_share_a_key(install: Install, tmp_path: Path) -> None:
    install(ONE, "")
    path = module(tmp_path / "file.py", slug="one")
    message = refusal_of(load, [path])
    assert all(said in message for said in ("lookup/one", f"{path}:{LINE}", f"announced_pkg.py:{LINE}"))


@pytest.mark.parametrize("package", BROKEN.values(), ids=BROKEN)
def test_a_broken_package_is_named_with_what_is_wrong(install: Install, package: dict[str, str]) -> None:
    install(package["code"], package.get("announced", ""))
    message = refusal_of(from_packages)
    assert "announced_pkg" in message
    assert package.get("said", f"not an implementation of interface version {INTERFACE_VERSION}") in message
