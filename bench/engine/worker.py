"""A launch, from the inside: one fresh process that holds one problem and times its lanes round-robin.

Started by its path as a script. It says that it has started, reads a JSON specification, a line, from what was its
standard input, and writes one JSON event a line to what was its standard output; implementations may read and print as
much as they like, it comes from and goes nowhere.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

if __name__ == "__main__":  # this folder must not stand before the packages of the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import psutil

from bench.engine import limits, memory
from bench.engine.contract import (
    COMPILATION,
    OK,
    OUT_OF_MEMORY,
    PAST_LIMIT,
    WRONG,
    Verdict,
    check_contract,
    check_problem,
    compiling,
    describe,
)
from bench.engine.events import line_of
from bench.engine.lane import Lane, adapted, lane_of
from bench.engine.timing import Emit, calibrate, race
from bench.engine.verify import Failed, Verifier
from bench.engine.watch import Guard, names, patched
from impls import catalogue
from impls.case import Size
from impls.compiled import warm_up
from impls.interface import Implementation, Problem, has
from impls.words import Corpus

PROFILE_S = 0.02
"""Length of a line profile's time pass in a race."""
PROFILE_LIMIT_S = 2.5
"""What would take longer is not profiled in a race: two calls under a hook, or one under tracemalloc."""
STAGES_S = 0.05
"""Time in which a model's steps are taken to find out where their time goes."""


def main() -> None:
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    memory.end_with_parent()
    list(catalogue.own())
    warm_up()
    names()  # before any file from outside is loaded
    events.write(line_of("started", {}, ""))

    while line := orders.readline():  # none if it is not needed after all
        spec = json.loads(line)
        emit = teller(events, orders, spec["token"])
        try:
            MODES[spec["mode"]](spec, emit)
        except MemoryError:
            emit("failed", status=OUT_OF_MEMORY, reason=PAST_LIMIT)
        except Exception as error:
            emit("failed", status="error", reason=describe(error))


def teller(events: TextIO, orders: TextIO, token: str) -> Emit:
    """What tells an event, and after ``waits`` waits for the word to go on."""

    def emit(event: str, **facts: Any) -> None:
        events.write(line_of(event, facts, token))
        if event == "waits":
            orders.readline()

    return emit


def running() -> int:
    """Threads of this process and processes that it has started, as far as the system tells: more than at first were left behind."""
    tasks = Path("/proc/self/task")
    threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
    return threads + len(psutil.Process().children())


def listing(spec: dict[str, Any], emit: Emit) -> None:
    """List the implementations of two revisions."""
    from bench.engine import sources as inside

    inside.listing(spec, emit)


def pairs(spec: dict[str, Any], emit: Emit) -> None:
    """Race two revisions in pairs."""
    from bench.engine import sources as inside

    pin(spec["threads"], spec["cpu"])
    limit_memory(spec["memory_limit_bytes"])
    inside.launch(spec, emit)


def training(spec: dict[str, Any], emit: Emit) -> None:
    """Train word vectors on a whole text."""
    from bench.engine import training as inside

    pin(spec["threads"], spec["cpu"])
    limit_memory(spec["memory_limit_bytes"])
    (implementation,) = load(spec)
    inside.launch(spec, implementation, emit)


def contract(spec: dict[str, Any], emit: Emit) -> None:
    """Put implementations through their kernels' contracts, at awkward small sizes."""
    at_first = running()
    limit_memory(spec["memory_limit_bytes"])
    emit("stage", name="start", lane=None)
    corpus = Corpus.load(Path(spec["corpus"]))
    implementations = load(spec)
    at_load = names().put_back()
    for implementation in implementations:

        def begins(stage: str, patience: int, implementation: Implementation = implementation) -> None:
            emit("stage", name=stage, lane=implementation.key, patience=patience)

        verdict = check_contract(implementation, corpus, spec["seed"], begins)
        if changed := names().put_back() or (at_load if from_outside(implementation) else []):
            verdict = Verdict(WRONG, patched(changed))
        emit("verdict", lane=implementation.key, status=verdict.status, reason=verdict.reason)
    emit("done", clean=running() <= at_first)


def load(spec: dict[str, Any]) -> list[Implementation]:
    """The implementations that a specification names; installed packages are asked only if ours and the files lack one."""
    if "head" in spec:
        from bench.engine import sources as inside

        side = inside.load(spec["head"], "head")
        return [side.implementations[key] for key in spec["implementations"]]
    files = [Path(file) for file in spec["files"]]
    known = {i.key: i for i in catalogue.load(files, installed=False)}
    if any(key not in known for key in spec["implementations"]):
        known = {i.key: i for i in catalogue.load(files)}
    return [known[key] for key in spec["implementations"]]


