"""The generated pages say what the code says today."""

from __future__ import annotations

import re

import pytest
from w2vbench.impls.catalogue.discovery import own
from w2vbench.reports.statistics.looks import LOOKS
from w2vbench.reports.statistics.units import listed

from .reference import COMMAND, DOCS, PAGES, generated


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_gives(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generated(page), f"out of date: run {COMMAND}"


def test_every_implementation_is_in_the_catalogue() -> None:
    page = (DOCS / "kernels.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for one in own():
        assert f"| `{one.slug}` |" in sections[one.kernel.name]


@pytest.mark.parametrize("page", ["ci.md", "measuring.md", "trust.md"])
def test_the_looks_of_a_comparison_that_guides_name_are_those_that_it_has(page: str) -> None:
    guide = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    assert f"fter {listed([str(look.processes) for look in LOOKS])} processes" in guide
    if page == "measuring.md":
        for shares in ([look.changed for look in LOOKS], [look.same for look in LOOKS]):
            assert f"{listed([f'{share * 100:g}' for share in shares])} %" in guide
