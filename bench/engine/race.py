"""A race, from the outside: launches of a worker, each repeated without a lane that brings it down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.engine.contract import OK, Verdict
from impls.case import Case, Size
from impls.interface import Implementation, array_bytes
from reports.units import size_bytes

from .limits import FLOOR
from .workers import Died, Workers

BASE_BYTES = 300 << 20


@dataclass(frozen=True)
class Settings:
    """How races are run. Times in seconds, memory in bytes.

    launches: fresh processes a race. rounds: samples a lane and launch, at most. sample_s: least time of a sample.
    lane_s: time that a lane may take in a launch; slower ones get fewer rounds. time_limit_s: longest that a single
    step of a lane may take. memory_limit_bytes: most that a worker may hold. profile: whether each implementation is also
    profiled line by line, at one size.
    """

    launches: int = 3
    rounds: int = 12
    sample_s: float = 0.002
    lane_s: float = 0.04
    time_limit_s: float = 30.0
    memory_limit_bytes: int = 3 << 30
    seed: int = 0
    profile: bool = True


@dataclass(frozen=True)
class Track:
    """What races are run on: workers, the corpus in a folder, files with implementations from outside, and settings.
    cpu: which one workers of one thread are kept on. trees: where BASE and HEAD of a comparison are, as its workers are told."""

    workers: Workers
    corpus: Path
    files: tuple[Path, ...] = ()
    settings: Settings = Settings()
    cpu: int | None = None
    trees: dict[str, Any] = field(default_factory=dict)

    def specification(self, mode: str, keys: Sequence[str] = ()) -> dict[str, Any]:
        """What every worker is told."""
        return {
            "mode": mode,
            "implementations": list(keys),
            "corpus": str(self.corpus),
            "files": [str(file) for file in self.files],
            "seed": self.settings.seed,
            "cpu": self.cpu,
            "memory_limit_bytes": self.settings.memory_limit_bytes,
            **self.trees,
        }

    def contract(self, *keys: str, again: bool = False) -> Iterator[dict[str, Any]]:
        """The events of a process that puts implementations through their kernels' contracts. Raises Died."""
        return self.workers.work(self.specification("contract", keys), 1, self.settings.time_limit_s, again=again)


@dataclass
class LaneResult:
    """All that was measured of one case. wall_s, cpu_s: for each launch, seconds a call of each round (None: sat out).
    adapt_s: seconds that adapting a batch took, which are not counted. plan: calls a sample at most, rounds a launch."""

    implementation: Implementation
    case: Case
    status: str = OK
    reason: str = ""
    wall_s: list[list[float | None]] = field(default_factory=list)
    cpu_s: list[list[float | None]] = field(default_factory=list)
    prepare_s: list[float] = field(default_factory=list)
    adapt_s: list[float] = field(default_factory=list)
    plan: list[int] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)


@dataclass
class RaceResult:
    """One problem's race.

    launches: how many are finished. floors: wall_s and cpu_s of each launch, for a function that does nothing (``call``)
    and for those that only move what must be moved; plans: calls a sample and rounds of these, by lane. touched: distinct
    rows a batch, mean over launches. batches: length of the ring.
    """

    problem: str
    size: Size
    lanes: list[LaneResult]
    launches: int = 0
    floors: dict[str, list[dict[str, list[float | None]]]] = field(default_factory=dict)
    plans: dict[str, list[int]] = field(default_factory=dict)
    touched: float = 0.0
    batches: int = 0

    @property
    def racing(self) -> dict[str, LaneResult]:
        """The lanes that have not fallen out, by slug."""
        return {lane.implementation.slug: lane for lane in self.lanes if lane.status == OK}


class Named(Protocol):
    """All that the contract's caller needs to know of an implementation."""

    @property
    def key(self) -> str: ...


SPARES = 4
"""Processes that wait for their turn at most: 0.2 GB each."""
TOGETHER = 6
"""Implementations of ours that a process checks before it asks for more: some take a hundred times as long as others."""


def run_contract(
    implementations: Sequence[Named], track: Track, note: Callable[[str], None] = lambda key: None
) -> dict[str, Verdict]:
    """Put implementations through their kernels' contracts, in processes of their own: a verdict for each key.

    Nothing is timed, so every CPU is used. note is told each key in turn.
    """
    cpus = len(track.workers.cpus) or os.cpu_count() or 1
    keys = [i.key for i in implementations]
    again = not track.files and not track.trees  # what others have written is loaded once a process
    shares = (
        [keys[at : at + TOGETHER] for at in range(0, len(keys), TOGETHER)]
        if again
        else [keys[at::cpus] for at in range(cpus)]
    )
    verdicts: dict[str, Verdict] = {}
    with ThreadPoolExecutor(cpus) as pool:
        try:
            for found in pool.map(lambda share: judge(share, track, note, again), shares):
                verdicts.update(found)
        except BaseException:
            track.workers.close()  # an interrupted run must not wait for them
            raise
    return {i.key: verdicts[i.key] for i in implementations}


