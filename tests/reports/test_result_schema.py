"""Result files: what is written can be read, and what is not ours is refused in one line."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reports
from reports import files
from reports.files import ResultError, dump, read, write
from reports.result_schema import with_part
from tests import saved
from tests.saved import PROBLEM, PYTEST, Content

BENCHMARK = Path(sys.executable).with_name("pytest-benchmark")


def refusal(path: Path) -> str:
    """What read says of a file that it refuses: one line that begins with the file's name."""
    with pytest.raises(ResultError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 300
    return message.removeprefix(f"{path}: ")


def changed(*where: Any, to: Any) -> Content:
    """The small file with one value replaced, at a path of keys."""
    made = copy.deepcopy(saved.small())
    place: Any = made
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = to
    return made


FIRST = ("benchmarks", 0)
LAUNCH = (*FIRST, "extra_info", "processes", 0)


# -- writing, reading, loading


@pytest.mark.parametrize("name", ["small", "problem", "pytest-benchmark"])
def test_what_is_written_is_read_again_whole(tmp_path: Path, name: str) -> None:
    content = (
        saved.small()
        if name == "small"
        else json.loads({"problem": PROBLEM, "pytest-benchmark": PYTEST}[name].read_bytes())
    )
    write(tmp_path / "new" / "result.json", saved.text(content))
    assert json.loads((tmp_path / "new" / "result.json").read_bytes()) == content
    assert json.loads(dump(read(tmp_path / "new" / "result.json"))) == content
    assert len(reports.load(tmp_path / "new" / "result.json")) == len(content["benchmarks"]) + len(
        content["w2vbench"].get("not_measured", [])
    )


def test_a_file_may_know_more_than_this_version_reads(tmp_path: Path) -> None:
    made = changed(*FIRST, "extra_info", "energy_joule", to=3.5)
    made["w2vbench"]["later"] = {"a": 1}
    write(tmp_path / "result.json", saved.text(made))
    result = read(tmp_path / "result.json")
    assert result.benchmarks[0].extra_info.model_extra == {"energy_joule": 3.5}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_or_shell_of_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "result.json").write_text(saved.text(saved.small()), encoding=encoding)
    assert len(read(tmp_path / "result.json").benchmarks) == 6


def test_a_figure_that_is_no_number_is_never_written() -> None:
    result = saved.result(saved.row("gather", 1e-5))
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump(with_part(result, settings={"sample_s": float("nan")}))


def test_our_data_names_no_machine_and_no_place() -> None:
    text = PROBLEM.read_text("utf-8") + PYTEST.read_text("utf-8")
    for place in ("/work", "/root", "/home", "/tmp", "/Users"):
        assert place not in text
    assert {json.loads(file.read_bytes())["machine_info"]["node"] for file in (PROBLEM, PYTEST)} == {"example"}


