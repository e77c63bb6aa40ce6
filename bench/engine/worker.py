"""A launch, from the inside: one fresh process that holds one problem and times its lanes round-robin.

Started by its path as a script. It says that it has started, reads a JSON specification, a line, from what was its
standard input, and writes one JSON event a line to what was its standard output; implementations may read and print as
much as they like, it comes from and goes nowhere.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TextIO

if __name__ == "__main__":  # this folder must not stand before the packages of the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np

from bench.check import OK, OUT_OF_MEMORY, PAST_LIMIT, check_contract, check_problem, describe
from bench.engine import limits, memory
from impls import catalogue
from impls.case import Size
from impls.interface import Implementation, Problem
from impls.words import Corpus

SLOW_S = 0.05
"""Of a call that takes longer, a launch has as many rounds as fit into its time; of a faster one at least three."""
PROFILE_S = 0.02
"""Length of a line profile's time pass in a race."""
ONCE_S = 0.5
"""A call that takes longer is not made again to find out how long it takes when warm."""

Emit = Callable[..., None]
Sampler = Callable[[Callable[..., Any], Iterator[tuple[Any, ...]], Any], tuple[int, int]]


@dataclass
class Lane:
    """An implementation in the race: its workspace, its place in the ring, and how often it is called a sample."""

    slug: str
    function: Callable[..., Any]
    workspace: Any
    ring: Iterator[tuple[Any, ...]]
    sample: Sampler
    calls: int = 1
    rounds: int = 0
    prepare_s: float = 0.0


def main() -> None:
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    memory.end_with_parent()
    catalogue.own()
    tell(events, "started", {})
    line = orders.readline()
    if not line:
        return  # not needed after all
    spec = json.loads(line)
    work = {"contract": contract, "race": launch, "profile": profile, "limits": weigh_machine}[spec["mode"]]

    def emit(event: str, **facts: Any) -> None:
        tell(events, event, facts)
        if event == "waits":
            orders.readline()

    try:
        work(spec, emit)
    except MemoryError:
        tell(events, "failed", {"status": OUT_OF_MEMORY, "reason": PAST_LIMIT})
    except Exception as error:
        tell(events, "failed", {"status": "error", "reason": describe(error)})


def tell(events: TextIO, event: str, facts: dict[str, Any]) -> None:
    events.write(json.dumps({"event": event, **facts}) + "\n")


def contract(spec: dict[str, Any], emit: Emit) -> None:
    """Put implementations through their kernels' contracts, at awkward small sizes."""
    limit_memory(spec["memory_limit_bytes"])
    emit("stage", name="start", lane=None)
    corpus = Corpus.load(Path(spec["corpus"]))
    for implementation in load(spec):
        emit("stage", name="the contract check", lane=implementation.key)
        verdict = check_contract(implementation, corpus, spec["seed"])
        emit("verdict", lane=implementation.key, status=verdict.status, reason=verdict.reason)
    emit("done")


def load(spec: dict[str, Any]) -> list[Implementation]:
    """The implementations that a specification names; installed packages are asked only if ours and the files lack one."""
    files = [Path(file) for file in spec["files"]]
    known = {i.key: i for i in catalogue.load(files, installed=False)}
    if any(key not in known for key in spec["implementations"]):
        known = {i.key: i for i in catalogue.load(files)}
    return [known[key] for key in spec["implementations"]]


def profile(spec: dict[str, Any], emit: Emit) -> None:
    """Check one implementation at a size, and profile it line by line."""
    from bench.engine import lines  # imports nothing yet that the other modes would wait for

    size = Size.parse(spec["size"])
    pin(size.threads)
    limit_memory(spec["memory_limit_bytes"])
    (implementation,) = load(spec)
    emit("stage", name="inputs", lane=implementation.slug)
    problem = implementation.kernel.make(size, Corpus.load(Path(spec["corpus"])), np.random.default_rng(spec["seed"]))
    emit("stage", name="the check", lane=implementation.slug)
    verdict = check_problem(
        implementation, problem, implementation.prepare(problem) if implementation.prepare else None
    )
    problem.reset()
    emit("stage", name="the profile", lane=implementation.slug)
    emit("profile", status=verdict.status, reason=verdict.reason, **lines.profile(implementation, problem))
    emit("done")


