"""A reader's methods of the book's layers, timed beside ours in the same processes, and profiled by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import Outcome, measure
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import BookChecked, LineProfile, MeasurementSettings, MeasureOptions, Variant
from w2vbench.bench.plans.run.presets import fit
from w2vbench.bench.plans.run.request import Note
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size
from w2vbench.reports.statistics.problems import Floats, Interval, paired_ratio, typical_figure

from .implementations import TIMINGS, NotTimed, Timing

SETTINGS = MeasurementSettings(processes=4, rounds=10, variant_s=0.03, profile=False)
SIZE = Size(10_000, 100, 100, 5)
"""The book's training: V of the Penn Treebank, H = 100, B = 100, 5 negatives."""
SMALLER = {"output.softmax": 8}
"""Batches of kernels whose time grows with B · V."""
DROPPED = 1.5
"""How many times slower than the fastest an implementation of ours may be in the first process and take part in the others."""


@dataclass(frozen=True, kw_only=True)
class TimedMethods:
    """A reader's methods beside ours of the same kernel."""

    # what was timed, and at which size
    kernel: str
    slug: str
    methods: tuple[str, ...]
    size: Size
    # seconds a call, typical
    mine_s: float = 0.0
    fastest_s: float = 0.0
    textbook_s: float = 0.0
    ratio: Interval | None = None  # how many times longer than the fastest a call takes
    # which of ours these are
    fastest: str = ""
    textbook: str = ""
    profiles: Sequence[LineProfile] = ()  # the lines of its methods
    why_not: str = ""  # why there are no times


def chosen_timings(classes: Sequence[BookChecked]) -> list[Timing]:
    """Return what can be timed of the classes that are right; a sampler by the law that it follows."""
    right = {one.name for one in classes if not one.wrong}
    remarks = {fault.fault for one in classes for fault in one.faults}
    other_law = f"sampling.{'without' if 'negatives-repeat' in remarks else 'with'}-replacement"
    return [one for one in TIMINGS if right.issuperset(one.classes) and one.kernel != other_law]


@dataclass(kw_only=True)
class Timed:
    """A reader's methods while they are timed beside ours."""

    timing: Timing
    size: Size
    slugs: Sequence[str]  # what the next process times: the reader's first
    textbook: str  # the baseline of ours
    samples: dict[str, list[Floats]] = field(default_factory=dict)  # by slug, the seconds a call of each process
    profiles: Sequence[LineProfile] = ()  # the lines of its methods
    why_not: str = ""  # why it cannot be timed

    @classmethod
    def begun(cls, timing: Timing, dtype: str) -> Timed:
        """Return a reader's methods and ours of their kernel that need no framework, before the first process."""
        ours = [
            one
            for one in catalogue.own()
            if one.kernel.name == timing.kernel
            and not one.wrong
            and {*one.requires} <= {"numba"}
            and not catalogue.missing(one)
        ]
        size = fit(ours[0].kernel, replace(SIZE, dtype=dtype, B=SMALLER.get(timing.kernel, SIZE.B)))
        textbook = next(one.slug for one in ours if one.baseline)
        return cls(timing=timing, size=size, slugs=[timing.slug, *(one.slug for one in ours)], textbook=textbook)

    def measure(self, process: int, context: RunContext, *, profiled: bool) -> None:
        """Measure in one process, interleaved: the reader's is checked first. profiled: whether its lines are, in the last process."""
        mine, kernel = self.timing.slug, self.timing.kernel
        cases = tuple((Variant(name=slug, key=f"{kernel}/{slug}", check=slug == mine),) for slug in self.slugs)
        options = MeasureOptions(process=process, profile=(mine,) if profiled else (), reuse=True)
        job = protocol.Measure(**context.job_fields(), kernel=kernel, size=str(self.size), cases=cases, options=options)
        self.add(measure(job, context.workers, start_next=not profiled))

    def add(self, outcome: Outcome) -> None:
        """Add one process's samples; after the first, ours that are slow take no further part."""
        mine = self.timing.slug
        if reason := next((why for case, why in outcome.excluded if case[0].name == mine), None):
            self.why_not = why_not_timed(reason, self.timing)
            return
        for slug in outcome.timed:
            walls = outcome.samples(slug).wall_s
            self.samples.setdefault(slug, []).append(np.array([np.nan if one is None else one for one in walls]))
        least = {slug: float(np.nanmin(self.samples[slug][0])) for slug in self.slugs if slug in self.samples}
        limit = DROPPED * min(seconds for slug, seconds in least.items() if slug != mine)
        self.slugs = [one for one in self.slugs if one in (mine, self.textbook) or least.get(one, np.inf) <= limit]
        self.profiles = [one for one in outcome.profiles.values() if one.lines]

    def result(self, processes: int) -> TimedMethods:
        """Return what was found, of those that took part in every process."""
        timing, mine = self.timing, self.timing.slug
        found = TimedMethods(kernel=timing.kernel, slug=mine, methods=timing.methods, size=self.size)
        if self.why_not:
            return replace(found, why_not=self.why_not)
        whole = {slug: each for slug, each in self.samples.items() if len(each) == processes}
        typical = {slug: typical_figure(each).estimate for slug, each in whole.items()}
        fastest = min((slug for slug in typical if slug != mine), key=lambda slug: typical[slug])
        return replace(
            found,
            mine_s=typical[mine],
            fastest_s=typical[fastest],
            textbook_s=typical.get(self.textbook, 0.0),
            ratio=paired_ratio(whole[mine], whole[fastest]),
            fastest=fastest,
            textbook=self.textbook,
            profiles=self.profiles,
        )


def time_methods(timings: Sequence[Timing], dtype: str, context: RunContext, note: Note) -> list[TimedMethods]:
    """Time a reader's methods beside ours in several processes, and profile them in the last one.

    All are measured in a first process, then all in a second one, as a run does: the processes of a method are different
    ones, and far apart in time, while starting an interpreter costs more than measuring a method.
    """
    every, processes = [Timed.begun(timing, dtype) for timing in timings], context.settings.processes
    for process in range(processes):
        context.workers.retire()
        for at, one in enumerate(every):
            if not one.why_not:
                note(f"timing {one.timing.slug}", process * len(every) + at, processes * len(every))
                one.measure(process, context, profiled=process == processes - 1)
    return [one.result(processes) for one in every]


def why_not_timed(failure: WorkerFailure, timing: Timing) -> str:
    """Return why a method that its check found right cannot be timed as the kernel's implementations are."""
    if known := re.search(rf"{NotTimed.__name__}: (.*) \(\w+\.py:\d+\)$", failure.reason):
        return known[1]
    if failure.status == protocol.Status.WRONG:
        return f"at this size, and with the arrays of {timing.kernel}, {failure.reason}"
    return f"{failure.status}: {failure.reason}"
