"""The generated pages say what the code says today."""

from __future__ import annotations

import re

import pytest

from impls.catalogue import own

from .reference import COMMAND, DOCS, PAGES, generated


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_gives(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generated(page), f"out of date: run {COMMAND}"


def test_every_implementation_is_in_the_catalogue() -> None:
    page = (DOCS / "kernels.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for one in own():
        assert f"| `{one.slug}` |" in sections[one.kernel.name]
