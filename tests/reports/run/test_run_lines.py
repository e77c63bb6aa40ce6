"""What a run says on the terminal beside its answers: what is undecided, what was not measured, and commands that a shell reads."""

from __future__ import annotations

import shlex

import pytest
from w2vbench.reports.drawing.columns import command_lines
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.facts import fact, facts
from w2vbench.reports.findings.rerun import own_files
from w2vbench.reports.run.lines import brief, provisional
from w2vbench.reports.run.markdown import as_markdown

from tests import saved
from tests.saved import SOURCE, not_measured, processes, row

UNSURE = [1e-5, 2e-5, 1.5e-5]
"""In one process each: too few to tell whether that is slower than what takes 14 µs."""


def said(result: ResultFile, label: str) -> str:
    """The remarks under a label, each on one line."""
    lines = brief(result, 200)
    return "\n".join(line.removeprefix(label).strip() for line in lines if line.startswith(label))


def test_two_undecided_kernels_are_told_and_the_others_named() -> None:
    kernels = ["lookup", "lookup.bag", "scatter.dense", "update.sgd"]
    rows = [
        one
        for kernel in kernels
        for one in (
            row("gather", processes(1.4e-5, 1e-5, 1e-5), kernel=kernel),
            row("take", processes(*UNSURE), kernel=kernel),
        )
    ]
    first, second, others = said(saved.result(*rows), "undecided").splitlines()
    assert "lookup at V = 10,000: take looks" in first
    assert "lookup.bag at V = 10,000" in second
    assert others == "2 more kernels: scatter.dense, update.sgd; see the report"
    text = "\n".join(brief(saved.result(*rows), 60)).replace("\\\n", "")
    commands = [shlex.split(line) for line in text.splitlines() if line.strip().startswith("w2vbench run")]
    assert [command[:4] for command in commands] == [["w2vbench", "run", "--kernel", name] for name in kernels[:2]]


VAGUE = (2e-5, 2.5e-5, 4e-5, 6.4e-5, 8e-5)
"""Clearly slower than 10 µs, and by how much is hardly known."""


def test_a_ratio_that_is_hardly_known_looks_so_in_every_line() -> None:
    rows = row("mine", processes(*VAGUE)), row("gather", processes(*[1e-5] * 5), baseline=True)
    source = {**SOURCE, "file": "my/kernels.py"}
    result = saved.result(*rows, sources={"lookup/mine": source})
    assert said(result, "yours").endswith("~4.0× slower than")
    meaning = "~: hardly known, the ends of its interval differ threefold."
    assert " ".join(brief(result, 100)).endswith(meaning)
    assert meaning not in " ".join(brief(saved.result(rows[1], row("take", processes(*[2e-5] * 5))), 100))
    book = saved.result(row("mine", processes(*VAGUE), baseline=True), row("gather", processes(*[1e-5] * 5)))
    assert "`mine` is ~4.0× slower" in as_markdown(book)
    unsure = saved.result(row("gather", processes(1e-5, 1e-5, 1e-5)), row("take", processes(1e-5, 4e-5, 2e-5)))
    assert "take looks ~2.0× slower than gather" in said(unsure, "undecided")


def test_what_is_undecided_looks_so_in_the_table_too_and_is_compared_with_what_the_table_recommends() -> None:
    """Of the two that tie, the textbook's loop is recommended, though the other one leads."""
    loop, leader = row("loop", processes(*[1.02e-5] * 3), baseline=True), row("gather", processes(*[1e-5] * 3))
    result = saved.result(loop, leader, row("take", processes(0.8e-5, 1.6e-5, 2.4e-5)))
    text = "\n".join(brief(result, 100))
    assert "loop?" in text
    assert text.endswith("?: undecided, others may be as fast.")
    assert said(result, "undecided").startswith("lookup at V = 10,000: take looks ~1.4× slower than loop, but")
    assert "| loop (undecided) |" in as_markdown(result)
    assert "?" not in "\n".join(brief(saved.result(loop, leader), 100))


def test_a_vague_ratio_near_one_is_no_tie() -> None:
    result = saved.result(row("gather", processes(1e-5, 1e-5, 1e-5)), row("take", processes(0.5e-5, 1e-5, 2.1e-5)))
    assert "take looks as fast as gather, but these processes do not settle" in said(result, "undecided")
    book = saved.result(row("gather", processes(*[1e-5] * 3)), row("take", processes(*[1e-5] * 3)))
    assert said(book, "undecided") == ""


def test_of_what_was_not_measured_two_reasons_are_told_and_the_others_counted() -> None:
    failed = [not_measured(slug, "skipped", f"needs {slug}") for slug in ("numba", "torch", "jax", "gensim")]
    many = [not_measured(f"way-{at}", "timeout", "too slow") for at in range(3)]
    wrong = {**not_measured("assign", "wrong", "duplicates are lost"), "marked_wrong": True}
    result = saved.result(row("gather", 1e-5), not_measured=[*failed, *many, wrong])
    assert said(result, "skipped").splitlines() == [
        "lookup/numba: needs numba",
        "lookup/torch: needs torch",
        "2 more; see the report",
    ]
    assert said(result, "timeout") == "3 implementations: too slow"
    assert said(result, "wrong") == "lookup/assign, on purpose: duplicates are lost"


def test_a_run_that_goes_on_shows_what_it_has_so_far() -> None:
    lines = provisional(saved.result(row("one-hot", 1e-3, baseline=True), row("gather", 1e-5)))
    assert lines[1] == "so far, of one process each and without intervals:"
    assert "gather" in "\n".join(lines)


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_command_on_several_lines_is_the_same_to_a_shell(width: int) -> None:
    command = "w2vbench run --kernel lookup --impl 'my file.py' --only 'lookup/*@V=1e4'"
    lines = command_lines(command, width, "  ")
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    assert all(len(line) <= width or " " not in line.strip().removesuffix(" \\") for line in lines if "'" not in line)
    assert len(command_lines(command, 200, "")) == 1


def test_the_files_that_a_command_names_are_found_and_one_that_is_no_command_has_none() -> None:
    assert own_files("w2vbench run --impl 'my file.py' --seed 1 --corpus t.txt") == [
        "--impl 'my file.py'",
        "--corpus t.txt",
    ]
    assert own_files("w2vbench run --impl 'my file.py") == []


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("memory_bytes", 16 * 2**30, "17.2 GB"),
        ("sample_s", 0.02, "20.0 ms"),
        ("busy_before", 0.25, "25 %"),
        ("clock_variation", 1.104, "1.10×"),
        ("load_before", 0.5, "0.50"),
        ("cpus_allowed", 4, "4"),
        ("governor", None, ""),
    ],
)
def test_a_fact_is_shown_with_its_unit(name: str, value: object, shown: str) -> None:
    assert fact(name, value) == shown


def test_machines_that_shared_a_run_are_told_with_what_makes_one_doubtful() -> None:
    machines = [
        {"name": "a", "experiments": 12, "difference": 0.004},
        {"name": "b", "experiments": 1, "in_doubt": 1, "difference": None},
    ]
    shown = dict(facts(saved.result(row("gather", 1e-5), machines=machines)))
    assert shown["machines of this kind"] == "a: 12 problems, A/A difference 0.40 %; b: 1 problem, 1 of them in doubt"