def weigh_machine(spec: dict[str, Any], emit: Emit) -> None:
    """Measure what the machine can do."""
    pin(spec["threads"])
    emit("stage", name="the machine's limits", lane=None)
    emit("waits")
    emit("limits", **limits.measure(spec["largest"], spec["row_bytes"], spec["dtypes"]), blas_threads=blas_threads())
    emit("done")


def launch(spec: dict[str, Any], emit: Emit) -> None:
    """Make the problem, let each lane in, time them all, and weigh their memory if asked to."""
    size = Size.parse(spec["size"])
    pin(size.threads)
    limit_memory(spec["memory_limit_bytes"])
    emit("stage", name="inputs", lane=None)
    implementations = load(spec)
    corpus = Corpus.load(Path(spec["corpus"]))
    problem = implementations[0].kernel.make(size, corpus, np.random.default_rng(spec["seed"]))
    emit("problem", touched=problem.touched, batches=len(problem.batches))
    order = np.random.default_rng([spec["seed"], spec["launch"]])
    lanes = []
    for at in order.permutation(len(implementations)):
        lane = let_in(implementations[at], problem, spec, emit)
        if lane is None:
            return  # it may have changed what the others work on: they are launched again without it
        lanes.append(lane)
    empty = sampler(len(implementations[0].kernel.parameters), False)
    lanes.append(Lane(limits.CALL, limits.nothing, None, cycle(problem.batches), empty))
    emit("waits")  # until nothing else runs
    calibrate_all(lanes, problem, spec, emit)
    race(lanes, problem, order, emit)
    emit("raced")  # whatever happens from here on costs no times
    if spec["memory"]:
        timed = {lane.slug for lane in lanes}
        lanes.clear()
        del lane  # the lanes' workspaces are let go, so that a child has room for its own
        problem.buffers.clear()
        raced = [i for i in implementations if i.slug in timed]
        weigh(raced, problem, spec["time_limit_s"], emit)
        if spec["profile"]:
            profile_all(raced, problem, emit)
    emit("done")


def let_in(implementation: Implementation, problem: Problem, spec: dict[str, Any], emit: Emit) -> Lane | None:
    """Prepare a lane, and check it where asked; None if it is wrong or fails, which is told."""
    slug = implementation.slug
    emit("stage", name="prepare", lane=slug)
    started = time.perf_counter()
    try:
        workspace = implementation.prepare(problem) if implementation.prepare else None
        prepared = time.perf_counter() - started
        if spec["check"]:
            emit("stage", name="check", lane=slug)
            verdict = check_problem(implementation, problem, workspace)
            problem.reset()
            if verdict.status != OK:
                emit("out", lane=slug, status=verdict.status, reason=verdict.reason)
                return None
    except MemoryError:
        emit("out", lane=slug, status=OUT_OF_MEMORY, reason=PAST_LIMIT)
        return None
    except Exception as error:
        emit("out", lane=slug, status="error", reason=describe(error))
        return None
    arity = len(implementation.kernel.parameters)
    lane = Lane(
        slug,
        implementation.function,
        workspace,
        cycle(problem.batches),
        sampler(arity, implementation.prepare is not None),
        prepare_s=prepared,
    )
    lane.calls, lane.rounds = spec["plan"].get(slug) or (1, 0)
    return lane


def sampler(arity: int, workspace: bool) -> Sampler:
    """A timing loop written out for a number of arguments, so that nothing stands between the clock and the function.

    It gives wall and CPU time (of all threads of the process) in nanoseconds.
    """
    names = [f"a{i}" for i in range(arity)]
    unpacked = f"({', '.join(names)},)" if names else "_"
    passed = ", ".join([*names, *(["workspace"] if workspace else [])])
    source = f"""
def sample(function, batches, workspace):
    cpu = cpu_clock()
    start = clock()
    for {unpacked} in batches:
        function({passed})
    end = clock()
    return end - start, cpu_clock() - cpu
"""
    scope: dict[str, Any] = {"clock": time.perf_counter_ns, "cpu_clock": time.process_time_ns}
    exec(compile(source, "<timing loop>", "exec"), scope)
    return scope["sample"]  # type: ignore[no-any-return]


def calibrate_all(lanes: list[Lane], problem: Problem, spec: dict[str, Any], emit: Emit) -> None:
    for lane in lanes:
        emit("stage", name="calibration", lane=lane.slug)
        calibrate(lane, problem, spec)


