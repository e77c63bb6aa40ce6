"""Which machine measures what: every kind everything, what is lost once more, and never two at once on a computer."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st
from w2vbench.bench.plans.cluster.scheduler import Fleet

EXPERIMENTS = ("one", "two", "three")


def fleet_with(*machines: str, kind: str = "k") -> Fleet[str]:
    fleet = Fleet[str](EXPERIMENTS)
    fleet.add_kind(kind)
    for machine in machines:
        fleet.add(machine, kind, machine)
    return fleet


def test_a_machine_gets_one_experiment_and_the_next_when_it_has_answered() -> None:
    fleet = fleet_with("a")
    assert list(fleet.assign()) == [("a", "one")]
    assert list(fleet.assign()) == []
    assert fleet.finish("a", "one")
    assert list(fleet.assign()) == [("a", "two")]


def test_what_was_done_before_is_not_measured_again() -> None:
    fleet = Fleet[str](EXPERIMENTS)
    fleet.add_kind("k", done=["one", "three"])
    fleet.add("a", "k", "a")
    assert list(fleet.assign()) == [("a", "two")]
    fleet.finish("a", "two")
    assert fleet.finished


def test_machines_on_one_computer_take_turns_whatever_their_kind() -> None:
    fleet = Fleet[str](EXPERIMENTS)
    for kind, machine in (("k", "a"), ("other", "b")):
        fleet.add_kind(kind)
        fleet.add(machine, kind, "computer")
    ((machine, experiment),) = fleet.assign()
    fleet.finish(machine, experiment)
    assert len(list(fleet.assign())) == 1


def test_what_is_lost_goes_to_another_machine_first_and_is_given_up_the_second_time() -> None:
    fleet = fleet_with("a", "b")
    assert dict(fleet.assign()) == {"a": "one", "b": "two"}
    assert fleet.remove("a") == "one"
    fleet.finish("b", "two")
    assert list(fleet.assign()) == [("b", "one")]
    assert fleet.remove("b") == "one"
    assert fleet.queues["k"].given_up == {"one": "lost on a and on b"}
    assert fleet.stranded() == {"k": ["three"]}
    assert fleet.give_up("k", ["three"], "nobody") == ["three"]
    assert fleet.finished


def test_a_machine_never_gets_again_what_it_has_lost() -> None:
    fleet = fleet_with("a")
    list(fleet.assign())
    assert fleet.lose("a", idle=True) == "one"
    assert [experiment for _, experiment in fleet.assign()] == ["two"]
    fleet.finish("a", "two")
    list(fleet.assign())
    fleet.finish("a", "three")
    assert list(fleet.assign()) == []
    assert fleet.stranded() == {"k": ["one"]}


def test_a_late_answer_counts_unless_another_machine_was_faster() -> None:
    fleet = fleet_with("a", "b")
    list(fleet.assign())
    fleet.lose("a")
    assert [machine for machine, _ in fleet.assign()] == []  # b is busy, and a has not answered
    assert fleet.finish("a", "one")
    fleet.lose("b")
    assert list(fleet.assign()) == [("a", "two")]
    assert fleet.finish("b", "two")
    assert not fleet.finish("a", "two")
    assert fleet.queues["k"].done == {"one", "two"}


def test_what_is_in_doubt_is_measured_again_by_another_once() -> None:
    fleet = fleet_with("a", "b")
    list(fleet.assign())
    assert fleet.finish("a", "one", doubtful=True)
    fleet.machines["a"].steady = False
    assert list(fleet.assign()) == []  # a steady one of its kind is busy
    fleet.finish("b", "two")
    assert list(fleet.assign()) == [("b", "one")]
    assert fleet.finish("b", "one", doubtful=True)
    assert list(fleet.assign()) == [("b", "three")]
    fleet.finish("b", "three")
    assert fleet.finished


def test_an_unsteady_machine_measures_where_no_steady_one_can() -> None:
    fleet = fleet_with("a")
    fleet.machines["a"].steady = False
    assert list(fleet.assign()) == [("a", "one")]
    fleet.finish("a", "one", doubtful=True)
    assert list(fleet.assign()) == [("a", "two")]


def test_only_the_machine_that_has_measured_it_goes_on_with_an_experiment() -> None:
    fleet = fleet_with("a", "b")
    list(fleet.assign())
    for machine, experiment in (("a", "one"), ("b", "two")):
        assert fleet.finish(machine, experiment)
    list(fleet.assign())
    assert fleet.finish("a", "three")
    for machine, experiment in (("a", "three"), ("a", "one"), ("b", "two")):
        fleet.go_on(machine, experiment)
    assert dict(fleet.assign()) == {"a": "three", "b": "two"}
    assert fleet.finish("a", "three")
    assert dict(fleet.assign()) == {"a": "one"}
    assert not fleet.finish("b", "two", doubtful=True)  # the earlier figures stay
    assert fleet.finish("a", "one")
    assert fleet.finished
    assert dict(fleet.assign()) == {}


def test_what_is_lost_while_a_machine_goes_on_with_it_stays_as_it_is() -> None:
    fleet = fleet_with("a", "b")
    for _ in range(3):
        for machine, experiment in fleet.assign():
            fleet.finish(machine, experiment)
    for experiment in EXPERIMENTS:
        fleet.go_on("a", experiment)
    list(fleet.assign())
    assert fleet.lose("a", idle=True) == "one"
    assert fleet.queues["k"].fate("one") == "; its figures so far are kept"
    assert dict(fleet.assign()) == {"a": "two"}
    assert fleet.remove("a") == "two"
    assert fleet.finished
    assert fleet.stranded() == {}
    assert fleet.queues["k"].given_up == {}


STEPS = st.lists(st.tuples(st.sampled_from(["finish", "doubt", "leave", "hang", "late", "join"]), st.integers(0, 5)))
UNTIL_DONE = [("join", 0), *[("finish", 0)] * 3] * 6


@settings(max_examples=200)
@given(STEPS, STEPS)
@example([("finish", 0), ("finish", 0), ("doubt", 0), ("leave", 0), ("hang", 0)], [("late", 0)])
def test_whatever_happens_each_experiment_counts_once_and_nothing_is_forgotten(
    steps: list[tuple[str, int]], later: list[tuple[str, int]]
) -> None:
    """All that is left over is measured by machines that then join. At the end, machines go on with what they have measured."""
    fleet, counted = fleet_with("m0", "m1", "m2"), Counter[str]()
    under_way: dict[str, str] = {}
    late: dict[str, str] = {}
    measured_on: dict[str, str] = {}
    joined = 3
    for what, which in [*steps, *UNTIL_DONE, *[("go on", at) for at in range(3)], *later, *UNTIL_DONE]:
        under_way |= dict(fleet.assign())
        assert len(under_way) == len({*under_way.values()}) or fleet.queues["k"].losses or fleet.queues["k"].repeated
        names = sorted(late if what == "late" else under_way)
        if what == "join":
            fleet.add(f"m{joined}", "k", f"m{joined}")
            joined += 1
        one = EXPERIMENTS[which % 3]
        on, in_doubt = measured_on.get(one), one in fleet.queues["k"].doubted
        if what == "go on" and on in fleet.machines and on not in late and not in_doubt:
            fleet.go_on(on, one)
        if what in ("join", "go on") or not names:
            continue
        machine = names[which % len(names)]
        if what == "leave":
            assert fleet.remove(machine) == under_way.pop(machine)
        elif what == "hang":
            fleet.lose(machine)
            late[machine] = under_way.pop(machine)
        else:
            experiment = (late if what == "late" else under_way).pop(machine)
            repeats = fleet.queues["k"].doubted.get(experiment, machine) != machine
            goes_on = fleet.machines[machine].goes_on and fleet.machines[machine].experiment == experiment
            assert not goes_on or measured_on[experiment] == machine
            if fleet.finish(machine, experiment, doubtful=what == "doubt"):
                counted[experiment] += not (repeats or goes_on)
                measured_on[experiment] = machine
    queue = fleet.queues["k"]
    assert fleet.finished
    assert {*queue.done, *queue.given_up} == {*EXPERIMENTS}
    assert all(counted[one] == 1 for one in queue.done)