def judge(keys: Sequence[str], track: Track, note: Callable[[str], None], again: bool = False) -> dict[str, Verdict]:
    """The contract in one process. An implementation that brings it down is told so; the rest go on in another.

    again: whether the process may have checked others before.
    """
    verdicts: dict[str, Verdict] = {}
    while waiting := [key for key in keys if key not in verdicts]:
        note(waiting[0])
        try:
            for event in track.contract(*waiting, again=again):
                if event["event"] == "verdict":
                    verdicts[event["lane"]] = Verdict(event["status"], event["reason"])
                    note(event["lane"])
        except Died as death:
            for key in [death.lane] if death.lane else waiting:
                verdicts[key] = Verdict(death.status, death.reason)
    return verdicts


def run_profile(implementation: Implementation, size: Size, track: Track) -> dict[str, Any]:
    """Profile one implementation line by line, in a process of its own. Raises Died."""
    limit_s = track.settings.time_limit_s
    spec = {**track.specification("profile", [implementation.key]), "size": str(size), "time_limit_s": limit_s}
    events = track.workers.work(spec, size.threads, limit_s)
    return next(event for event in events if event["event"] == "profile")


def run_limits(sizes: Sequence[Size], track: Track) -> dict[str, Any] | None:
    """What the machine can do, at the working sets and dtypes of some sizes; None if it could not be found out."""
    spec = {
        **track.specification("limits"),
        "largest": max(size.V * size.H * size.float_type.itemsize for size in sizes),
        "dtypes": sorted({size.dtype for size in sizes}),
        "threads": sizes[0].threads,
    }
    try:
        events = list(track.workers.work(spec, sizes[0].threads, track.settings.time_limit_s, again=True))
    except Died:
        return None
    return next({k: v for k, v in event.items() if k != "event"} for event in events if event["event"] == "limits")


def enter(
    implementations: Sequence[Implementation],
    size: Size,
    settings: Settings,
    verdicts: dict[str, Verdict] | None = None,
) -> RaceResult:
    """A race of implementations of one kernel at one size, before its first launch.

    verdicts: what the contract said, by key; those that are not ok stay out, with its reason, as do those that would
    not fit into memory.
    """
    lanes = [LaneResult(i, i.case(size)) for i in implementations]
    for lane in lanes:
        admit(lane, size, settings, (verdicts or {}).get(lane.implementation.key, Verdict(OK)))
    make_room(lanes, size, settings)
    return RaceResult(lanes[0].case.problem, size, lanes)


def run_launch(race: RaceResult, track: Track, profiled: Sequence[str] = ()) -> None:
    """Run the next launch of a race: a fresh worker times all its lanes. The first one checks and weighs them too, and
    profiles those whose slugs are given.

    A launch that goes wrong is discarded and run again without the lane at fault, which keeps the reason.
    """
    settings, first, careful = track.settings, race.launches == 0, False
    while racing := race.racing:
        spec = {
            **track.specification("race", [lane.implementation.key for lane in racing.values()]),
            "size": str(race.size),
            "launch": race.launches,
            "careful": careful,
            "rounds": settings.rounds,
            "sample_s": settings.sample_s,
            "lane_s": settings.lane_s,
            "check": first,
            "memory": first,
            "profile": list(profiled) if first else [],
            "time_limit_s": settings.time_limit_s,
            "plan": {**race.plans, **{slug: lane.plan for slug, lane in racing.items()}},
        }
        events: list[dict[str, Any]] = []
        try:
            ours = all(lane.implementation.function.__module__.startswith("impls.") for lane in racing.values())
            for event in track.workers.work(spec, race.size.threads, settings.time_limit_s, ahead=True, again=ours):
                events.append(event)  # what came before a death counts
                if event["event"] == "raced" and first:  # what is left takes no times: the next processes can start
                    left = settings.launches - 1
                    track.workers.begin(race.size.threads, min(len(track.workers.spares) + 1, left, SPARES))
        except Died as death:
            if any(event["event"] == "raced" for event in events):  # it died while weighing: times are there
                keep(events, race)
                excuse(racing, profiled if first else (), f"{death.status}: {death.reason}")
                break
            for slug in [death.lane] if death.lane in racing else racing:
                racing[slug].status, racing[slug].reason = death.status, death.reason
            continue
        for event in events:
            if event["event"] == "out":
                at_fault = [event["lane"]] if event["lane"] else racing if careful else []
                for slug in at_fault:
                    racing[slug].status, racing[slug].reason = event["status"], event["reason"]
                careful |= not at_fault  # one of them changed what all work on
        if events[-1]["event"] == "done":
            keep(events, race)
            break
    race.launches += 1


