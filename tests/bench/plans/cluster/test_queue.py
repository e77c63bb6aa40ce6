"""Which machine measures what: everything once, what is lost once more elsewhere, and what is in doubt too."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import example, given, settings
from hypothesis import strategies as st
from w2vbench.bench.plans.cluster.queue import Queue

PROBLEMS = ("one", "two", "three")


def queue_of(*problems: str) -> Queue:
    return Queue(deque(problems or PROBLEMS))


def test_what_is_lost_goes_to_another_machine_first_and_is_given_up_the_second_time() -> None:
    queue = queue_of()
    assert (queue.take("a"), queue.take("b")) == ("one", "two")
    assert queue.lose("a") == "one"
    assert queue.fate("one") == "; another machine measures that"
    queue.finish("b", "two")
    assert queue.take("b") == "one"
    assert queue.lose("b") == "one"
    assert queue.lost == {"one"}
    assert queue.fate("one") == "; it was lost before and is given up"
    assert queue.stranded([]) == ["three"]
    assert queue.give_up(["three"]) == ["three"]
    assert queue.finished


def test_a_machine_never_gets_again_what_it_has_lost() -> None:
    queue = queue_of("one", "two")
    queue.take("a")
    assert queue.lose("a", answers=True) == "one"
    assert queue.take("a") == "two"
    queue.finish("a", "two")
    assert queue.take("a") is None
    assert queue.stranded(["a"]) == ["one"]
    queue.forgive("a")
    assert queue.take("a") == "one"


def test_a_late_answer_counts_unless_another_machine_was_faster() -> None:
    queue = queue_of()
    assert (queue.take("a"), queue.take("b")) == ("one", "two")
    queue.lose("a")
    assert queue.finish("a", "one")
    queue.lose("b")
    assert queue.take("a") == "two"
    assert queue.finish("b", "two")
    assert not queue.finish("a", "two")
    assert queue.done == {"one", "two"}


def test_what_is_in_doubt_is_measured_again_by_another_once() -> None:
    queue = queue_of("one")
    queue.take("a")
    assert queue.finish("a", "one", doubtful=True)
    assert queue.take("a") is None
    assert queue.take("b") == "one"
    assert queue.finish("b", "one", doubtful=True)
    assert queue.finished


def test_what_is_in_doubt_stays_where_there_is_no_other_machine() -> None:
    queue = queue_of("one")
    queue.take("a")
    assert queue.finish("a", "one", doubtful=True, alone=True)
    assert queue.finished


def test_only_the_machine_that_has_measured_it_goes_on_with_a_problem() -> None:
    queue = Queue(deque(), done={*PROBLEMS})
    for machine, problem in (("a", "three"), ("a", "one"), ("b", "two")):
        queue.go_on(machine, problem)
    assert (queue.take("a"), queue.take("b"), queue.take("c")) == ("three", "two", None)
    assert queue.finish("a", "three")
    assert queue.take("a") == "one"
    assert not queue.finish("b", "two", doubtful=True)  # the earlier figures stay
    assert queue.finish("a", "one")
    assert queue.finished


def test_what_is_lost_while_a_machine_goes_on_with_it_stays_as_it_is() -> None:
    queue = Queue(deque(), done={*PROBLEMS})
    for problem in PROBLEMS:
        queue.go_on("a", problem)
    queue.take("a")
    assert queue.lose("a", answers=True) == "one"
    assert queue.fate("one") == "; its figures so far are kept"
    assert queue.take("a") == "two"
    assert queue.lose("a") == "two"
    assert queue.finished
    assert (queue.stranded([]), queue.given_up) == ([], set())


STEPS = st.lists(st.tuples(st.sampled_from(["finish", "doubt", "leave", "hang", "late", "join"]), st.integers(0, 5)))
UNTIL_DONE = [("join", 0), *[("finish", 0)] * 3] * 6


@settings(max_examples=200)
@given(STEPS, STEPS)
@example([("finish", 0), ("finish", 0), ("doubt", 0), ("leave", 0), ("hang", 0)], [("late", 0)])
def test_whatever_happens_each_problem_counts_once_and_nothing_is_forgotten(
    steps: list[tuple[str, int]], later: list[tuple[str, int]]
) -> None:
    """All that is left over is measured by machines that then join. At the end, machines go on with what they have measured."""
    queue, counted = queue_of(), Counter[str]()
    idle, under_way, late = ["m0", "m1", "m2"], dict[str, str](), dict[str, str]()
    measured_on: dict[str, str] = {}
    joined = 3
    for what, which in [*steps, *UNTIL_DONE, *[("go on", at) for at in range(3)], *later, *UNTIL_DONE]:
        under_way |= {machine: problem for machine in idle if (problem := queue.take(machine))}
        idle = [machine for machine in idle if machine not in under_way]
        assert len(under_way) == len({*under_way.values()}) or queue.losses or queue.repeated
        names = sorted(late if what == "late" else under_way)
        if what == "join":
            idle.append(f"m{joined}")
            joined += 1
        one = PROBLEMS[which % 3]
        if what == "go on" and measured_on.get(one) in {*idle, *under_way} and one not in queue.doubted:
            queue.go_on(measured_on[one], one)
        if what in ("join", "go on") or not names:
            continue
        machine = names[which % len(names)]
        if what == "leave":
            assert queue.lose(machine) == under_way.pop(machine)
        elif what == "hang":
            queue.lose(machine)
            late[machine] = under_way.pop(machine)
        else:
            problem = (late if what == "late" else under_way).pop(machine)
            repeats = queue.doubted.get(problem, machine) != machine
            goes_on = queue.under_way.get(machine) == (problem, True)
            assert not goes_on or measured_on[problem] == machine
            if queue.finish(machine, problem, doubtful=what == "doubt"):
                counted[problem] += not (repeats or goes_on)
                measured_on[problem] = machine
            idle.append(machine)
    assert queue.finished
    assert {*queue.done, *queue.given_up} == {*PROBLEMS}
    assert all(counted[one] == 1 for one in queue.done)
