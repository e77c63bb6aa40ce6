"""A comparison of environments: whose turn it is, where arrays lie, and what happens to the others if a case fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.plans.compare.differences import CaseSelection, Differences
from w2vbench.bench.plans.packages.packages_run import PLACES, PackagesRun
from w2vbench.reports.compare.stages import TRIPLE

from tests.bench.plans.sides import facts

ROUNDS = 2 * PLACES - 1
"""What the first job finds room for: two rounds at each place."""


class Fails(NamedTuple):
    """Where a side fails: an implementation, and a place in memory, or None for the job that checks it.

    Without a known variant (``named``), ``wrong`` stands for inputs that were found changed: a careful process goes well.
    """

    slug: str
    place: int | None
    status: Status = Status.CRASHED
    named: bool = True


class Answering(Workers):
    """Workers whose samples are numbered. They log (name, "round") when a round may begin, and (name, job) when a job begins."""

    def __init__(self, name: str, log: list[tuple[str, Any]], fails: Fails | None = None) -> None:
        super().__init__()
        self.name, self.log, self.fails, self.jobs = name, log, fails, 0

    def work(self, job: protocol.Jobs, *_: Any, **__: Any) -> Iterator[protocol.Events]:
        assert isinstance(job, protocol.Measure)
        self.jobs += 1
        self.log.append((self.name, job))
        variants = [variant for case in job.cases for variant in case]
        place = job.options.placement[2] if job.options.placement else None
        rounds = job.options.plan[variants[0].name].rounds if job.options.plan else ROUNDS
        for number in range(rounds):
            if job.options.paced:
                yield protocol.RoundBegins()
                self.log.append((self.name, "round"))
            for variant in variants:
                at_fault = self.fails and self.fails[:2] == (variant.name.partition("|")[0], place)
                if self.fails and at_fault and number == rounds - 1 and not job.careful:
                    raise WorkerFailure(variant.name if self.fails.named else None, self.fails.status, "because")
        for variant in variants:
            yield protocol.Timed(
                variant=variant.name,
                calls=10,
                rounds=rounds,
                prepare_s=0.0,
                adapt_s=None,
                wall_s=[self.jobs + number / 100 for number in range(rounds)],
                cpu_s=[1.0] * rounds,
            )
        yield protocol.TimesTaken()
        yield protocol.Done(clean=True)


Log = list[tuple[str, Any]]


def measured(fails: Mapping[str, Fails] = {}, slugs: tuple[str, ...] = ("mine", "other")) -> tuple[PackagesRun, Log]:
    """Measure a case of each implementation, of one problem, in two processes a side. Sides may fail."""
    log = Log()
    workers = {name: Answering(name, log, fails.get(name)) for name in TRIPLE}
    contexts = {name: RunContext(workers=one, corpus=Path("nowhere")) for name, one in workers.items()}
    cases = [case for slug in slugs for case in CaseSelection().cases(facts(f"lookup/{slug}"))[:1]]
    run = PackagesRun(contexts, Differences(compared=cases), lambda text, done, total: None, threshold=0.02)
    for _ in range(2):
        run.measure_process(0, run.differences.remaining)
    return run, log


def test_only_one_side_runs_at_a_time_and_each_has_its_round_before_any_has_the_next() -> None:
    _, log = measured()
    rounds = [name for name, what in log if what == "round"]
    assert len(rounds) == 2 * PLACES * 2 * 3
    every = [rounds[at : at + 3] for at in range(0, len(rounds), 3)]
    assert all(sorted(three) == sorted(TRIPLE) for three in every)
    assert len(set(map(tuple, every))) > 1  # not always in the same order


def test_all_sides_get_the_same_words_and_arrays_of_each_lie_elsewhere_each_time() -> None:
    run, log = measured()
    jobs = [job for _, job in log if isinstance(job, protocol.Measure) and job.options.paced]
    assert len(jobs) == 2 * PLACES * 3
    assert len({job.options.placement for job in jobs}) == len(jobs)
    for process in (1, 2):
        mine = [job for job in jobs if job.options.process == process]
        assert len(mine) == len(jobs) / 2
        assert len({(job.settings.seed, job.size, job.inputs, job.corpus) for job in mine}) == 1
    for samples in run.samples.values():
        assert [{side: len(one.wall_s) for side, one in process.items()} for process in samples.stages[0]] == [
            dict.fromkeys(TRIPLE, 2 * PLACES)
        ] * 2
        assert samples.plan == dict.fromkeys(TRIPLE, protocol.SamplePlan(calls=10, rounds=2))


@pytest.mark.parametrize("place", [None, 0, PLACES - 1])
def test_a_case_that_fails_is_left_out_and_the_others_keep_the_same_rounds_on_all_sides(place: int | None) -> None:
    run, log = measured({"head": Fails("mine", place)})
    (failed,) = run.differences.excluded.items()
    assert (failed[0].facts.slug, failed[1]) == ("mine", ("broken", "HEAD: crashed: because"))
    ((other, samples),) = ((case, one) for case, one in run.samples.items() if case.facts.slug == "other")
    assert other in run.differences.remaining
    for process in samples.stages[0]:
        assert {len(one.wall_s) for one in process.values()} == {2 * PLACES}
    last = [job for _, job in log if isinstance(job, protocol.Measure)][-3:]
    assert all(len(job.cases) == 1 for job in last)


@pytest.mark.parametrize("place", [None, 0])
@pytest.mark.parametrize(
    ("sides", "verdict"),
    [
        (("head",), ("broken", "HEAD: crashed: because")),
        (("base",), ("failed", "BASE: crashed: because")),
        (("control",), ("failed", "CONTROL: crashed: because")),
        (TRIPLE, ("failed", "BASE: crashed: because")),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_side_whose_process_fails_is_named_and_head_is_not_blamed_for_what_base_does_too(
    sides: tuple[str, ...], verdict: tuple[str, str], place: int | None, named: bool
) -> None:
    """Each side has a process of its own, so that its side is known even where its variant is not."""
    run, _ = measured({side: Fails("mine", place, named=named) for side in sides}, slugs=("mine",))
    assert list(run.differences.excluded.values()) == [verdict]


def test_if_one_process_is_measured_again_all_sides_are_so_that_their_rounds_were_taken_together() -> None:
    run, log = measured({"head": Fails("mine", 0, status=Status.WRONG, named=False)})
    assert not run.differences.excluded
    at_first = [job for _, job in log if isinstance(job, protocol.Measure) and job.options.placement[1:3] == (1, 0)]
    assert [job.careful for job in at_first[:3]] == [False] * 3
    assert [job.careful for job in at_first[-3:]] == [True] * 3
    for samples in run.samples.values():
        assert {len(one.wall_s) for process in samples.stages[0] for one in process.values()} == {2 * PLACES}