def run_race(
    implementations: Sequence[Implementation], size: Size, track: Track, verdicts: dict[str, Verdict] | None = None
) -> RaceResult:
    """All launches of one race, one after another."""
    race = enter(implementations, size, track.settings, verdicts)
    while race.launches < track.settings.launches:
        run_launch(race, track)
    return race


def admit(lane: LaneResult, size: Size, settings: Settings, verdict: Verdict) -> None:
    """Keep out what failed the contract, and what would not fit into memory: each with its reason."""
    implementation = lane.implementation
    needed = inputs_bytes(implementation, size) + arrays_bytes(implementation, size)
    if verdict.status != OK:
        lane.status, lane.reason = verdict.status, verdict.reason
    elif implementation.kernel.least > size.B:
        lane.status = "skipped"
        lane.reason = f"B = {size.B} is too little to work on: --batch {implementation.kernel.least} or more"
    elif needed > settings.memory_limit_bytes:
        lane.status = "skipped"
        lane.reason = f"needs about {size_bytes(needed)} of memory, of {size_bytes(settings.memory_limit_bytes)} allowed (--memory-limit)"


def inputs_bytes(implementation: Implementation, size: Size) -> int:
    """What a worker holds of a kernel's problem: its inputs, and what its check makes beside them."""
    return BASE_BYTES + array_bytes(implementation.kernel.holds, size) + array_bytes(implementation.kernel.checks, size)


def arrays_bytes(implementation: Implementation, size: Size) -> int:
    """What an implementation's large arrays take, shared ones included."""
    return array_bytes(f"{implementation.makes}+{implementation.shares}", size)


def make_room(lanes: Sequence[LaneResult], size: Size, settings: Settings) -> None:
    """Workspaces of a race are held all at once, one copy of what is shared: where they do not fit together, the largest stay out."""
    held = [lane for lane in lanes if lane.status == "ok" and lane.implementation.prepare]
    while held:
        workspaces = sum(array_bytes(lane.implementation.makes, size) for lane in held)
        workspaces += max(array_bytes(lane.implementation.shares, size) for lane in held)
        needed = inputs_bytes(held[0].implementation, size) + workspaces
        if needed <= settings.memory_limit_bytes:
            return
        largest = max(held, key=lambda lane: arrays_bytes(lane.implementation, size))
        held.remove(largest)
        largest.status = "skipped"
        largest.reason = (
            f"beside the others' workspaces the race needs about {size_bytes(needed)} of memory, "
            f"of {size_bytes(settings.memory_limit_bytes)} allowed (--memory-limit; or race it alone with --only)"
        )


def keep(events: Sequence[dict[str, Any]], race: RaceResult) -> None:
    """Take a launch that went well into the race's results."""
    for event in events:
        collect(event, race)


def excuse(lanes: Mapping[str, LaneResult], profiled: Sequence[str], reason: str) -> None:
    """Say why there is no memory, and no profile of those that should have one, where a worker ended before it told them."""
    for slug, lane in lanes.items():
        lane.memory = lane.memory or {"why_not": reason}
        if slug in profiled:
            lane.profile = lane.profile or {"why_not": reason}


def collect(event: dict[str, Any], race: RaceResult) -> None:
    """Take one event of a launch that went well into the race's results."""
    match event["event"]:
        case "problem":
            done = race.launches  # the mean over launches, each of which has inputs of its own
            race.touched = (race.touched * done + event["touched"]) / (done + 1)
            race.batches = event["batches"]
        case "timed" if event["lane"].startswith(FLOOR):
            figures = {"wall_s": event["wall_s"], "cpu_s": event["cpu_s"]}
            race.floors.setdefault(event["lane"].removeprefix(FLOOR), []).append(figures)
            race.plans[event["lane"]] = [event["calls"], event["rounds"]]
        case "timed":
            lane = race.racing[event["lane"]]
            lane.wall_s.append(event["wall_s"])
            lane.cpu_s.append(event["cpu_s"])
            lane.prepare_s.append(event["prepare_s"])
            if event["adapt_s"] is not None:
                lane.adapt_s.append(event["adapt_s"])
            lane.plan = [event["calls"], event["rounds"]]
        case "memory":
            race.racing[event["lane"]].memory = {k: v for k, v in event.items() if k not in ("event", "lane")}
        case "stages":
            race.racing[event["lane"]].stages = event["seconds"]
        case "profile":
            race.racing[event["lane"]].profile = {k: v for k, v in event.items() if k not in ("event", "lane")}
