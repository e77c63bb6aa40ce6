"""docs/ as GitHub and the site show it: each link leads somewhere in both, and each page is in the navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .guides import FENCE, ROOT
from .kernels import anchor

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]


def prose(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> Iterator[tuple[str, str]]:
    """The relative links of a page: file and anchor."""
    for target in LINK.findall(prose(page)):
        if "://" not in target:
            file, _, place = target.partition("#")
            yield file, place


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {anchor(heading.strip()) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_each_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for file, place in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if place:
            assert place in anchors(target), f"{file}#{place}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leaves_the_folder_that_the_site_is_made_of(page: Path) -> None:
    for file, _ in links(page):
        assert (page.parent / file).resolve().is_relative_to(DOCS), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_is_in_the_navigation_and_on_the_first_page(page: Path) -> None:
    name = page.relative_to(DOCS).as_posix()
    assert re.search(rf": {re.escape(name)}$", NAVIGATION, re.MULTILINE)
    if page.parent != DOCS:
        assert page.name == "index.md" or page.name in dict(links(page.parent / "index.md"))
    elif name != "index.md":
        assert name in dict(links(DOCS / "index.md"))


def test_the_navigation_has_no_page_that_is_not_there() -> None:
    assert {*re.findall(r": (\S+\.md)$", NAVIGATION, re.MULTILINE)} == {
        page.relative_to(DOCS).as_posix() for page in PAGES
    }


def test_the_site_asks_for_no_font_from_elsewhere() -> None:
    assert "\n  font: false" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
