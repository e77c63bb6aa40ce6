"""The GitHub action, run outside GitHub: its steps in a pull request's checkout, and an API on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.processes import git
from tests.w2vbench.github import TOKEN, api, pull_request, run_action

MARKER = "<!-- w2vbench "
PERSON = {"login": "someone", "type": "User"}
REFUSED = {"IMPL": "gone/kernels.py"}
"""An input with which nothing is measured, and the comment says so."""
RENAMED = ("order = np.argsort(idx)\n", "order = np.argsort(idx)  # of the table\n")
WRONG = ("out[order] = W[idx[order]]", "out[order] = W[idx]")


def test_the_first_run_comments_and_the_second_updates_that_comment(tmp_path: Path) -> None:
    """The base is fetched, since the checkout has one commit only. The comment is found beyond the first page."""
    comments: list[dict[str, Any]] = [
        {"id": number, "user": PERSON, "body": f"about {MARKER}"} for number in range(120)
    ]
    checkout = pull_request(tmp_path, *RENAMED)
    with api(comments) as address:
        done = run_action(checkout, address)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(comments) == 121
        assert re.match(rf"{MARKER}\w+ -->\n# w2vbench compare\n", comments[-1]["body"])
        assert "https://github.com/them/theirs/actions/runs/42" in comments[-1]["body"]

        kernels = checkout / "kernels.py"
        kernels.write_text(kernels.read_text().replace(*WRONG))
        done = run_action(checkout, address)
        assert done.returncode == 1, done.stdout + done.stderr
        assert len(comments) == 121
    assert "lookup/sorted" in comments[-1]["body"]
    assert "wrong" in comments[-1]["body"]
    assert re.search(r"::error file=kernels.py,line=\d+,title=wrong::", done.stdout)
    assert "wrong" in (tmp_path / "summary.md").read_text()


def test_a_comment_that_is_refused_leaves_the_verdict(tmp_path: Path) -> None:
    """As on a pull request from a fork, whose token only reads."""
    with api([], refused=True) as address:
        done = run_action(pull_request(tmp_path, *RENAMED), address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::notice title=w2vbench::no comment was written" in done.stdout
    assert "HTTP Error 403" in done.stderr


def test_what_cannot_be_compared_is_said_in_the_comment(tmp_path: Path) -> None:
    comments: list[dict[str, Any]] = []
    with api(comments) as address:
        done = run_action(pull_request(tmp_path, *RENAMED), address, **REFUSED)
    assert done.returncode == 2
    assert "Not compared with HEAD^1: w2vbench: gone/kernels.py: no such file" in comments[0]["body"]


def test_the_base_is_what_the_change_was_merged_into_though_its_branch_has_moved_on(tmp_path: Path) -> None:
    """Nothing that others changed is measured, and no caveat is about it."""
    comments: list[dict[str, Any]] = []
    checkout = pull_request(tmp_path, *RENAMED)
    with api(comments) as address:
        done = run_action(checkout, address)
    assert done.returncode == 0, done.stdout + done.stderr
    base = git(tmp_path / "origin", "rev-parse", "main~1")
    assert f"against HEAD^1 ({base[:9]})" in comments[0]["body"]
    for caveat in ("HEAD lacks", "unknown whether HEAD", "pyproject.toml differs"):
        assert caveat not in comments[0]["body"]


@pytest.mark.parametrize(
    ("inputs", "base"),
    [
        ({"BASE": "change"}, "change"),
        ({}, "HEAD^1"),
        ({"HEAD_SHA": "0" * 40, "BASE_SHA": "main~1"}, "main~1"),
        ({"HEAD_SHA": "0" * 40, "BASE_SHA": ""}, "origin/main"),
    ],
    ids=["the input", "the merge's first parent", "the event's base", "the base's branch"],
)
def test_which_base_is_meant(tmp_path: Path, inputs: dict[str, str], base: str) -> None:
    """HEAD_SHA is of another commit where something else than GitHub's merge was checked out."""
    comments: list[dict[str, Any]] = []
    checkout = pull_request(tmp_path, *RENAMED)
    if base == "main~1":
        inputs = inputs | {"BASE_SHA": (base := git(tmp_path / "origin", "rev-parse", base))}
    with api(comments) as address:
        run_action(checkout, address, **inputs, **REFUSED)
    assert f"Not compared with {base}: " in comments[0]["body"]


