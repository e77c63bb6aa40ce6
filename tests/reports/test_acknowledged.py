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

from reports.acknowledged import FILE, Acknowledgement, add, new_since, read
from reports.files import ResultError

WHEN = datetime(2026, 11, 24, 18, tzinfo=UTC)
CASE = "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1"
ENTRY = '[[acknowledged]]\ncase = "lookup/*"\nwhy = "checks"\nwhen = 2026-11-24T18:00:00Z\n'


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
    assert (one.case, one.why) == ("lookup/*", "it checks")
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


@pytest.mark.parametrize(
    "before",
    [
        "# ours\n[tool]\nx = 1 # why\n",
        "[tool]\nx = 1",
        "x = [\n 1,\n]\n\n\n",
        ENTRY,
        ENTRY + "# the end",
        '"größe" = "😀"\n',
        "\n",
    ],
)
def test_what_the_file_had_stays_in_front_of_what_is_added(tmp_path: Path, before: str) -> None:
    (tmp_path / FILE).write_text(before, "utf-8")
    entries = read(tmp_path)
    add(tmp_path, CASE, "meant")
    after = (tmp_path / FILE).read_text("utf-8")
    assert after.startswith(before)
    assert after[len(before) :].startswith("\n")
    assert read(tmp_path)[:-1] == entries
    assert (read(tmp_path)[-1].case, read(tmp_path)[-1].why) == (CASE, "meant")
    data = tomllib.loads(after)
    del data["acknowledged"]
    assert data == {key: value for key, value in tomllib.loads(before).items() if key != "acknowledged"}


def test_a_file_of_windows_keeps_its_line_ends_and_its_mark(tmp_path: Path) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        for end in (b"\r\n", b"\n"):
            before = mark + ("# größe\n" + ENTRY).encode().replace(b"\n", end)
            (tmp_path / FILE).write_bytes(before)
            entries = read(tmp_path)
            add(tmp_path, CASE, "meant")
            add(tmp_path, CASE, "meant too")
            after = (tmp_path / FILE).read_bytes()
            assert after.startswith(before + end + b"[[acknowledged]]" + end)
            assert after.endswith(end)
            assert after.count(b"\n") == after.count(end)
            assert after.count(b"\xef\xbb\xbf") == (1 if mark else 0)
            assert [one.why for one in read(tmp_path)] == [*(one.why for one in entries), "meant", "meant too"]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\xef\xbb\xbfx = 1", b"x = 1\r\ny = 2", b"\r\n"])
def test_a_file_without_a_last_line_end_or_with_nothing_but_a_mark_is_added_to(tmp_path: Path, before: bytes) -> None:
    (tmp_path / FILE).write_bytes(before)
    add(tmp_path, CASE, "meant")
    assert (tmp_path / FILE).read_bytes().startswith(before)
    assert [one.case for one in read(tmp_path)] == [CASE]


@pytest.mark.parametrize(
    "before",
    [
        "acknowledged = []\n",
        'acknowledged = [{case = "a", why = "b", when = 2026-11-24T18:00:00Z}]\n',
        'acknowledged = {case = "a", why = "b", when = 2026-11-24T18:00:00Z}\n',
        '[acknowledged]\ncase = "a"\nwhy = "b"\nwhen = 2026-11-24T18:00:00Z\n',
    ],
)
def test_a_file_that_could_not_be_read_any_more_is_not_made(tmp_path: Path, before: str) -> None:
    (tmp_path / FILE).write_text(before)
    entries = read(tmp_path)
    with pytest.raises(
        ResultError, match=r"no entry can be added \(.*\); write its entries as \[\[acknowledged\]\] tables"
    ) as caught:
        add(tmp_path, CASE, "meant")
    assert len(str(caught.value).splitlines()) == 1
    assert (tmp_path / FILE).read_text() == before
    assert read(tmp_path) == entries
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("before", ["not toml", "[[acknowledged]]\ncase = 1\n"])
def test_a_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path, before: str) -> None:
    (tmp_path / FILE).write_text(before)
    with pytest.raises(ResultError):
        add(tmp_path, CASE, "meant")
    assert (tmp_path / FILE).read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


# -- files that are wrong


