"""What is shown of a line profile: cells, shares and notes, on the page too."""

from __future__ import annotations

import re
from html import unescape

from w2vbench.reports.drawing import lines
from w2vbench.reports.drawing.lines import cells
from w2vbench.reports.file.schema.result import LineProfile, ProfiledLine
from w2vbench.reports.run.page import html

from tests import golden_files, saved

ONE_HOT, NUMBA = (saved.row(slug, 1e-3, V=10**6) for slug in ("one-hot", "numba"))
PROFILE = saved.profile(
    {
        "def one_hot(W, idx):": {},
        "    v = zeros(V)": {"hits": 2, "time_s": 2e-3, "traced_bytes": 8_000_112, "traced_peak_bytes": 8_000_112, "memory_bytes": 102_400},
        "    return v @ W  # <b>": {"hits": 2, "time_s": 6e-3, "traced_bytes": 12, "traced_peak_bytes": 80, "memory_bytes": 102_400},
    },
    calls=2,
)  # fmt: skip


def line(added: int | None, peak: int | None, grown: int | None = None) -> ProfiledLine:
    return ProfiledLine(number=1, text="x", traced_bytes=added, traced_peak_bytes=peak, memory_bytes=grown)


def test_bytes_are_shown_as_added_and_peak_where_they_differ_and_not_at_all_where_they_are_few() -> None:
    golden_files.check_calls("lines.txt", vars(lines) | {"line": line})


def test_cells_are_blank_where_no_code_runs_and_shares_are_of_the_largest() -> None:
    first, second, third = cells(LineProfile.model_validate(PROFILE))
    assert set(first.text) == {""}
    assert second.text == ("2", "2.00 ms", "1.00 ms", "25.0%", "8.00 MB", "102 kB")
    assert (second.time_share, second.memory_share) == (0.25, 1.0)
    assert third.text[-2:] == ("", "102 kB")


def test_the_page_shows_allocation_beside_each_line_and_why_others_have_no_lines() -> None:
    result = saved.result(
        *(ONE_HOT, NUMBA),
        profiles={ONE_HOT["name"]: PROFILE},
        not_profiled={NUMBA["name"]: "it is compiled"},
        sources={"lookup/one-hot": saved.SOURCE, "lookup/numba": saved.SOURCE},
    )
    page = html(result)
    assert '<span class="percent-of">25 %</span></td><td class="measured amount">8.00 MB</td>' in page
    code = [re.sub(r"</?span[^>]*>", "", one) for one in re.findall(r"<td><pre>(.*?)</pre></td>", page)]
    assert [unescape(one) for one in code] == [one["text"] for one in PROFILE["lines"]]
    assert "<b>" not in "".join(code)
    assert "impls/lookup.py:7 · it is compiled" in page