def test_pytest_benchmarks_own_command_reads_our_file(tmp_path: Path) -> None:
    for content in (saved.small(), json.loads(PROBLEM.read_bytes())):
        write(tmp_path / "0001_run.json", saved.text(content))
        done = subprocess.run(
            [BENCHMARK, "compare", "--columns=median", tmp_path / "0001_run.json"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for measured in content["benchmarks"]:
            assert measured["name"] in done.stdout


# -- files that are not ours, or not whole


def test_a_missing_file_or_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.json") == "No such file or directory"
    assert refusal(tmp_path) == "a folder, not a result file"


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("{}")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert refusal(path) == "Permission denied"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (saved.text(saved.small()).encode()[:-400], "cut off"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "binary"),
        (bytes(range(256)) * 40, "no result file"),
        (b"# a Markdown file", "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"benchmarks": ' * 100_000, "nested too deeply"),
        (b"[]", "no result file"),
        (b"17", "no result file"),
        (b"null", "no result file"),
        (b'{"name": "some-package"}', "no result file"),
        (
            b'{"benchmarks": [], "machine_info": {}, "commit_info": {}, "datetime": "", "version": "5.3.1"}',
            "pytest-benchmark compare can read it",
        ),
        (b'{"benchmarks": [], "w2vbench": []}', "another suite"),
        (b'{"benchmarks": [], "w2vbench": {}}', "schema version"),
        (b'{"benchmarks": [], "w2vbench": {"schema_version": "1"}}', "schema version"),
        (b'{"benchmarks": [], "w2vbench": {"schema_version": true}}', "schema version"),
        (b'{"benchmarks": [], "w2vbench": {"schema_version": 0}}', "schema version"),
        (
            b'{"benchmarks": [], "w2vbench": {"schema_version": 2}}',
            "newer w2vbench (schema 2; this one reads up to 1): upgrade",
        ),
        (
            b'{"benchmarks": [], "w2vbench": {"schema_version": 1}}',
            "not a valid result file: machine_info: Field required",
        ),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "it.json").write_bytes(data)
    assert says in refusal(tmp_path / "it.json")


BROKEN: dict[str, tuple[Content, str]] = {
    "no list": (changed("benchmarks", to={"a": 1}), "benchmarks: "),
    "a row that is text": (changed(*FIRST, to="lookup"), "benchmarks.0: "),
    "no extra_info": (changed(*FIRST, "extra_info", to={}), "benchmarks.0.extra_info.kernel: "),
    "words for a number": (changed(*FIRST, "stats", "median", to="fast"), "benchmarks.0.stats.median: "),
    "a list for a title": (changed(*FIRST, "extra_info", "title", to=["a"]), "benchmarks.0.extra_info.title: "),
    "a negative time": (changed(*LAUNCH, "wall_s", 1, to=-1e-6), "benchmarks.0.extra_info.processes.0.wall_s.1: "),
    "no time at all": (changed(*LAUNCH, "wall_s", 1, to=0.0), "benchmarks.0.extra_info.processes.0.wall_s.1: "),
    "a time beyond floats": (
        changed(*LAUNCH, "wall_s", 1, to=10**400),
        "benchmarks.0.extra_info.processes.0.wall_s.1: ",
    ),
    "a negative CPU time": (changed(*LAUNCH, "cpu_s", 0, to=-1.0), "benchmarks.0.extra_info.processes.0.cpu_s.0: "),
    "a negative median": (changed(*FIRST, "stats", "median", to=-1.0), "benchmarks.0.stats.median: "),
    "a process without figures": (changed(*LAUNCH, "wall_s", to=[None, None]), "no figure in any round"),
    "an empty process": (changed(*LAUNCH, "wall_s", to=[]), "no figure in any round"),
    "fewer processes than the others": (
        changed(*FIRST, "extra_info", "processes", to=[{"wall_s": [1.0], "cpu_s": [1.0]}]),
        "not as many processes as others of its problem",
    ),
    "a negative size": (changed(*FIRST, "extra_info", "size", "V", to=-5), "benchmarks.0.extra_info.size.V: "),
    "a huge size": (changed(*FIRST, "extra_info", "size", "V", to=10**300), "benchmarks.0.extra_info.size.V: "),
    "huge memory": (changed(*FIRST, "extra_info", "peak_bytes", to=1 << 63), "benchmarks.0.extra_info.peak_bytes: "),
    "half a byte": (changed(*FIRST, "extra_info", "peak_bytes", to=0.5), "benchmarks.0.extra_info.peak_bytes: "),
    "an unknown status": (
        changed("w2vbench", "not_measured", 0, "status", to="fine"),
        "w2vbench.not_measured.0.status: ",
    ),
    "an unknown engine": (changed("w2vbench", "engine", to="stopwatch"), "w2vbench.engine: "),
    "a list for the words": (changed("w2vbench", "corpus", "streams", to=["a"]), "w2vbench.corpus.streams: "),
    "a line break in a name": (
        changed("w2vbench", "limit_samples", to={"a\nb\u2028c": "much"}),
        "w2vbench.limit_samples.a b c: ",
    ),
    "a number for a commit": (changed("commit_info", "id", to=5), "commit_info.id: "),
    "a word for a truth": (changed("commit_info", "dirty", to="perhaps"), "commit_info.dirty: "),
    "a case twice": (
        changed("benchmarks", 1, to=saved.small()["benchmarks"][0]),
        "'lookup/one-hot@V=1e4,H=100,B=100,f32,i64,zipf,t1' stands in it more than once",
    ),
    "a case measured and not": (
        changed("w2vbench", "not_measured", 0, to=saved.not_measured("gather", "error", "?")),
        "'lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1' stands in it more than once",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_with_a_broken_part_says_which(tmp_path: Path, what: str) -> None:
    content, says = BROKEN[what]
    (tmp_path / "it.json").write_text(json.dumps(content))
    message = refusal(tmp_path / "it.json")
    assert message.startswith("not a valid result file: ")
    assert says in message


def test_several_broken_parts_are_counted(tmp_path: Path) -> None:
    made = changed(*FIRST, "stats", "median", to="fast")
    made["benchmarks"][1]["name"] = None
    del made["datetime"]
    (tmp_path / "it.json").write_text(json.dumps(made))
    assert refusal(tmp_path / "it.json").endswith("(and 2 more)")


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
@pytest.mark.parametrize(
    "where",
    [
        (*LAUNCH, "wall_s", 0),
        (*FIRST, "stats", "mean"),
        (*FIRST, "extra_info", "peak_bytes"),
    ],
)
def test_figures_that_are_no_numbers_are_refused(tmp_path: Path, token: str, where: tuple[Any, ...]) -> None:
    (tmp_path / "it.json").write_text(json.dumps(changed(*where, to="HERE")).replace('"HERE"', token))
    refusal(tmp_path / "it.json")


def test_nan_is_refused_even_where_anything_may_stand(tmp_path: Path) -> None:
    (tmp_path / "it.json").write_text(json.dumps(changed("w2vbench", "settings", to={"sample_s": float("nan")})))
    assert "not JSON" in refusal(tmp_path / "it.json")


def test_a_file_larger_than_memory_should_hold_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(5_000_000_000)  # sparse: takes no space
    assert refusal(tmp_path / "huge.json") == "5.0 GB is too large for a result file"


def test_a_name_with_a_line_break_does_not_break_the_line(tmp_path: Path) -> None:
    with pytest.raises(ResultError) as caught:
        read(tmp_path / "two\nlines.json")
    assert "\n" not in str(caught.value)


def test_a_command_with_bytes_that_are_no_text_does_not_cost_the_run_its_report(tmp_path: Path) -> None:
    command = "w2vbench run --out " + os.fsdecode(b"caf\xe9")
    write(tmp_path / "result.json", saved.text(saved.content(saved.row("gather", 1e-5), command=command)))
    from reports.page import report

    page, markdown, _ = report(read(tmp_path / "result.json"), tmp_path / "out")
    assert "--out caf?" in markdown.read_text("utf-8")
    assert "--out caf?" in page.read_text("utf-8")


def test_a_file_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 1 << 20)
    with pytest.raises(ResultError, match="endless"):
        read(Path("/dev/zero"))
