"""What more threads gain: speed-ups, efficiency, the machine's memory, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
from w2vbench.reports.drawing.columns import NARROW, WIDTH
from w2vbench.reports.file.frame import frame
from w2vbench.reports.file.limits import roofline_limit
from w2vbench.reports.findings.answers import answers, at_one_size
from w2vbench.reports.findings.facts import usable_cpus
from w2vbench.reports.findings.scaling import threaded_problems
from w2vbench.reports.findings.surprises import surprises
from w2vbench.reports.run.lines import brief, problem_lines
from w2vbench.reports.run.markdown import as_markdown
from w2vbench.reports.run.page_data import page_data
from w2vbench.reports.run.scaling_lines import markdown_lines, other_answers, terminal_lines, threads_text
from w2vbench.reports.statistics.problems import Interval

from tests import golden_files, saved
from tests.reports.browser import on_threads
from tests.saved import Content, processes, row


def case(slug: str, threads: int, *walls: float, **more: Any) -> Content:
    return row(slug, processes(*walls), threads=threads, **more)


def test_a_speedup_is_over_the_fewest_threads_and_efficiency_is_its_share_of_them() -> None:
    rows = [case("gather", threads, *[wall] * 3) for threads, wall in ((8, 2.0), (2, 6.0), (4, 4.0))]
    (problem,) = threaded_problems(saved.result(*rows))
    (found,) = problem.scalings
    assert problem.threads == [2, 4, 8]
    speedups, efficiencies = ([getattr(point, name) for point in found.points] for name in ("speedup", "efficiency"))
    assert [one.estimate for one in speedups] == pytest.approx([1, 1.5, 3])
    assert [one.estimate for one in efficiencies] == pytest.approx([1, 0.75, 0.75])
    assert (efficiencies[1].low, efficiencies[1].high) == pytest.approx((0.75, 0.75))


def test_a_speedup_is_for_equal_work() -> None:
    """Threads split lines, and learn from fewer pairs at the cuts."""
    rows = [case("numba", threads, *[1.0] * 3, covers={"pairs": pairs}) for threads, pairs in ((1, 100.0), (2, 80.0))]
    (problem,) = threaded_problems(saved.result(*rows))
    assert problem.scalings[0].points[1].speedup.estimate == pytest.approx(0.8)


def test_two_processes_give_no_interval_and_one_number_of_threads_nothing() -> None:
    (problem,) = threaded_problems(saved.result(case("a", 1, 1.0, 1.0), case("a", 2, 0.5, 0.5)))
    speedup = problem.scalings[0].points[1].speedup
    assert speedup.estimate == pytest.approx(2.0)
    assert speedup.low is speedup.high is None
    alone = saved.result(case("a", 2, 1.0), case("b", 4, 1.0, V=1000))
    assert threaded_problems(alone) == page_data(alone)["threads"] == list(markdown_lines(alone)) == []
    assert list(terminal_lines(alone, at_one_size(alone), WIDTH)) == []


def test_what_gains_comes_first_and_noise_is_no_gain() -> None:
    (_, problem, *_) = threaded_problems(on_threads())
    assert [(one.slug, one.gains, one.loses) for one in problem.scalings] == [
        ("one-hot", True, False),
        ("one-hot-matmul", True, False),
        ("numba", False, True),
        ("gather", False, False),
    ]
    noisy = saved.result(case("a", 1, 1.0, 1.4, 2.0), case("a", 2, 0.7, 1.0, 1.6))
    assert not threaded_problems(noisy)[0].scalings[0].changes


def test_memory_is_compared_at_the_working_set_of_the_table() -> None:
    small, large, _ = threaded_problems(on_threads())
    assert large.memory["read"][0] == 1
    assert (
        1 < small.memory["read"][1] < large.memory["read"][1] < 13 / 8
    )  # a part comes from a cache, as fast on any number
    without = on_threads(limits_by_threads={})
    assert [one.memory for one in threaded_problems(without)] == [{}] * 3


def test_a_case_is_compared_with_the_limits_of_its_own_threads() -> None:
    work: Any = {"read_bytes": 4e6, "written_bytes": 0.0, "moves_more": True}
    rows = [case("mine", threads, 1e-3, **work) for threads in (1, 2, 4)]
    limits = {1: {"read": [[1e6, 8e9]]}, 2: {"read": [[1e6, 16e9]]}}
    several = saved.result(*rows, limits=limits[1], limits_by_threads=limits)
    found = [roofline_limit(one, several.w2vbench, Interval(1e-3)) for one in several.benchmarks]
    assert [one and one.share.estimate for one in found] == pytest.approx([0.5, 0.25, None])
    earlier = saved.result(rows[1], limits=limits[2])  # a file of one number of threads, which no field names
    alone = roofline_limit(earlier.benchmarks[0], earlier.w2vbench, Interval(1e-3))
    assert alone is not None
    assert alone.share.estimate == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("environment", "cpus"),
    [({}, None), ({"cpus_allowed": 4}, 4), ({"cpus_allowed": 4, "cpus_quota": 1.5}, 1.5), ({"cpus_quota": "?"}, None)],
)
def test_too_few_cpus_are_said_beside_the_threads(environment: dict[str, Any], cpus: float | None) -> None:
    assert usable_cpus(saved.result(environment=environment).w2vbench) == cpus
    said = [threads_text(threads, cpus) for threads in (1, 2, 8)]
    assert (
        said
        == {None: ["1", "2", "8"], 4: ["1", "2", "8 on 4 CPUs"], 1.5: ["1", "2 on 1.5 CPUs", "8 on 1.5 CPUs"]}[cpus]
    )


def test_too_few_cpus_are_said_below_every_table() -> None:
    result = on_threads()
    said = {
        str(problem).rpartition(",")[2]: "4 threads on 2 CPUs"
        in problem_lines(answers(result)[str(problem)], cases, result)
        for problem, cases in frame(result).groupby("problem")
    }
    assert said == {"t1": False, "t2": False, "t4": True}
    notes = {one["rest"]: one["note"].startswith("4 threads on 2 CPUs.") for one in page_data(result)["problems"]}
    assert list(notes.values()) == [False, False, True]


def test_an_answer_of_more_threads_is_another_only_if_that_is_known() -> None:
    def others(*walls: float) -> list[str]:
        rows = [case(slug, 1, *[1.0 + (slug == "b")] * 3) for slug in "ab"]
        rows += [case("a", 2, *walls), case("b", 2, 1.0, 1.0, 1.0)]
        return list(other_answers(threaded_problems(saved.result(*rows))[0]))

    assert others(2.0, 2.1, 1.9) == ["lookup on 2 threads: use b (1.00 s), not a."]
    assert others(1.0, 1.0, 1.0) == others(1.0, 2.0, 8.0) == []


def test_the_fewest_threads_are_shown_first_and_nothing_is_ranked_across_their_numbers() -> None:
    result = on_threads()
    assert {answer.size.threads for answer in at_one_size(result)} == {1}
    assert page_data(result)["start"]["rest"] == "f32,i64,zipf,t1"
    for answer in answers(result).values():
        assert len({one.extra_info.size.threads for one in answer.rows}) == 1
    assert {one.problem.rpartition(",")[2] for one in surprises(result)} <= {"t1"}


@pytest.mark.parametrize("width", [NARROW, WIDTH])
def test_lines_on_threads_fit_the_terminal(width: int) -> None:
    assert max(map(len, brief(on_threads(), width))) <= width


def test_what_threads_gain_reads_as_it_was_checked_by_eye() -> None:
    result = on_threads()
    few = saved.result(*(case("gather", threads, *[1e-5] * 3) for threads in (1, 2)))
    parts = [
        *(
            "\n".join(terminal_lines(one, at_one_size(one), width))
            for one, width in ((result, 100), (result, 80), (few, 100))
        ),
        as_markdown(result)[slice(*map(as_markdown(result).index, ("## On more threads", "\n## lookup")))],
    ]
    golden_files.check("threads.md", "\n\n".join(parts))