def from_outside(implementation: Implementation) -> bool:
    """Whether it stands in a file or a package of somebody else."""
    return not implementation.function.__module__.startswith("impls.")


def profile(spec: dict[str, Any], emit: Emit) -> None:
    """Check one implementation at a size, and profile it line by line."""
    from bench.engine import lines  # imports nothing yet that the other modes would wait for

    size = Size.parse(spec["size"])
    pin(size.threads, spec["cpu"])
    limit_memory(spec["memory_limit_bytes"])
    (implementation,) = load(spec)
    emit("stage", name="inputs", lane=implementation.slug)
    problem = implementation.kernel.make(size, Corpus.load(Path(spec["corpus"])), np.random.default_rng(spec["seed"]))
    emit("stage", name="the check", lane=implementation.slug)
    verdict = check_problem(implementation, problem, *implementation.start(problem))
    problem.reset()
    emit("stage", name="the profile", lane=implementation.slug)
    found = lines.profile(implementation, problem, limit_s=spec["time_limit_s"] / 4)  # of which it has up to three
    emit("profile", status=verdict.status, reason=verdict.reason, **found)
    emit("done")


def weigh_machine(spec: dict[str, Any], emit: Emit) -> None:
    """Measure what the machine can do."""
    pin(spec["threads"], spec["cpu"])
    emit("stage", name="the machine's limits", lane=None)
    emit("waits")
    emit("limits", **limits.measure(spec["largest"], spec["dtypes"]), blas_threads=blas_threads())
    emit("done", clean=True)


def launch(spec: dict[str, Any], emit: Emit) -> None:
    """Make the problem, let each lane in, time them all, and weigh their memory if asked to.

    Each launch has inputs of its own, and begins elsewhere in the ring.
    """
    at_first = running()
    size = Size.parse(spec["size"])
    pin(size.threads, spec["cpu"])
    limit_memory(spec["memory_limit_bytes"])
    emit("stage", name="inputs", lane=None)
    implementations = load(spec)
    if changed := names().put_back():
        for implementation in filter(from_outside, implementations):
            emit("out", lane=implementation.slug, status=WRONG, reason=f"{patched(changed)} when its file is loaded")
            return
    gc.collect()
    gc.freeze()  # modules are gone through once: no garbage comes from them, and numba's alone take 80 ms each time
    corpus, seed = Corpus.load(Path(spec["corpus"])), [spec["seed"], spec["launch"]]
    problem = implementations[0].kernel.make(size, corpus, np.random.default_rng(seed))
    emit("problem", touched=problem.touched, batches=len(problem.batches))
    guard = Guard(implementations[0].kernel, problem, spec["careful"])
    order, places = np.random.default_rng([*seed, 1]), np.random.default_rng([*seed, 2])
    first = int(order.integers(len(problem.batches)))
    lanes = []
    for at in order.permutation(len(implementations)):
        lane = let_in(implementations[at], problem, spec, emit, guard, first)
        if lane is None:
            return  # it may have changed what the others work on: they are launched again without it
        lanes.append(lane)
    emit("stage", name="compiling what limits are measured by", lane=None, patience=COMPILATION)
    lanes += limits.floor_lanes(implementations[0].kernel, problem, first, spec["memory_limit_bytes"], spec["plan"])
    verifiers = {lane.name: Verifier(lane, places, guard if spec["careful"] else None) for lane in lanes}
    emit("waits")  # until nothing else runs
    try:
        for lane in lanes:
            emit("stage", name="calibration", lane=lane.name)
            calibrate(lane, spec, verifiers[lane.name])
        timed = race([[lane] for lane in lanes], order, verifiers, emit)
    except Failed as failure:
        emit("out", lane=failure.lane, status=failure.status, reason=failure.reason)
        return
    if reason := guard.blame(whole=True):  # by whom is found out in another launch, which looks after every sample
        emit("out", lane=implementations[0].slug if len(implementations) == 1 else None, status=WRONG, reason=reason)
        return
    for lane in lanes:
        wall, cpu = timed[lane.name]
        adapt_s = float(np.median(lane.adapt_s)) if lane.adapt_s else None
        plan = {"calls": lane.calls, "rounds": lane.rounds, "prepare_s": lane.prepare_s, "adapt_s": adapt_s}
        emit("timed", lane=lane.name, **plan, wall_s=wall, cpu_s=cpu)
    emit("raced")  # whatever happens from here on costs no times
    if spec["memory"]:
        tell_stages(lanes, problem, emit)
        lanes.clear()
        verifiers.clear()
        del lane  # the lanes' workspaces are let go, so that a child has room for its own
        problem.buffers.clear()
        raced = [i for i in implementations if i.slug in timed]
        weigh(raced, problem, spec["time_limit_s"], emit)
        call_s = {slug: float(np.median([one for one in wall if one is not None])) for slug, (wall, _) in timed.items()}
        profile_all([i for i in raced if i.slug in spec["profile"]], problem, call_s, emit)
    emit("done", clean=running() <= at_first)


