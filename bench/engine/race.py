"""A race, from the outside: several launches of a worker, watched, and repeated without a lane that brings one down."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.check import OK, Verdict
from impls.case import Case, Size
from impls.interface import Implementation, array_bytes

from .limits import READ

WORKER = Path(__file__).with_name("worker.py")
BASE_BYTES = 300 << 20
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Settings:
    """How races are run. Times in seconds, memory in bytes.

    launches: fresh processes a race. rounds: samples a lane and launch, at most. sample_s: least time of a sample.
    lane_s: time that a lane may take in a launch; slower ones get fewer rounds. time_limit_s: longest that a single
    step of a lane may take. memory_limit_bytes: most that a worker may hold.
    """

    launches: int = 3
    rounds: int = 12
    sample_s: float = 0.002
    lane_s: float = 0.04
    time_limit_s: float = 30.0
    memory_limit_bytes: int = 3 << 30
    seed: int = 0
    limits: bool = False


@dataclass
class LaneResult:
    """All that was measured of one case. wall_s, cpu_s: for each launch, seconds a call of each round (None: sat out).
    plan: calls a sample, rounds a launch."""

    implementation: Implementation
    case: Case
    status: str = "ok"
    reason: str = ""
    wall_s: list[list[float | None]] = field(default_factory=list)
    cpu_s: list[list[float | None]] = field(default_factory=list)
    prepare_s: list[float] = field(default_factory=list)
    plan: list[int] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass
class RaceResult:
    """One problem's race. touched: distinct rows a batch. read_s: the read lane's figures, as in LaneResult; read_bytes: what it reads."""

    problem: str
    lanes: list[LaneResult]
    touched: float = 0.0
    batches: int = 0
    read_s: list[list[float | None]] = field(default_factory=list)
    read_bytes: int = 0
    wall_s: float = 0.0


class Died(Exception):
    """A launch that did not reach its end: lane (None if no lane is to blame), status and reason."""

    def __init__(self, lane: str | None, status: str, reason: str) -> None:
        super().__init__(reason)
        self.lane, self.status, self.reason = lane, status, reason


def run_contract(
    implementations: Sequence[Implementation],
    corpus: Path,
    files: Sequence[Path],
    settings: Settings,
    note: Callable[[str], None] = lambda key: None,
) -> dict[str, Verdict]:
    """Put implementations through their kernels' contracts, in a process of their own: a verdict for each key.

    One that brings the process down is told so, and the rest go on in another. note is told each key in turn.
    """
    verdicts: dict[str, Verdict] = {}
    while waiting := [i.key for i in implementations if i.key not in verdicts]:
        note(waiting[0])
        try:
            for event in watch(specification("contract", waiting, corpus, files, settings), 1, settings.time_limit_s):
                if event["event"] == "verdict":
                    verdicts[event["lane"]] = Verdict(event["status"], event["reason"])
                    note(event["lane"])
        except Died as death:
            for key in [death.lane] if death.lane else waiting:
                verdicts[key] = Verdict(death.status, death.reason)
    return verdicts


def run_profile(
    implementation: Implementation, size: Size, corpus: Path, files: Sequence[Path], settings: Settings
) -> dict[str, Any]:
    """Profile one implementation line by line, in a process of its own. Raises Died."""
    spec = {**specification("profile", [implementation.key], corpus, files, settings), "size": str(size)}
    return next(event for event in watch(spec, size.threads, settings.time_limit_s) if event["event"] == "profile")


def specification(
    mode: str, keys: Sequence[str], corpus: Path, files: Sequence[Path], settings: Settings
) -> dict[str, Any]:
    """What every worker is told."""
    return {
        "mode": mode,
        "implementations": list(keys),
        "corpus": str(corpus),
        "files": [str(file) for file in files],
        "seed": settings.seed,
        "memory_limit_bytes": settings.memory_limit_bytes,
    }


def run_race(
    implementations: Sequence[Implementation],
    size: Size,
    corpus: Path,
    files: Sequence[Path],
    settings: Settings,
    verdicts: dict[str, Verdict] | None = None,
    note: Callable[[int], None] = lambda launch: None,
) -> RaceResult:
    """Race the implementations of one kernel at one size.

    verdicts: what the contract said, by key; those that are not ok stay out, with its reason. note is told the number
    of each launch that begins.
    """
    started = time.perf_counter()
    lanes = {i.slug: LaneResult(i, i.case(size)) for i in implementations}
    result = RaceResult(next(iter(lanes.values())).case.problem, list(lanes.values()))
    for lane in lanes.values():
        admit(lane, size, settings, (verdicts or {}).get(lane.implementation.key, Verdict(OK)))
    make_room(list(lanes.values()), size, settings)
    launch = 0
    while launch < settings.launches and (racing := [slug for slug, lane in lanes.items() if lane.status == "ok"]):
        note(launch)
        spec = {
            **specification("race", [lanes[slug].implementation.key for slug in racing], corpus, files, settings),
            "size": str(size),
            "launch": launch,
            "rounds": settings.rounds,
            "sample_s": settings.sample_s,
            "lane_s": settings.lane_s,
            "check": launch == 0,
            "memory": launch == settings.launches - 1,
            "time_limit_s": settings.time_limit_s,
            "limits": settings.limits,
            "plan": {slug: lanes[slug].plan for slug in racing},
        }
        try:
            events = list(watch(spec, size.threads, settings.time_limit_s))
        except Died as death:
            # the launch is discarded, and run again without the lane at fault
            if death.lane == READ:
                settings = replace(settings, limits=False)
                continue
            for slug in [death.lane] if death.lane in lanes else racing:
                lanes[slug].status, lanes[slug].reason = death.status, death.reason
            continue
        out = [event for event in events if event["event"] == "out" and event["lane"] in lanes]
        for event in out:
            lanes[event["lane"]].status, lanes[event["lane"]].reason = event["status"], event["reason"]
        if events[-1]["event"] != "done":
            continue
        for event in events:
            collect(event, lanes, result)
        launch += 1
    result.wall_s = time.perf_counter() - started
    return result


def admit(lane: LaneResult, size: Size, settings: Settings, verdict: Verdict) -> None:
    """Keep out what failed the contract, and what would not fit into memory: each with its reason."""
    implementation = lane.implementation
    needed = inputs_bytes(implementation, size) + array_bytes(implementation.makes, size)
    if verdict.status != OK:
        lane.status, lane.reason = verdict.status, verdict.reason
    elif needed > settings.memory_limit_bytes:
        lane.status = "skipped"
        lane.reason = f"needs about {needed / 1e9:.1f} GB of memory, of {settings.memory_limit_bytes / 1e9:.1f} GB allowed (--memory-limit)"


def inputs_bytes(implementation: Implementation, size: Size) -> int:
    """What a worker holds of a kernel's problem: its inputs, and what its check makes beside them."""
    return BASE_BYTES + array_bytes(implementation.kernel.holds, size) + array_bytes(implementation.kernel.checks, size)


