"""What runs on a machine of a cluster, here in this process: it measures a problem, and goes on with it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from w2vbench.bench.engine import protocol
from w2vbench.bench.plans.cluster.messages import Check, Leave, Measure, Measured, Messages, Run
from w2vbench.bench.plans.cluster.remote import STATIONS, answer

from tests.bench.plans.cluster.in_process import request_of


def test_a_machine_goes_on_with_a_problem_in_further_processes(tmp_path: Path) -> None:
    """Also one that begins anew, as after its client was killed: what it needs is sent along."""
    text = tmp_path / "text"
    text.write_text("the cat sat on the mat and the dog sat on the cat\n" * 200)
    request = request_of(tmp_path / "out", (500,), processes=1, corpus=text, time_limit_s=60.0)
    (problem,) = request.problems()

    def answered(message: Messages) -> Measured:
        return protocol.decode(answer(protocol.encode(message)), Measured)

    def measured(run: Run, entry: dict[str, Any] | None = None, processes: int = 0) -> dict[str, Any]:
        found = answered(Measure(run=run, problem=problem.problem, entry=entry, processes=processes))
        assert len(found.checks) == 2
        return found.entry

    first, second = (Run(number=uuid.uuid4().hex, request=request) for _ in range(2))
    try:
        ready = answered(Check(run=first, first=True))
        assert (len(ready.checks), [one.threads for one in ready.limits]) == (1, [1])
        entry = measured(first)
        whole = measured(second, entry, 2)
    finally:
        answer(protocol.encode(Leave(number=second.number)))
    assert STATIONS == {}
    assert (entry["processes"], whole["processes"]) == (1, 2)
    assert whole["seconds"][:1] == entry["seconds"]
    for key, case in entry["cases"].items():
        also = whole["cases"][key]
        assert also["status"] == "ok", also["reason"]
        assert also["samples"][:1] == case["samples"]
        assert len(also["samples"]) == 2
        assert also["plan"]["calls"] == case["plan"]["calls"]
        assert also["memory"] == case["memory"]  # measured once