@pytest.mark.parametrize("text", ["x = ", "[[acknowledged]", 'x = "a\nb"', "=", "x = 1\nx = 2", "\x00"])
def test_a_file_that_is_no_toml_is_said_where(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert "line" in refusal(tmp_path) or "end of document" in refusal(tmp_path)


def test_a_file_that_is_nested_too_deep_is_one_line(tmp_path: Path) -> None:
    text = f"x = {'[' * 100_000}"
    (tmp_path / FILE).write_text(text)
    assert "recursion" in refusal(tmp_path)
    with pytest.raises(ResultError):
        add(tmp_path, CASE, "meant")
    assert (tmp_path / FILE).read_text() == text


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    assert "utf-8" in refusal(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace('case = "lookup/*"\n', ""),
        ENTRY.replace('why = "checks"\n', ""),
        ENTRY.replace("when = 2026-11-24T18:00:00Z\n", ""),
        ENTRY.replace('"lookup/*"', "1"),
        ENTRY.replace('"checks"', "true"),
        ENTRY.replace('"checks"', '""'),
        ENTRY.replace('"checks"', '"  "'),
        ENTRY.replace("2026-11-24T18:00:00Z", '"2026-11-24T18:00:00Z"'),
        ENTRY.replace("2026-11-24T18:00:00Z", "2026-11-24"),
        ENTRY.replace("2026-11-24T18:00:00Z", "18:00:00"),
        ENTRY + ENTRY.replace("why", "because"),
        "acknowledged = 1\n",
        'acknowledged = "all"\n',
        "acknowledged = {}\n",
        'acknowledged = ["lookup/*"]\n',
        "acknowledged = [[]]\n",
    ],
)
def test_an_entry_that_lacks_something_is_refused_and_told_what_it_needs(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert refusal(tmp_path) == 'each [[acknowledged]] needs case = "…", why = "…" and when = a date and time'


def test_a_folder_in_the_files_place_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    assert refusal(tmp_path) == "Is a directory"
    with pytest.raises(ResultError):
        add(tmp_path, CASE, "meant")


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(ENTRY)
    (tmp_path / FILE).chmod(0)
    if os.access(tmp_path / FILE, os.R_OK):
        pytest.skip("this user may read everything")
    assert refusal(tmp_path) == "Permission denied"


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="file"):
        add(tmp_path / "file", CASE, "meant")


# -- times


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-24T18:00:00Z", WHEN),
        ("2026-11-24 18:00:00", WHEN),
        ("2026-11-24T20:00:00+02:00", WHEN),
        ("2026-11-24T18:00:00.5Z", WHEN + timedelta(seconds=0.5)),
    ],
)
def test_a_time_without_a_zone_is_utc(tmp_path: Path, written: str, meant: datetime) -> None:
    (tmp_path / FILE).write_text(ENTRY.replace("2026-11-24T18:00:00Z", written))
    (one,) = read(tmp_path)
    assert one.when == meant
    assert one.when.tzinfo is not None


# -- which cases


@pytest.mark.parametrize(
    ("glob", "covers"),
    [
        (CASE, True),
        ("*", True),
        ("lookup/*", True),
        ("lookup/gather@*", True),
        ("lookup/gathe?@V=1e[34],*", True),
        ("lookup/gather", True),
        ("lookup/gathe", False),
        ("gather", False),
        ("LOOKUP/*", False),
        ("scatter.*", False),
        ("", False),
    ],
)
def test_an_entry_covers_the_case_it_names_or_all_that_its_glob_fits(glob: str, covers: bool) -> None:
    assert entry(glob).covers(CASE) is covers


@given(st.text())
def test_a_name_covers_itself_whatever_characters_are_in_it(text: str) -> None:
    assert entry(text).covers(text)


# -- what a change brings along


@pytest.mark.parametrize(
    ("again", "new"),
    [
        (entry("a", "another reason"), True),
        (entry("a", when=WHEN + timedelta(days=1)), True),
        (entry("a", when=WHEN.astimezone(timezone(timedelta(hours=2)))), False),
    ],
    ids=["another reason", "another time", "the same time in another zone"],
)
def test_an_entry_is_new_if_its_reason_or_time_was_changed(again: Acknowledgement, new: bool) -> None:
    assert new_since([again], [entry("a")]) == ([again] if new else [])


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_what_is_new_is_what_the_base_has_not_in_heads_order(head: list[str], base: list[str]) -> None:
    found = [one.case for one in new_since([entry(name) for name in head], (entry(name) for name in base))]
    assert found == [name for name in head if name not in base]
