"""Result files: what is written can be read, and what is not ours is refused in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from w2vbench.reports.file import files
from w2vbench.reports.file.files import ResultError, dump, read, write
from w2vbench.reports.file.schema.result import with_part
from w2vbench.reports.outputs import report

import w2vbench
from tests import saved
from tests.processes import PATIENCE_S
from tests.saved import PROBLEM, PYTEST, Content

BENCHMARK = Path(sys.executable).with_name("pytest-benchmark")
CONTENTS = {"small": saved.small()} | {path.stem: json.loads(path.read_bytes()) for path in (PROBLEM, PYTEST)}


def refusal(path: Path) -> str:
    """What read says of a file that it refuses: one line that begins with the file's name."""
    with pytest.raises(ResultError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 300
    return message.removeprefix(f"{path}: ")


def changed(path: str, to: Any) -> Content:
    """The small file with one value replaced, at a path of keys and numbers with points between them."""
    made = saved.small()
    *outer, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = made
    for key in outer:
        place = place[key]
    place[last] = to
    return made


# -- writing, reading, loading


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_written_is_read_again_whole(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / "new" / "result.json", CONTENTS[name]
    write(path, saved.text(content))
    assert json.loads(path.read_bytes()) == content
    assert json.loads(dump(read(path))) == content
    assert len(w2vbench.load(path)) == len(content["benchmarks"]) + len(content["w2vbench"].get("not_measured", []))


def test_a_file_may_know_more_than_this_version_reads(tmp_path: Path) -> None:
    made = changed("benchmarks.0.extra_info.energy_joule", 3.5)
    made["w2vbench"]["later"] = {"a": 1}
    write(tmp_path / "result.json", saved.text(made))
    assert read(tmp_path / "result.json").benchmarks[0].extra_info.model_extra == {"energy_joule": 3.5}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_or_shell_of_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "result.json").write_text(saved.text(CONTENTS["small"]), encoding=encoding)
    assert len(read(tmp_path / "result.json").benchmarks) == 6


def test_a_figure_that_is_no_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump(with_part(saved.result(), settings={"sample_s": float("nan")}))


@pytest.mark.parametrize("name", ["small", "run"])
def test_pytest_benchmarks_own_command_reads_our_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / "0001_run.json", saved.text(CONTENTS[name]))
    command = [str(BENCHMARK), "compare", "--columns=median", "0001_run.json"]
    shown = subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=PATIENCE_S, check=True
    ).stdout
    assert all(measured["name"] in shown for measured in CONTENTS[name]["benchmarks"])


# -- files that are not ours, or not whole


