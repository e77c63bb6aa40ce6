"""What a run measures, and in which order, without measuring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import ImplementationSource, MachineLimits
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run import run_result
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.bench.plans.run.problems import new_problem_run
from w2vbench.bench.plans.run.selection import Selection
from w2vbench.bench.plans.run.turns import profiled_problems, shown_problems
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size

GATHER = [i for i in catalogue.own() if i.key == "lookup/gather"]


def test_each_size_is_a_problem_on_each_number_of_threads_and_the_fewest_are_shown_first() -> None:
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
    assert extras(SHOWN, 1, preset="deck") == {"memory", "stages", "profiled", "layers"}
    assert "layers" not in extras(OTHER_V, 0, preset="deck")


@pytest.mark.parametrize("size", [OTHER_V, OTHER_B, OTHER_H])
def test_other_presets_and_own_sizes_do_so_everywhere_and_a_users_code_is_checked_everywhere(size: Size) -> None:
    assert extras(size, 0, preset="full") == {"check", "memory", "stages"}
    assert "check" in extras(size, 0, "mine.py")
    assert extras(size, 1, preset="full") == set()


@pytest.mark.parametrize(
    ("kernels", "meant"),
    [
        ((), ["lookup", "lookup.bag", "scatter.rows", "scatter.dense"]),
        (["lookup"], ["lookup"]),
        (["lookup.bag"], ["lookup.bag"]),
        (["scatter"], ["scatter.rows", "scatter.dense"]),
        (["scatter.rows", "lookup"], ["lookup", "scatter.rows"]),
        (["scat"], []),
    ],
)
def test_a_kernel_is_meant_by_its_name_or_its_family(kernels: list[str], meant: list[str]) -> None:
    every = ["lookup", "lookup.bag", "scatter.rows", "scatter.dense"]
    assert [name for name in every if Selection(kernels).has_kernel(name)] == meant


@pytest.mark.parametrize(
    ("globs", "meant"),
    [
        ((), True),
        (["lookup/gather"], True),
        (["lookup/gather@V=1e4,*"], True),
        (["lookup/gather@V=1e5,*"], False),
        (["scatter*", "*/gather"], True),
        (["gather"], True),
        (["gath*"], True),
        (["lookup"], False),
        (["LOOKUP/gather"], False),
        ([""], False),
    ],
)
def test_a_case_is_meant_by_a_glob_of_it_or_of_its_name_without_size_or_kernel(globs: list[str], meant: bool) -> None:
    assert Selection(globs=globs).has_case("lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1") == meant
