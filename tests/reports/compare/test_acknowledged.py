"""Intended slowdowns: what is written is read again, nothing in the file is lost, and a file that is wrong is one line."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from w2vbench.reports.compare.acknowledged import FILE, Acknowledgement, add, new_since, read
from w2vbench.reports.file.files import ResultError

WHEN = datetime(2026, 11, 24, 18, tzinfo=UTC)
TIME = "2026-11-24T18:00:00Z"
CASE = "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1"
FIELDS = ('case = "lookup/*"\n', 'why = "checks"\n', f"when = {TIME}\n")
ENTRY = "[[acknowledged]]\n" + "".join(FIELDS)


def refusal(folder: Path) -> str:
    """What is said of a file that cannot be read: one line that begins with its name."""
    with pytest.raises(ResultError) as caught:
        read(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / FILE}: ")
    assert len(message.splitlines()) == 1
    return message.removeprefix(f"{folder / FILE}: ")


def entry(case: str, why: str = "checks", when: datetime = WHEN) -> Acknowledgement:
    return Acknowledgement(case, why, when)


# -- writing and reading


def test_a_folder_without_the_file_has_no_entries(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    assert read(tmp_path / "nowhere") == []
    (tmp_path / FILE).write_text("")
    assert read(tmp_path) == []


def test_an_entry_is_written_with_the_time_it_was_given_at(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert add(tmp_path, "lookup/*", "it checks") == tmp_path / FILE
    (one,) = read(tmp_path)
    assert one == entry("lookup/*", "it checks", one.when)
    assert before <= one.when <= datetime.now(UTC)


NASTY = (
    *('say "no"', "back\\slash \\u0041 \\", "two\nlines\r\nand\ttab", "\x00\x01\x08\x0b\x1b\x1f\x7f\x80\x9f"),
    *("größe → 😀👩‍💻", "'''", '"""', "# no comment", "[[acknowledged]]", "{{ 7*7 }}", "\ufeff\ufffe\uffff\U0010ffff"),
)
texts = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\\n\r\t\x00\x7f\x85\u2028[]#=')).filter(str.strip)


@settings(max_examples=50)
@example([(f"a{text}a", f"b{text}b") for text in NASTY])
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_entries_are_read_as_they_were_added_each_text_in_one_line(given_: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as name:
        for case, why in given_:
            add(Path(name), case, why)
        assert [(one.case, one.why) for one in read(Path(name))] == [
            (" ".join(case.split()), " ".join(why.split())) for case, why in given_
        ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "text",
    ["", "\n", "x = 1", "# größe\n[tool]\nx = 1 # why", "x = [\n 1,\n]\n\n\n", ENTRY, ENTRY + "# the end", '"ß" = "😀"\n'],
)  # fmt: skip
def test_what_the_file_had_stays_in_front_with_its_line_ends_and_its_mark(
    tmp_path: Path, text: str, end: bytes, mark: bytes
) -> None:
    before = mark + text.encode().replace(b"\n", end)
    (tmp_path / FILE).write_bytes(before)
    entries = [(one.case, one.why) for one in read(tmp_path)]
    for why in ("meant", "meant too"):
        add(tmp_path, CASE, why)
    after = (tmp_path / FILE).read_bytes()
    kept, added = after[: len(before)], after[len(before) :]
    own = end if b"\n" in before else b"\n"
    assert kept == before
    assert added.startswith(own if before else b"[[acknowledged]]")
    assert after.count(b"\n") == after.count(own)
    assert after.count(b"\xef\xbb\xbf") == bool(mark)
    assert [(one.case, one.why) for one in read(tmp_path)] == [*entries, (CASE, "meant"), (CASE, "meant too")]
    data, old = (tomllib.loads(one.decode("utf-8-sig").replace("\r\n", "\n")) for one in (after, before))
    assert data | {"acknowledged": 0} == old | {"acknowledged": 0}


DEEP = f"x = {'[' * 100_000}"
NO_TABLES = r"no entry can be added \(.*\); write its entries as \[\[acknowledged\]\] tables"


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("acknowledged = []\n", NO_TABLES),
        (f'acknowledged = [{{case = "a", why = "b", when = {TIME}}}]\n', NO_TABLES),
        (f'acknowledged = {{case = "a", why = "b", when = {TIME}}}\n', NO_TABLES),
        (ENTRY.replace("[[acknowledged]]", "[acknowledged]"), NO_TABLES),
        ("not toml", "line 1"),
        ("[[acknowledged]]\ncase = 1\n", "needs case"),
        (DEEP, "recursion"),
    ],
    ids=["list", "inline list", "inline table", "one table", "not TOML", "a wrong entry", "nested too deep"],
)
def test_a_file_that_cannot_be_added_to_is_left_as_it_is(tmp_path: Path, before: str, says: str) -> None:
    (tmp_path / FILE).write_text(before)
    with pytest.raises(ResultError, match=says) as caught:
        add(tmp_path, CASE, "meant")
    assert len(str(caught.value).splitlines()) == 1
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {FILE: before}