def make_room(lanes: Sequence[LaneResult], size: Size, settings: Settings) -> None:
    """Workspaces of a race are held all at once: where they do not fit together, the largest stay out."""
    held = [lane for lane in lanes if lane.status == "ok" and lane.implementation.prepare]
    while held:
        workspaces = sum(array_bytes(lane.implementation.makes, size) for lane in held)
        needed = inputs_bytes(held[0].implementation, size) + workspaces
        if needed <= settings.memory_limit_bytes:
            return
        largest = max(held, key=lambda lane: array_bytes(lane.implementation.makes, size))
        held.remove(largest)
        largest.status = "skipped"
        largest.reason = (
            f"beside the others' workspaces the race needs about {needed / 1e9:.1f} GB of memory, "
            f"of {settings.memory_limit_bytes / 1e9:.1f} GB allowed (--memory-limit; or race it alone with --only)"
        )


def collect(event: dict[str, Any], lanes: dict[str, LaneResult], result: RaceResult) -> None:
    """Take one event of a launch that went well into the race's results."""
    if event["event"] == "problem":
        result.touched, result.batches, result.read_bytes = event["touched"], event["batches"], event["largest_bytes"]
    elif event["event"] == "timed" and event["lane"] == READ:
        result.read_s.append(event["wall_s"])
    elif event["event"] == "timed":
        lane = lanes[event["lane"]]
        lane.wall_s.append(event["wall_s"])
        lane.cpu_s.append(event["cpu_s"])
        lane.prepare_s.append(event["prepare_s"])
        lane.plan = [event["calls"], event["rounds"]]
    elif event["event"] == "memory":
        lanes[event["lane"]].memory = {key: value for key, value in event.items() if key not in ("event", "lane")}


def watch(spec: dict[str, Any], threads: int, time_limit_s: float) -> Iterator[dict[str, Any]]:
    """Start a worker and give its events. Raises Died if it crashes, fails, or takes too long over one step."""
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
    }
    worker = subprocess.Popen(
        [sys.executable, str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=pump, args=(worker.stdout, lines), daemon=True).start()
    lane, stage = None, "start"
    try:
        assert worker.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.write(json.dumps(spec).encode())
            worker.stdin.close()
        while True:
            try:
                line = lines.get(timeout=time_limit_s)
            except queue.Empty:
                raise Died(lane, "timeout", f"{stage} took longer than {time_limit_s:g} s (--time-limit)") from None
            if line is None:
                break
            event = json.loads(line)
            if event["event"] == "stage":
                lane, stage = event["lane"], event["name"]
            elif event["event"] == "failed":
                raise Died(lane, event["status"], event["reason"])
            else:
                yield event
                if event["event"] in ("done", "out"):
                    return
        try:
            code = worker.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            raise Died(lane, "timeout", f"the process went silent during {stage}") from None
        raise Died(lane, "crashed", f"the process ended during {stage} with {ending(code)}")
    finally:
        stop(worker)


def pump(pipe: Any, lines: queue.Queue[str | None]) -> None:
    """Move a worker's lines into a queue, so that waiting for them costs the measuring machine nothing."""
    with contextlib.suppress(ValueError, OSError):
        for line in pipe:
            lines.put(line.decode())
    lines.put(None)


def stop(worker: subprocess.Popen[bytes]) -> None:
    """End a worker and all that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.pid, signal.SIGKILL)
    else:
        worker.kill()
    worker.wait()
    if worker.stdout:
        worker.stdout.close()


def ending(code: int) -> str:
    """How a process ended, in words: ``exit code 3`` or ``signal SIGSEGV``."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
