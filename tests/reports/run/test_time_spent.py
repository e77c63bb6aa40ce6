"""Where a run's own time went."""

from __future__ import annotations

from w2vbench.reports.run.time_spent import LONGEST, time_spent

from tests import saved


def test_phases_with_their_longest_steps_and_kernels_with_the_longest_first() -> None:
    file = saved.result(
        phases=[
            {"name": "reading the text", "wall_s": 1.0},
            {
                "name": "all sizes, process 2",
                "wall_s": 3.0,
                "steps": {"timing": 2.0, "set-up": 0.5, "memory": 0.3, "start": 0.2},
            },
        ],
        problem_seconds={"lookup@V=1e4": 0.5, "scatter.dense@V=1e4": 2.0, "lookup@V=1e5": 1.5},
    )
    assert list(time_spent(file)) == [
        "phase                  time share  longest steps",
        "reading the text     1.00 s  25 %",
        "all sizes, process 2 3.00 s  75 %  timing 2.00 s, set-up 500 ms, memory 300 ms",
        "all                  4.00 s",
        "",
        "kernel          time share",
        "lookup        2.00 s  50 %",
        "scatter.dense 2.00 s  50 %",
        "",
        "A phase's steps are summed over its processes, some of which work side by side. A kernel's time is that of its measurements.",
    ]
    assert LONGEST == 3


def test_a_file_of_another_command_or_of_an_earlier_version_says_nothing_of_it() -> None:
    assert list(time_spent(saved.result())) == [
        "The file does not say where the time went: only those of w2vbench run do."
    ]
