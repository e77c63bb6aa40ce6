"""The order of a run's measurements, without measuring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import OK, ImplementationSource, MachineLimits, MeasurementSettings, Verdict
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run import run_result
from w2vbench.bench.plans.run.journal import Journal
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.bench.plans.run.problems import ProblemRun, new_problem_run
from w2vbench.bench.plans.run.run_result import Run
from w2vbench.bench.plans.run.session import Session
from w2vbench.bench.plans.run.turns import profiled_problems, shown_problems
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.run.lines import provisional

GATHER = [i for i in catalogue.own() if i.key == "lookup/gather"]


def test_the_machines_limits_have_the_same_points_whatever_fails_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [new_problem_run(GATHER, Size(V, threads=threads)) for V in (1000, 100_000) for threads in (1, 2)]
    settings = replace(MeasurementSettings(), processes=2)
    context = RunContext(workers=Workers(), corpus=tmp_path, settings=settings)
    asked: list[tuple[int, list[int]]] = []

    def limits(self: RunContext, sizes: list[Size]) -> MachineLimits:
        (threads,) = {size.threads for size in sizes}
        asked.append((threads, [size.V for size in sizes]))
        return MachineLimits(threads=threads, read=[], write=[], copy=[], matmul={})

    def fails(problem: ProblemRun, *_: Any, **__: Any) -> None:
        if problem.size.V == 100_000:
            for case in problem.cases:
                case.status = "timeout"
        problem.processes += 1

    monkeypatch.setattr(RunContext, "machine_limits", limits)
    monkeypatch.setattr(running, "measure_next", fails)
    monkeypatch.setattr(running, "check_contracts", lambda keys, *_, **__: {key: Verdict(OK) for key in keys})
    session = Session("", print)
    made = Run(session=session, preset=None, settings=settings, corpus=texts.builtin(), planned=problems)
    journal = Journal(tmp_path, {})
    running.measure_all(context, made, journal, Mock())
    turns = 3  # what is shown first, the others, and all once more
    assert asked == [(threads, [1000, 100_000]) for _ in range(turns) for threads in (1, 2)]


def test_each_size_is_a_problem_on_each_number_of_threads_and_the_fewest_are_shown_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def problems(*threads: int) -> list[str]:
        return [one.problem for one in request(vocabularies=[1000, 2000], threads=threads).problems()]

    names = [f"lookup@V={V},H=100,B=100,f32,i64,zipf,t{threads}" for V in ("1e3", "2e3") for threads in (1, 2, 4)]
    assert problems(1, 2, 4) == names
    assert problems() == problems(1) == names[::3]
    planned = request(vocabularies=[1000, 2000], threads=(2, 4)).problems()
    assert [problem.problem for problem in shown_problems(planned).values()] == [names[4]]


def test_the_deck_leaves_out_what_no_slide_has_unless_the_user_names_or_brings_it(tmp_path: Path) -> None:
    def slugs(**asked: Any) -> set[str]:
        problems = request(**{"preset": "deck", "globs": (), "vocabularies": (), "threads": (), **asked}).problems()
        return {case.implementation.slug for one in problems if one.kernel == "lookup" for case in one.cases}

    mine = tmp_path / "mine.py"
    mine.write_text(
        "from w2vbench.impls.lookup import lookup\n\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    few, every = slugs(kernels=()), slugs()
    assert {"one-hot-dot", "gather"} <= few < every
    assert slugs(kernels=(), globs=["lookup/*"]) == every
    assert slugs(kernels=(), vocabularies=[1000]) == every
    assert slugs(kernels=(), files=[mine]) == few | {"mine"}


def request(**asked: Any) -> running.RunRequest:
    """A run of gathers."""
    fields: dict[str, Any] = {
        "command": "",
        "out": Path("out"),
        "kernels": ["lookup"],
        "globs": ["lookup/gather"],
        "preset": "quick",
        "batches": (),
        "changed": {},
        "processes": None,
        "time_limit_s": 1.0,
        "memory_limit_bytes": None,
        "seed": 0,
        "resume": False,
    }
    return running.RunRequest(**fields | asked)


def test_limits_stand_in_the_file_for_each_number_of_threads_and_as_ever_for_one() -> None:
    def measured(threads: int, *rates: float) -> list[MachineLimits]:
        return [MachineLimits(threads=threads, read=[(1e6, one)], write=[], copy=[], matmul={}) for one in rates]

    found = run_result.limits_by_threads([*measured(2, 5e9, 7e9, 6e9), *measured(1, 3e9)])
    assert {threads: one.read for threads, one in found.items()} == {1: [(1e6, 3e9)], 2: [(1e6, 6e9)]}
    assert run_result.limits_by_threads([]) == {}


# -- what a process does beside timing

SHOWN, OTHER_V, OTHER_B, OTHER_H = (
    Size(100_000, B=8),
    Size(10_000, B=8),
    Size(100_000, B=100),
    Size(100_000, H=300, B=8),
)


def extras(size: Size, processes: int, *files: str, preset: str = "default") -> set[str]:
    """What one of the problems does in its next process: ``check``, ``memory``, ``stages``, ``profiled`` and ``layers``."""
    problems = [new_problem_run(GATHER, one) for one in (OTHER_V, SHOWN, OTHER_B, OTHER_H)]
    problem = next(one for one in problems if one.size == size)
    problem.processes = processes
    shown = problems[1]
    context = RunContext(workers=Workers(), corpus=Path(), sources={"": ImplementationSource(files=files)})
    found = running.extras_of(problem, shown, profiled_problems([shown]), context, PRESETS[preset])
    return {name for name, value in vars(found).items() if value}


def test_a_short_preset_checks_whole_results_and_memory_only_where_it_is_stated() -> None:
    assert extras(SHOWN, 0) == {"check"}
    assert extras(SHOWN, 1) == {"memory", "stages", "profiled"}
    assert extras(OTHER_V, 0) == {"memory", "stages"}
    assert extras(OTHER_B, 0) == extras(OTHER_H, 0) == {"stages"}
    assert extras(SHOWN, 2) == extras(OTHER_V, 1) == set()


@pytest.mark.parametrize("size", [OTHER_V, OTHER_B, OTHER_H])
def test_other_presets_and_own_sizes_do_so_everywhere_and_a_users_code_is_checked_everywhere(size: Size) -> None:
    assert extras(size, 0, preset="full") == {"check", "memory", "stages"}
    assert "check" in extras(size, 0, "mine.py")
    assert extras(size, 1, preset="full") == set()


def test_the_deck_measures_layers_where_it_profiles() -> None:
    assert extras(SHOWN, 0, preset="deck") == {"check"}
    assert extras(SHOWN, 1, preset="deck") == {"memory", "stages", "profiled", "layers"}
    assert extras(SHOWN, 2, preset="deck") == set()
    assert "layers" not in extras(OTHER_V, 0, preset="deck")


def test_nothing_is_shown_so_far_where_nothing_was_measured_or_one_process_is_not_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was resumed has more of some problems than one process."""
    settings = replace(MeasurementSettings(), processes=2)
    context = RunContext(workers=Workers(), corpus=tmp_path, settings=settings)
    monkeypatch.setattr(running, "measure_limits", Mock())
    monkeypatch.setattr(
        running, "measure_next", lambda problem, *_, **__: setattr(problem, "processes", problem.processes + 1)
    )
    monkeypatch.setattr(running, "check_contracts", lambda keys, *_, **__: {key: Verdict("error") for key in keys})

    def shown(processes: int) -> list[ResultFile]:
        problems = [new_problem_run(GATHER, Size(V)) for V in (1000, 2000)]
        for problem in problems:
            problem.processes = processes
        made = Run(session=Session("", print), preset=None, settings=settings, corpus=texts.builtin(), planned=problems)
        if processes:
            for problem in problems:
                problem.cases[0].exclude("error", "")
        progress = Mock()
        running.measure_all(context, made, Journal(tmp_path, {}), progress)
        return [call.args[0] for call in progress.first.call_args_list]

    (nothing,) = shown(0)
    assert provisional(nothing) == []
    assert shown(1) == []