def let_in(
    implementation: Implementation, problem: Problem, spec: dict[str, Any], emit: Emit, guard: Guard, place: int
) -> Lane | None:
    """Prepare a lane, and check it where asked; None if it is wrong or fails, which is told."""
    slug = implementation.slug
    emit("stage", name="prepare", lane=slug, patience=compiling(implementation))
    try:
        lane = lane_of(slug, implementation, problem, place=place)
        verdict, during = Verdict(OK), "in its prepare"
        reason = guard.blame()
        if not reason and spec["check"]:
            emit("stage", name="check", lane=slug)
            verdict, during = check_problem(implementation, problem, lane.function, lane.last), "in a call"
            problem.reset()
            reason = guard.blame()
        if reason:
            verdict = Verdict(WRONG, f"{reason} {during}")
        if verdict.status != OK:
            emit("out", lane=slug, status=verdict.status, reason=verdict.reason)
            return None
    except MemoryError:
        emit("out", lane=slug, status=OUT_OF_MEMORY, reason=PAST_LIMIT)
        return None
    except Exception as error:
        emit("out", lane=slug, status="error", reason=describe(error))
        return None
    lane.calls, lane.rounds = spec["plan"].get(slug) or (1, 0)
    return lane


def tell_stages(lanes: list[Lane], problem: Problem, emit: Emit) -> None:
    """Where a step's time goes, the median of some steps, for lanes whose model can tell. One that fails goes without."""
    for lane in lanes:
        for model in lane.last:
            if has(model, "stages"):
                emit("stage", name="the step's stages", lane=None)
                with contextlib.suppress(Exception):
                    emit("stages", lane=lane.name, seconds=stages_of(model, lane, problem))


def stages_of(model: Any, lane: Lane, problem: Problem) -> dict[str, float]:
    """Seconds in each stage of a step, medians of as many steps as fit into STAGES_S."""
    steps: list[dict[str, float]] = []
    until = time.perf_counter() + STAGES_S
    while not steps or time.perf_counter() < until:
        batch = problem.batches[len(steps) % len(problem.batches)]
        steps.append(model.stages(*(adapted(lane.adapt, lane.last, batch) if lane.adapt else batch)))
    return {name: float(np.median([step[name] for step in steps])) for name in steps[0]}


def weigh(implementations: list[Implementation], problem: Problem, time_limit_s: float, emit: Emit) -> None:
    """Measure memory, one child each. A child that fails costs its lane this figure, and not its times."""
    for implementation in implementations:
        emit("stage", name="memory", lane=None)
        found = memory.measure(implementation, problem, time_limit_s / 2)
        emit("memory", lane=implementation.slug, **found)


def profile_all(implementations: list[Implementation], problem: Problem, call_s: dict[str, float], emit: Emit) -> None:
    """Profile implementations line by line. One that is too slow or fails under a profiler keeps its times, and gets a reason.

    call_s: how long a call takes, by slug.
    """
    for implementation in implementations:
        emit("stage", name="the line profile", lane=None)
        emit("profile", lane=implementation.slug, **profile_of(implementation, problem, call_s[implementation.slug]))


def profile_of(implementation: Implementation, problem: Problem, call_s: float) -> dict[str, Any]:
    """A line profile, or ``why_not``."""
    from bench.engine import lines

    if implementation.no_lines:
        return {"why_not": implementation.no_lines}
    if 2 * call_s > PROFILE_LIMIT_S:
        return {"why_not": f"a call takes {call_s:.1f} s (w2vbench profile takes its time)"}
    try:
        return lines.profile(implementation, problem, PROFILE_S, PROFILE_LIMIT_S)
    except Exception as error:
        return {"why_not": describe(error)}


def blas_threads() -> int | None:
    """How many threads BLAS has in this process."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=None)


def pin(threads: int, cpu: int | None = None) -> None:
    """Keep a single-threaded worker on one CPU: a given one, or the last that it may use."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu if cpu in allowed else max(allowed)})


def limit_memory(limit_bytes: int) -> None:
    """Let no allocation go past the limit: it raises MemoryError, instead of the system killing what it likes."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    except (ImportError, ValueError, OSError):  # not on this system: the budget computed beforehand still holds
        pass


MODES = {
    "contract": contract,
    "race": launch,
    "profile": profile,
    "limits": weigh_machine,
    "listing": listing,
    "pairs": pairs,
    "train": training,
}

if __name__ == "__main__":
    main()
