"""Jobs and events as lines; and an implementation that writes into the engine's pipe ends only its own process."""

from __future__ import annotations

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import NotAnEvent, line_of, read_event, read_job

from tests.processes import ROOT, w2vbench, wait_until
from tests.tables import table

TIMED = protocol.Timed(
    variant="gather", calls=3, rounds=2, prepare_s=0.1, adapt_s=None, wall_s=[1e-6, None], cpu_s=[0.0, None]
)
DONE = line_of(protocol.Done(), "abc")


def test_a_job_comes_back_as_it_was_written() -> None:
    job = protocol.Measure(
        sources={"": protocol.ImplementationSource(files=("/caf\udce9.py",))},
        corpus="/corpus",
        kernel="lookup",
        size="V=1e3,H=4,B=1,f32,i64,zipf,t1",
        cases=((protocol.Variant(name="gather", key="lookup/gather", check=True),),),
        settings=protocol.MeasurementSettings(rounds=5, sample_s=0.001),
        options=protocol.MeasureOptions(process=2, plan={"gather": protocol.SamplePlan(calls=7, rounds=5)}),
    )
    assert read_job(line_of(job, "abc")) == (job, "abc")


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"garbage\n", b"\xff\xfe\n", b"1\n", b"null\n", b"[]\n", b"{}\n", b'"event"\n', b"9" * 5000),
        *(b'[{"type": "Done"}]\n', b'[5, "abc"]\n', b"x" + DONE, DONE[:-3], b"[" * 100_000),
        *(DONE.replace(b"Done", b"No"), DONE.replace(b"abc", b"abd")),
    ],
    ids=range(17),
)
def test_what_the_engine_has_not_written_is_no_event(line: bytes) -> None:
    assert line != DONE
    with pytest.raises(NotAnEvent):
        read_event(line, "abc")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_else(line: bytes) -> None:
    with pytest.raises(NotAnEvent):
        read_event(line, "abc")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much is in a pipe, and makes it small")
def test_a_worker_that_is_stopped_while_it_writes_loses_nothing_of_a_line() -> None:
    """As when a container is frozen: the system has then written a part, and leaves the rest to the program."""
    sources = {"base": protocol.ImplementationSource(), "head": protocol.ImplementationSource(files=("/nowhere.py",))}
    job = protocol.ListSources(sources=sources, corpus="", settings=protocol.MeasurementSettings())
    command = [sys.executable, str(ROOT / "bench/worker.py"), protocol.WITHOUT_NUMBA]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        pipe, worker = process.stdout.fileno(), psutil.Process(process.pid)
        page = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        process.stdin.write(line_of(job, "abc"))
        assert read_event(process.stdout.readline(), "") == protocol.Started()
        assert isinstance(read_event(process.stdout.readline(), "abc"), protocol.StepBegins)
        wait_until(lambda: in_pipe(pipe) == page)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: worker.status() != psutil.STATUS_STOPPED)
        process.stdin.close()
        events = [read_event(line, "abc") for line in process.stdout.read().splitlines()]
    ours, theirs = (event for event in events if isinstance(event, protocol.SourceListed))
    assert len(ours.implementations) > 100
    assert "/nowhere.py" in theirs.error
    assert isinstance(events[-1], protocol.Done)


def in_pipe(pipe: int) -> int:
    """How many bytes wait to be read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


SOURCES = table("measured")
ASKED = shlex.split(
    "run --kernel lookup --only lookup/mine@* --only lookup/scribbles* --vocab 500 --batch 10 --impl mine.py"
)


def test_an_implementation_that_writes_into_the_engines_pipe_crashes_alone(tmp_path: Path) -> None:
    """In its contract, or in the problem, where it is measured beside others."""
    scribbles = SOURCES["scribbles"].format
    soon = scribbles(slug="scribbles_soon", text=b"\xff\n", after=0)
    late = scribbles(slug="scribbles_late", text=b'[{"type": "Done"}, "no"]\n', after=40)
    (tmp_path / "mine.py").write_text(SOURCES["writes_nowhere"] + soon + late)
    done = w2vbench(*ASKED, "--hidden", "4", "--processes", "1", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    assert {row["extra_info"]["implementation"] for row in content["benchmarks"]} == {"one-hot-dot", "mine"}
    lost = {one["implementation"]: one for one in content["w2vbench"]["not_measured"]}
    assert lost.keys() == {"scribbles_soon", "scribbles_late"}
    for one in lost.values():
        assert one["status"] == "crashed"
        assert "wrote into the engine's own pipe" in one["reason"]