def test_the_code_under_test_has_no_token(tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    checkout = pull_request(tmp_path, *RENAMED)
    kernels = checkout / "kernels.py"
    spy = f"import os\nfrom pathlib import Path\n\nPath({str(seen)!r}).write_text(str(dict(os.environ)))\n"
    kernels.write_text(kernels.read_text() + spy)
    comments: list[dict[str, Any]] = []
    with api(comments) as address:
        run_action(checkout, address)
    assert len(comments) == 1
    assert "PATH" in seen.read_text()
    assert TOKEN not in seen.read_text()


def test_another_persons_comment_is_left_alone_though_it_copies_the_marker(tmp_path: Path) -> None:
    comments: list[dict[str, Any]] = [{"id": 0, "user": PERSON, "body": "mine"}, {"id": 1, "user": None, "body": None}]
    checkout = pull_request(tmp_path, *RENAMED)
    with api(comments) as address:
        run_action(checkout, address, **REFUSED)
        comments[0]["body"] = comments[1]["body"] = copied = comments[2]["body"]
        run_action(checkout, address, **REFUSED, GITHUB_RUN_ID="43")
    assert [one["body"] == copied for one in comments] == [True, True, False]
    assert "actions/runs/43" in comments[2]["body"]


def test_each_job_and_each_of_its_matrix_has_a_comment_of_its_own(tmp_path: Path) -> None:
    jobs = {
        "`Tests / other`": {"GITHUB_JOB": "other"},
        """`Tests / speed {"python": "3.12"}`""": {"MATRIX": '{"python": "3.12"}'},
        """`Tests / speed {"python": "3.13"}`""": {"MATRIX": '{\n  "python": "3.13"\n}'},
        "`second --> '<b>'`": {"ID": "second --> `<b>`"},
    }
    comments: list[dict[str, Any]] = []
    checkout = pull_request(tmp_path, *RENAMED)
    with api(comments) as address:
        for job in (*jobs.values(), *list(jobs.values())[1:3]):  # two of them once more
            run_action(checkout, address, **job, **REFUSED)
    assert len({one["body"].partition("\n")[0] for one in comments}) == len(comments) == len(jobs)
    for shown, one in zip(jobs, comments, strict=True):
        assert one["body"].endswith(f"/actions/runs/42) of {shown}\n")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (
            {"HEAD_SHA": "", "BASE_SHA": "", "GITHUB_BASE_REF": ""},
            "this is no pull request: name the base to compare with",
        ),
        ({"BASE": "--exec=touch never"}, "base: not a revision: --exec=touch never"),
        ({"BASE": "origin/no-such-branch"}, "base: no revision origin/no-such-branch here or in origin"),
        ({"BASE": "$(touch never)"}, "base: no revision $(touch never) here or in origin"),
        ({"IMPL": " \n"}, "impl: name the file with your implementations"),
        ({"PASS_INCONCLUSIVE": "maybe"}, "pass-inconclusive: true or false, not maybe"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_inputs_are_one_clear_line(tmp_path: Path, inputs: dict[str, str], said: str) -> None:
    done = run_action(pull_request(tmp_path, *RENAMED), "http://127.0.0.1:9", **inputs)
    assert done.returncode == 2
    assert f"::error::w2vbench: {said}\n" in done.stdout
    assert "no comment" not in done.stdout  # none was tried: the annotation says it


def test_no_input_is_run_by_the_shell(tmp_path: Path) -> None:
    """Inputs may come from a stranger's pull request."""
    evil = "$(touch never)`touch never`;touch never"
    checkout = pull_request(tmp_path, *RENAMED)
    with api([]) as address:
        for name in ("IMPL", "THRESHOLD", "ARGS"):
            run_action(checkout, address, **{name: f"{evil}\n* {evil}\n"})
    assert not (checkout / "never").exists()
    assert git(checkout, "status", "--porcelain") == ""