# -- files that are wrong


NO_TOML = ("x = ", "[[acknowledged]", 'x = "a\nb"', "=", "x = 1\nx = 2", "\x00", DEEP, "\udcff")


@pytest.mark.parametrize("text", NO_TOML, ids=lambda text: ascii(text[:20]))
def test_a_file_that_is_no_toml_is_said_where(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(os.fsencode(text))
    assert any(word in refusal(tmp_path) for word in ("line", "end of document", "recursion", "utf-8"))


WRONG_VALUES = {
    '"lookup/*"': ["1"],
    '"checks"': ["true", '""', '"  "'],
    TIME: [f'"{TIME}"', "2026-11-24", "18:00:00"],
}


@pytest.mark.parametrize(
    "text",
    [
        *(ENTRY.replace(field, "") for field in FIELDS),
        *(ENTRY.replace(value, wrong) for value, all_wrong in WRONG_VALUES.items() for wrong in all_wrong),
        ENTRY + ENTRY.replace("why", "because"),
        *(f"acknowledged = {value}\n" for value in ("1", '"all"', "{}", '["lookup/*"]', "[[]]")),
    ],
)
def test_an_entry_that_lacks_something_is_refused_and_told_what_it_needs(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert refusal(tmp_path) == 'each [[acknowledged]] needs case = "…", why = "…" and when = a date and time'


def test_a_folder_in_the_files_place_or_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    assert refusal(tmp_path) == "Is a directory"
    with pytest.raises(ResultError):
        add(tmp_path, CASE, "meant")
    (tmp_path / FILE).rmdir()
    (tmp_path / FILE).touch(mode=0)
    if os.access(tmp_path / FILE, os.R_OK):
        pytest.skip("this user may read everything")
    assert refusal(tmp_path) == "Permission denied"


# -- what an entry covers


@pytest.mark.parametrize(
    ("written", "later_s"), [(TIME, 0), (TIME[:-1], 0), ("2026-11-24T20:00:00+02:00", 0), (f"{TIME[:-1]}.5Z", 0.5)]
)
def test_a_time_without_a_zone_is_utc(tmp_path: Path, written: str, later_s: float) -> None:
    (tmp_path / FILE).write_text(ENTRY.replace(TIME, written))
    (one,) = read(tmp_path)
    assert one.when == WHEN + timedelta(seconds=later_s)


@given(st.text())
def test_an_entry_covers_the_case_it_names_or_all_that_its_glob_fits(text: str) -> None:
    for glob in (CASE, "*", "lookup/*", "lookup/gather@*", "lookup/gathe?@V=1e[34],*", "lookup/gather"):
        assert entry(glob).covers(CASE)
    for glob in ("lookup/gathe", "gather", "LOOKUP/*", "scatter.*", ""):
        assert not entry(glob).covers(CASE)
    assert entry(text).covers(text)  # whatever characters are in it


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_what_is_new_is_what_the_base_has_not_in_heads_order_or_not_with_the_reason_and_time(
    head: list[str], base: list[str]
) -> None:
    found = [one.case for one in new_since([entry(name) for name in head], (entry(name) for name in base))]
    assert found == [name for name in head if name not in base]
    changed = [entry("a", "another reason"), entry("a", when=WHEN + timedelta(days=1))]
    same = entry("a", when=WHEN.astimezone(timezone(timedelta(hours=2))))
    assert new_since([*changed, same], [entry("a")]) == changed
