"""What runs on a machine of a fleet, here in this process: it measures a problem, and goes on with it."""

from __future__ import annotations

import pickle
import uuid
from pathlib import Path
from typing import Any

import msgspec
from w2vbench.bench.plans.cluster import remote
from w2vbench.bench.plans.cluster.remote import Further, Measured
from w2vbench.bench.plans.cluster.station import STATIONS, RemoteRun

from tests.fleet_machines import request_of


def test_a_machine_goes_on_with_a_problem_in_further_processes(tmp_path: Path) -> None:
    """Also one that begins anew, as after its client was killed: what it needs is sent along."""
    text = tmp_path / "text"
    text.write_text("the cat sat on the mat and the dog sat on the cat\n" * 200)
    request = request_of(tmp_path / "out", (500,), processes=1, corpus=text, time_limit_s=60.0)
    (problem,) = request.problems()

    def measured(run: RemoteRun, further: Further | None = None) -> dict[str, Any]:
        answer = remote.measure(pickle.dumps((run, problem.problem, further)))
        found = msgspec.json.decode(answer, type=Measured)
        assert len(found.checks) == 2
        return found.entry

    first, second = (RemoteRun(uuid.uuid4().hex, request) for _ in range(2))
    try:
        entry = measured(first)
        whole = measured(second, Further(entry, 2))
    finally:
        remote.leave(second.number.encode())
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
