"""A run on several machines whose workers stand for machines: what is sent where, what is refused, lost, doubted, kept and resumed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from w2vbench.bench.engine.worker.checking import contract
from w2vbench.bench.plans.cluster.machines import ABSENT, MachineReport
from w2vbench.bench.plans.cluster.messages import Measured, Messages
from w2vbench.bench.plans.run.journal import JournalError
from w2vbench.bench.plans.run.request import NothingToKeep, PlanError

from tests.bench.plans.cluster.in_process import (
    Machine,
    Machines,
    measured,
    our_report,
    request_of,
    run_on,
    suite,
    three,
)

V_ = (500, 600, 700, 800)
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.usefixtures("with_a_small_text")


def test_every_kind_of_machine_measures_every_problem_each_whole_on_one(tmp_path: Path) -> None:
    machines = [*three(), Machine("d:1", kind="CPU B")]
    request = request_of(tmp_path / "out")
    cluster = Machines(machines, request)
    outputs, said = run_on(cluster, request)
    assert said == []
    assert outputs.exit_code == 0
    assert sorted(suite(one).kind.partition(",")[0] for one in outputs.kinds) == ["CPU A", "CPU B"]
    for one in outputs.kinds:
        assert suite(one).complete
        assert {V: len(on) for V, on in measured(one.result).items()} == dict.fromkeys(V_, 1)
        assert {len(row.extra_info.processes) for row in one.result.benchmarks} == {3}
    assert cluster.sent["Measure"] == 2 * len(V_)
    assert set(cluster.most_on.values()) == {1}
    assert not list((tmp_path / "out").glob("*/journal.jsonl"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"digests": our_report().digests | {"code of w2vbench": "ffffff"}}, "its code of w2vbench is another"),
        ({"digests": our_report().digests | {"text": ABSENT}}, "its text is absent"),
        ({"environment": our_report().environment | {"python": "3.12.1"}}, "python is 3.12.1, not 3.11.0"),
        (
            {"environment": our_report().environment | {"packages": {"numpy": "2.4.0"}}},
            "numba is absent, not 0.68.0",
        ),
        ({"settings": "NUMBA_OPT=0"}, "numba's settings are NUMBA_OPT=0, not absent"),
    ],
)
def test_a_machine_that_would_measure_other_code_is_refused_with_what_differs(
    changed: dict[str, Any], says: str, tmp_path: Path
) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines([Machine("a:1"), Machine("b:1", changed=changed)], request)
    outputs, said = run_on(cluster, request)
    assert said == [f"b:1 is refused: {says}"]
    assert outputs.exit_code == 0
    assert cluster.machines["b:1"].measured == []


def test_a_second_worker_on_a_computer_is_refused_or_measures_in_turn(tmp_path: Path) -> None:
    machines = [Machine("a:1", host="x"), Machine("a:2", host="x")]
    request = request_of(tmp_path / "out")
    refusing = Machines(machines, request)
    outputs, said = run_on(refusing, request)
    assert len(said) == 1
    assert "is a worker on the same computer" in said[0]
    assert sorted(len(one.measured) for one in machines) == [0, len(V_)]
    sharing = Machines([Machine("a:1", host="x"), Machine("a:2", host="x")], request)
    outputs, said = run_on(sharing, request, share_hosts=True)
    assert outputs.exit_code == 0
    assert sharing.most_on["x"] == 1
    assert said == []


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ({"leaves_at": 1}, "a:1 is gone while it measured lookup@V="),
        ({"hangs_at": 1}, "a:1 has not answered in time"),
        ({"fails_at": 1}, "a:1 could not measure lookup@V="),
    ],
)
def test_what_is_lost_on_one_machine_is_measured_by_another(lost: dict[str, Any], says: str, tmp_path: Path) -> None:
    time_limit_s = 0.02 if "hangs_at" in lost else 1.0
    request = request_of(tmp_path / "out", [*range(500, 1000, 50)], time_limit_s=time_limit_s)
    cluster = Machines(three(**lost), request)
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 0
    assert any(says in line and "another machine measures that" in line for line in said)
    where = measured(outputs.kinds[0].result)
    assert len(where) == 10
    again = cluster.machines["a:1"].measured[1]
    assert Counter(one for machine in cluster.machines.values() for one in machine.measured)[again] == 2


def test_a_machine_that_was_away_comes_back_and_nothing_counts_twice(tmp_path: Path) -> None:
    """It answers after its experiment was measured elsewhere, and then gets work again."""
    request = request_of(tmp_path / "out", [*range(500, 1100, 10)], time_limit_s=0.02)
    cluster = Machines(three(hangs_at=1, comes_back=True), request)
    outputs, _ = run_on(cluster, request)
    assert outputs.exit_code == 0
    (first,) = outputs.kinds
    assert len(measured(first.result)) == 60
    assert {len(row.extra_info.processes) for row in first.result.benchmarks} == {3}
    assert len(cluster.machines["a:1"].measured) > 2
    lost = cluster.machines["a:1"].measured[1]
    V = int(lost.partition("V=")[2].partition(",")[0])
    assert measured(first.result)[V] != {"a:1"}


def test_what_two_machines_are_lost_with_is_given_up_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not have been measured anyway has its own."""
    monkeypatch.setattr(contract, "missing", lambda one: ["absent"] if one.slug == "gather" else [])
    request = request_of(tmp_path / "out", (500,))
    machines = [Machine("a:1", leaves_at=0), Machine("b:1", leaves_at=0), Machine("c:1", joins_s=0.8)]
    outputs, said = run_on(Machines(machines, request), request)
    assert any("it was lost before and is given up" in line for line in said)
    (kind,) = outputs.kinds
    reasons = {one.implementation: (one.status, one.reason) for one in suite(kind).not_measured}
    assert reasons.pop("gather") == ("skipped", "needs absent: pip install absent")
    ((status, reason),) = reasons.values()
    assert (status, {*reason.removeprefix("lost on ").split(" and on ")}) == ("crashed", {"a:1", "b:1"})
    assert suite(kind).complete
    assert outputs.exit_code == 1