def test_a_missing_file_a_folder_or_one_that_may_not_be_read_is_said_to_be_one(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.json") == "No such file or directory"
    assert refusal(tmp_path) == "a folder without a result.json"
    path = tmp_path / "result.json"
    path.touch(mode=0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert refusal(path) == "Permission denied"


def test_the_folder_of_a_run_stands_for_its_result_file(tmp_path: Path) -> None:
    write(tmp_path / "result.json", saved.text(CONTENTS["run"]))
    write(tmp_path / "comparison.json", "of another command")
    assert read(tmp_path) == read(tmp_path / "result.json")


def of_suite(part: str) -> str:
    return f'{{"benchmarks": [], "w2vbench": {part}}}'


OTHERS: dict[str, list[str | bytes]] = {
    "empty": ["", " \n\n"],
    "cut off": [saved.text(CONTENTS["small"])[:-400]],
    "binary": [b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe"],
    "not JSON": ["# a Markdown file", of_suite('{"settings": {"sample_s": NaN}}')],
    "nested too deeply": ["[" * 100_000 + "]" * 100_000, '{"benchmarks": ' * 100_000],
    "no result file": [bytes(range(256)) * 40, "[]", "17", "null", '{"name": "some-package"}'],
    "pytest-benchmark compare can read it": ['{"benchmarks": [], "machine_info": {}, "version": "5.3.1"}'],
    "another suite": [of_suite("[]")],
    "schema version": [of_suite("{}"), *(of_suite(f'{{"schema_version": {one}}}') for one in ('"1"', "true", "0"))],
    "newer w2vbench (schema 2; this one reads up to 1): upgrade": [of_suite('{"schema_version": 2}')],
    "not a valid result file: machine_info: Field required": [of_suite('{"schema_version": 1}')],
}


@pytest.mark.parametrize(
    ("says", "data"), [(says, one) for says, its in OTHERS.items() for one in its], ids=lambda one: repr(one[:24])
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path: Path, says: str, data: str | bytes) -> None:
    (tmp_path / "it.json").write_bytes(data.encode() if isinstance(data, str) else data)
    assert says in refusal(tmp_path / "it.json")


EXTRA, PROCESS = "benchmarks.0.extra_info", "benchmarks.0.extra_info.processes.0"
WRONG_VALUES: dict[str, list[Any]] = {
    "benchmarks": [{"a": 1}],
    "benchmarks.0": ["lookup"],
    "benchmarks.0.stats.median": ["fast", -1.0],
    f"{EXTRA}.title": [["a"]],
    f"{PROCESS}.wall_s.1": [-1e-6, 0.0, 10**400],
    f"{PROCESS}.cpu_s.0": [-1.0],
    f"{EXTRA}.size.V": [-5, 10**300],
    f"{EXTRA}.peak_bytes": [1 << 63, 0.5],
    "w2vbench.not_measured.0.status": ["fine"],
    "w2vbench.engine": ["stopwatch"],
    "w2vbench.corpus.streams": [["a"]],
    "commit_info.id": [5],
    "commit_info.dirty": ["perhaps"],
}
TWICE = "@V=1e4,H=100,B=100,f32,i64,zipf,t1' stands in it more than once"
INCONSISTENT = [
    (EXTRA, {}, f"{EXTRA}.kernel: "),
    ("w2vbench.limit_samples", {"a\nb\u2028c": "much"}, "w2vbench.limit_samples.a b c: "),
    (f"{PROCESS}.wall_s", [None, None], "wall_s: no figure in any round"),
    (f"{PROCESS}.cpu_s", [None, None], "cpu_s: no figure in any round"),
    (f"{PROCESS}.wall_s", [], "wall_s: no figure in any round"),
    (f"{EXTRA}.processes", [{"wall_s": [1.0], "cpu_s": [1.0]}], "not as many processes as others of its problem"),
    ("benchmarks.1", CONTENTS["small"]["benchmarks"][0], f"'lookup/one-hot{TWICE}"),
    ("w2vbench.not_measured.0", saved.not_measured("gather", "error", "?"), f"'lookup/gather{TWICE}"),
]


@pytest.mark.parametrize(
    ("path", "to", "says"),
    [*((path, to, f"{path}: ") for path, all_wrong in WRONG_VALUES.items() for to in all_wrong), *INCONSISTENT],
)
def test_a_file_with_a_broken_part_says_which(tmp_path: Path, path: str, to: Any, says: str) -> None:
    (tmp_path / "it.json").write_text(json.dumps(changed(path, to)))
    message = refusal(tmp_path / "it.json")
    assert message.startswith("not a valid result file: ")
    assert says in message


def test_several_broken_parts_are_counted(tmp_path: Path) -> None:
    made = changed("benchmarks.0.stats.median", "fast") | {"datetime": None, "version": None}
    (tmp_path / "it.json").write_text(json.dumps(made))
    assert refusal(tmp_path / "it.json").endswith("(and 2 more)")


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
@pytest.mark.parametrize("path", [f"{PROCESS}.wall_s.0", "benchmarks.0.stats.mean", f"{EXTRA}.peak_bytes"])
def test_figures_that_are_no_numbers_are_refused(tmp_path: Path, token: str, path: str) -> None:
    (tmp_path / "it.json").write_text(json.dumps(changed(path, "HERE")).replace('"HERE"', token))
    refusal(tmp_path / "it.json")


def test_a_file_larger_than_memory_should_hold_or_without_an_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(5_000_000_000)  # sparse: takes no space
    assert refusal(tmp_path / "huge.json") == "5.0 GB is too large for a result file"
    monkeypatch.setattr(files, "LARGEST_FILE", 1 << 20)
    assert "endless" in refusal(Path("/dev/zero"))


def test_a_name_with_a_line_break_does_not_break_the_line(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"\A.*\Z"):
        read(tmp_path / "two\nlines.json")


def test_a_command_with_bytes_that_are_no_text_does_not_cost_the_run_its_report(tmp_path: Path) -> None:
    command = "w2vbench run --out " + os.fsdecode(b"caf\xe9")
    write(tmp_path / "result.json", saved.text(saved.content(saved.row("gather", 1e-5), command=command)))
    page, markdown, _ = report(read(tmp_path / "result.json"), tmp_path / "out")
    texts = [re.sub(r"<[^>]*>", "", path.read_text("utf-8")) for path in (page, markdown)]
    assert all("--out caf?" in text for text in texts)