def calibrate(lane: Lane, problem: Problem, spec: dict[str, Any]) -> None:
    """Warm a lane up, and find how many calls fill a sample and how many rounds fit into its time, unless that is planned.

    The first call of a launch may take five times as long as the next one, since it brings memory in.
    """
    least_ns = spec["sample_s"] * 1e9

    def quicker_of(samples: int) -> int:  # of two, since an interrupted one would make all samples too short
        return min(lane.sample(lane.function, islice(lane.ring, lane.calls), lane.workspace)[0] for _ in range(samples))

    warm = quicker_of(1) if not lane.rounds else lane.sample(lane.function, islice(lane.ring, 1), lane.workspace)[0]
    if not lane.rounds:
        wall = warm if warm >= ONCE_S * 1e9 else quicker_of(2)
        while wall < least_ns and lane.calls < 1 << 20:
            lane.calls = max(lane.calls + 1, min(lane.calls * 10, int(lane.calls * 1.2 * least_ns / max(wall, 1)) + 1))
            wall = quicker_of(2)
        lane.rounds = rounds_for(wall / 1e9, spec)
    problem.reset()


def rounds_for(sample_s: float, spec: dict[str, Any]) -> int:
    """Rounds that a lane gets: what its time allows, but three if a sample takes less than SLOW_S, so that one spike is outvoted."""
    least = 3 if sample_s < SLOW_S else 1
    return int(np.clip(spec["lane_s"] / max(sample_s, 1e-9), min(least, spec["rounds"]), spec["rounds"]))


def race(lanes: list[Lane], problem: Problem, order: np.random.Generator, emit: Emit) -> None:
    """Time all lanes round after round, in a new random order each round; slow lanes sit out evenly spread rounds."""
    rounds = max((lane.rounds for lane in lanes), default=0)
    wall = {lane.slug: [None] * rounds for lane in lanes}
    cpu: dict[str, list[float | None]] = {lane.slug: [None] * rounds for lane in lanes}
    takes_part = {lane.slug: {(2 * i + 1) * rounds // (2 * lane.rounds) for i in range(lane.rounds)} for lane in lanes}
    gc.collect()
    gc.disable()
    for round_ in range(rounds):
        for at in order.permutation(len(lanes)):
            lane = lanes[at]
            if round_ not in takes_part[lane.slug]:
                continue
            emit("stage", name="race", lane=lane.slug)
            try:
                wall_ns, cpu_ns = lane.sample(lane.function, islice(lane.ring, lane.calls), lane.workspace)
            except Exception as error:
                emit(
                    "out",
                    lane=lane.slug,
                    status="out of memory" if isinstance(error, MemoryError) else "error",
                    reason=describe(error),
                )
                return
            problem.reset()
            wall[lane.slug][round_] = wall_ns / lane.calls / 1e9
            cpu[lane.slug][round_] = cpu_ns / lane.calls / 1e9
    gc.enable()
    for lane in lanes:
        emit(
            "timed",
            lane=lane.slug,
            calls=lane.calls,
            rounds=lane.rounds,
            prepare_s=lane.prepare_s,
            wall_s=wall[lane.slug],
            cpu_s=cpu[lane.slug],
        )


def weigh(implementations: list[Implementation], problem: Problem, time_limit_s: float, emit: Emit) -> None:
    """Measure memory, one child each. A child that fails costs its lane this figure, and not its times."""
    for implementation in implementations:
        emit("stage", name="memory", lane=None)
        found = memory.measure(implementation, problem, time_limit_s / 2)
        emit("memory", lane=implementation.slug, **found)


def profile_all(implementations: list[Implementation], problem: Problem, emit: Emit) -> None:
    """Profile implementations line by line. One that fails under a profiler goes without, and keeps its times."""
    from bench.engine import lines

    for implementation in implementations:
        emit("stage", name="the line profile", lane=None)
        try:
            found = lines.profile(implementation, problem, PROFILE_S)
        except Exception:
            continue
        emit("profile", lane=implementation.slug, **found)


def blas_threads() -> int | None:
    """How many threads BLAS has in this process."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=None)


def pin(threads: int) -> None:
    """Keep a single-threaded worker on one CPU, the last that it may use."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def limit_memory(limit_bytes: int) -> None:
    """Let no allocation go past the limit: it raises MemoryError, instead of the system killing what it likes."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    except (ImportError, ValueError, OSError):  # not on this system: the budget computed beforehand still holds
        pass


if __name__ == "__main__":
    main()