def test_a_kind_without_machines_leaves_its_journal_and_the_command_says_so(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines([Machine("a:1", leaves_at=2), Machine("b:1", kind="CPU B")], request)
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 3
    assert any("no machine is left that may measure 2 problems" in line for line in said)
    assert sorted(suite(one).complete for one in outputs.kinds) == [False, True]
    assert len(list((tmp_path / "out").glob("*/journal.jsonl"))) == 1

    again = Machines([Machine("c:1")], request)
    outputs, _ = run_on(again, request_of(tmp_path / "out", resume=True))
    assert outputs.exit_code == 0
    assert again.sent["Measure"] == 2
    assert {len(on) for on in measured(outputs.kinds[0].result).values()} == {1}


@pytest.mark.parametrize(
    ("unsteady", "says"),
    [
        ({"slower": 2.0}, "takes 2.0 times as long as others of its kind"),
        ({"difference": 0.2}, "times identical code 20 % apart (0.5 % elsewhere)"),
    ],
)
def test_what_an_unsteady_machine_measures_is_measured_again(
    unsteady: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept, whether it was so from the start or not."""
    request = request_of(tmp_path / "out", [*range(500, 900, 10)])
    cluster = Machines(three(), request)
    machine, measure = cluster.machines["a:1"], cluster.measure

    def changing(one: Machine, worker: Any, problem: str, processes: int) -> Measured:
        if one is machine and len(machine.measured) == 3:
            vars(machine).update(unsteady)
        return measure(one, worker, problem, processes)

    monkeypatch.setattr(cluster, "measure", changing)
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 0
    assert any(line.startswith("a:1 ") and says.split()[0] in line for line in said), said
    assert len(machine.measured) == 4
    (kind,) = outputs.kinds
    assert sum(on == {"a:1"} for on in measured(kind.result).values()) == 3
    assert not any(row.extra_info.doubt for row in kind.result.benchmarks)
    assert cluster.sent["Check"] > 0


def test_where_no_machine_can_repeat_it_what_is_in_doubt_is_marked(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines([Machine("a:1", difference=0.2)], request)
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 0
    assert "it is the only one of its kind, so what it measures is marked" in said[0]
    (kind,) = outputs.kinds
    assert all(row.extra_info.doubt for row in kind.result.benchmarks)
    assert any("4 problems measured there are in doubt" in line for line in suite(kind).warnings)
    assert suite(kind).machines[0].in_doubt == 4


def test_an_interrupted_client_keeps_what_is_finished_and_goes_on_from_it(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines(three(), request)
    cluster.interrupted_after = 2
    outputs, _ = run_on(cluster, request)
    assert outputs.exit_code == 130
    before = measured(outputs.kinds[0].result)
    assert not suite(outputs.kinds[0]).complete
    again = Machines(three(), request)
    outputs, _ = run_on(again, request_of(tmp_path / "out", resume=True))
    assert outputs.exit_code == 0
    assert again.sent["Measure"] == len(V_) - len(before)
    assert {V: on for V, on in measured(outputs.kinds[0].result).items() if V in before} == before


def test_a_scheduler_that_is_lost_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines([Machine("a:1")], request)
    cluster.ends_after = 2
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 3
    assert re.fullmatch("the scheduler at inproc://.* is gone: what is finished is kept", "\n".join(said))
    request = request_of(tmp_path / "other")
    cluster = Machines([Machine("a:1")], request)
    cluster.ends_after = 0
    heard: list[str] = []
    with pytest.raises(NothingToKeep, match=r"^the scheduler at .* is gone: no problem was finished") as error:
        run_on(cluster, request, heard=heard)
    assert (error.value.exit_code, heard) == (3, [])


def test_without_a_machine_that_can_be_used_the_command_ends(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    with pytest.raises(PlanError, match="no worker has joined within"):
        run_on(Machines([], request), request)
    other = Machine("a:1", changed={"settings": "NUMBA_OPT=0"})
    with pytest.raises(PlanError, match="no machine can be used: each of 1 worker is refused"):
        run_on(Machines([other], request), request)
    with pytest.raises(JournalError, match="no unfinished run"):
        run_on(Machines([], request), request_of(tmp_path / "out", resume=True))


def test_a_worker_without_w2vbench_is_refused_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines([Machine("a:1"), Machine("b:1")], request)
    answer_to = cluster.answer_to

    def without(message: Messages) -> MachineReport | Measured | None:
        if distributed.get_worker().name == "b:1":
            raise ModuleNotFoundError("No module named 'bench'")
        return answer_to(message)

    monkeypatch.setattr(cluster, "answer_to", without)
    outputs, said = run_on(cluster, request)
    assert re.fullmatch(r"inproc://\S+ is refused: w2vbench is not installed there", "\n".join(said))
    assert outputs.exit_code == 0


def test_another_kind_that_joins_late_measures_everything_too(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    machines: Sequence[Machine] = [Machine("a:1"), Machine("b:1", kind="CPU B", joins_s=0.05)]
    outputs, said = run_on(Machines(machines, request), request)
    assert (said, outputs.exit_code) == ([], 0)
    assert [len(measured(one.result)) for one in outputs.kinds] == [len(V_)] * 2


def test_a_journal_has_each_problem_once_for_each_time_it_counts(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    cluster = Machines(three(), request)
    cluster.ends_after = 4
    run_on(cluster, request)
    (file,) = (tmp_path / "out").glob("*/journal.jsonl")
    entries = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert [one["machine_limits"]["threads"] for one in entries if "machine_limits" in one] == [1, 1, 1]
    assert set(Counter(one["problem"] for one in entries if "problem" in one).values()) == {1}


def test_pages_and_warnings_name_machines(tmp_path: Path) -> None:
    saving = our_report().environment | {"governor": "powersave"}
    machines = [Machine("a:1"), Machine("b:1", changed={"environment": saving}), Machine("c:1", difference=0.2)]
    request = request_of(tmp_path / "out")
    outputs, _ = run_on(Machines(machines, request), request)
    (kind,) = outputs.kinds
    assert [line for line in suite(kind).warnings if line.startswith("b:1: the CPU frequency governor is powersave")]
    page = kind.paths[0].read_text()
    assert "a:1: " in page
    assert "A/A difference 0.50 %" in page
    assert "Measured on a:1." in page
    assert not outputs.pages


def test_several_kinds_end_with_a_page_of_all(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out")
    outputs, _ = run_on(Machines([Machine("a:1"), Machine("b:1", kind="CPU B")], request), request)
    assert [path.name for path in outputs.pages] == ["machines.html", "machines.md"]
    text = outputs.pages[1].read_text()
    assert "CPU A, 4 CPUs, 16 GiB, BLAS for Zen" in text
    assert "CPU B, 4 CPUs, 16 GiB, BLAS for Zen" in text


def test_a_machine_whose_tasks_fail_does_not_use_up_all_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk may be full. What it answers may be no answer."""
    request = request_of(tmp_path / "out", [*range(500, 900, 10)])
    cluster = Machines(three(), request)
    measure = cluster.measure

    def failing(one: Machine, worker: Any, problem: str, processes: int) -> Measured:
        if one.name == "a:1":
            raise OSError("no space left on device")
        found = measure(one, worker, problem, processes)
        return msgspec.structs.replace(found, checks=None) if one.name == "b:1" else found

    monkeypatch.setattr(cluster, "measure", failing)
    outputs, said = run_on(cluster, request)
    assert {line for line in said if "refused" in line} == {
        f"{name} is refused: 2 of its tasks in a row have failed" for name in ("a:1", "b:1")
    }
    assert any("its answer cannot be read" in line for line in said)
    assert outputs.exit_code == 0
    assert set(measured(outputs.kinds[0].result)) == {*range(500, 900, 10)}
