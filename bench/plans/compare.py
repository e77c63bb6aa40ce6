"""Two revisions raced against each other: what differs, in which launches it is measured, and what is said of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.engine.contract import ERROR, OK, OUT_OF_MEMORY, WRONG, Verdict
from bench.engine.race import Track, run_contract
from bench.engine.workers import Died
from bench.plans.presets import GATE
from bench.plans.selection import Selection
from impls.case import Case, Size
from reports.comparison import SAME_CODE
from reports.memory import untraced
from reports.statistics import Floats, memory_verdict
from reports.verdicts import Decision, Paired, Stage, decide, undecided

from .revisions import RevisionError, Tree

SETUP_S = 1e-3
"""Set-up that takes less than this on both sides is not compared."""
LOOKS = (9, 18)
"""Launches of every case, and fresh ones of those that the first do not settle: fixed beforehand, whatever is seen."""
GATE_CASES = 16
"""Most cases that are raced without being asked for: each case more makes every one of them harder to tell."""
THRESHOLD = 0.02
"""A change below this counts as none, if nothing else is said."""
TIMEOUT = "timeout"
LIMITS = (TIMEOUT, OUT_OF_MEMORY)
"""What a case may fail by through no fault of its own."""
LEAST_ROUNDS = 5
LaneSpec = tuple[str, str, float]
LANES: tuple[LaneSpec, ...] = (("base", "base", 0.0), ("control", "control", 0.0), ("head", "head", 0.0))
"""Lanes of a case: name, side, and by which share its samples are slowed."""
SIDES = ("base", "control", "head")
"""What is loaded, each on its own: the control is BASE's code once more, and would share no fault of loading with it."""

TOO_MANY = f"more than {GATE_CASES} cases differ (--all races them too, --kernel and --only choose)"
MARKED_WRONG = "marked wrong: never timed"
OVER_BUDGET = "no time for them in --budget"


@dataclass(frozen=True, eq=False)
class Facts:
    """What a side says of an implementation. kernel and dimensions are its kernel's.

    identity: of its code. data: files that differ and that it may read; built: those that an extension of it is built from.
    effects: what is changed for the whole process when it is imported: where, and the statement.
    """

    key: str
    kernel: str
    dimensions: str
    signature: list[str]
    slug: str
    title: str
    baseline: bool
    wrong: str
    missing: list[str]
    identity: str
    late_imports: list[str]
    strays: list[str]
    data: list[str]
    built: list[str]
    effects: list[list[str]]
    file: str
    line: int

    @property
    def name(self) -> str:
        """The kernel's, as sizes ask for it."""
        return self.kernel


@dataclass(frozen=True)
class Contest:
    """A case to be raced at both revisions."""

    facts: Facts
    size: Size

    @property
    def case(self) -> str:
        return str(Case(self.facts.kernel, self.facts.slug, self.size))


@dataclass(frozen=True)
class Wanted(Selection):
    """What is to be compared: narrowed to kernels or globs, or widened to everything. threads: of BLAS and OpenMP."""

    everything: bool = False
    threads: int = 1

    def contests(self, facts: Facts) -> list[Contest]:
        """The cases of an implementation that are meant."""
        return [contest for contest in contests_of(facts, self.threads) if self.takes_case(contest)]

    def takes(self, facts: Facts) -> bool:
        return self.has_kernel(facts.kernel)

    def takes_case(self, contest: Contest) -> bool:
        return self.has_case(contest.case)


@dataclass
class Plan:
    """What will be raced, and what will not, and why. fallen: cases that cannot be compared, with status and reason.
    unraced: cases that differ, and that there was no time for."""

    contests: list[Contest] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    fallen: dict[Contest, tuple[str, str]] = field(default_factory=dict)
    unraced: list[str] = field(default_factory=list)

    def leave_out(self, why: str, contests: Iterable[Contest]) -> None:
        for contest in contests:
            self.left_out.setdefault(why, []).append(contest.case)


Triple = tuple[str, str, str]
"""Lanes that are compared: BASE's, BASE's again, HEAD's."""
TRIPLE: Triple = ("base", "control", "head")


@dataclass
class Measured:
    """A case's launches, look by look: of each lane the logarithms of seconds a call, round by round, and seconds of set-up;
    cpu_s: seconds of CPU time a call, of all threads. plan: calls and rounds of each launch, by lane. peak_bytes,
    resident_bytes: by lane, traced allocation and resident growth of a call. needs: optional packages of either side."""

    looks: list[list[dict[str, Floats]]] = field(default_factory=lambda: [[] for _ in LOOKS])
    setups: list[list[dict[str, float]]] = field(default_factory=lambda: [[] for _ in LOOKS])
    plan: dict[str, list[int]] = field(default_factory=dict)
    peak_bytes: dict[str, int | None] = field(default_factory=dict)
    resident_bytes: dict[str, int | None] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    cpu_s: list[list[dict[str, Floats]]] = field(default_factory=lambda: [[] for _ in LOOKS])

    def stage(self, look: int, lanes: Triple = TRIPLE) -> Stage:
        """What the launches of a look found: of medians, of means, and of set-up."""
        launches = [[launch[lane] for lane in lanes] for launch in self.looks[look]]
        means = [[float(np.log(np.exp(lane).mean())) for lane in launch] for launch in launches]
        setups = [[math.log(max(launch[lane], 1e-9)) for lane in lanes] for launch in self.setups[look]]
        long = setups and max(np.median(setups, axis=0)) >= math.log(SETUP_S)
        return Stage(medians_of(launches), differences(means), differences(setups) if long else None)

    def typical_s(self, look: int, lane: str) -> float | None:
        """Seconds a call: the median launch's median."""
        logs = [float(np.median(launch[lane])) for launch in self.looks[look]]
        return math.exp(median(logs)) if logs else None

    def setup_s(self, look: int, lane: str) -> float | None:
        """Seconds of set-up: the median launch's."""
        found = [launch[lane] for launch in self.setups[look]]
        return median(found) if found else None

    def typical_cpu_s(self, look: int, lane: str) -> float | None:
        """Seconds of CPU time a call, of all threads: the median launch's mean, since the system's clock is coarse."""
        means = [float(launch[lane].mean()) for launch in self.cpu_s[look] if launch[lane].size]
        return median(means) if means else None

    @property
    def waiting(self) -> float:
        """Share of wall time that lanes of BASE did not spend on a CPU."""
        both = [
            (float(np.exp(wall["base"]).sum()), float(cpu["base"].sum()))
            for walls, cpus in zip(self.looks, self.cpu_s, strict=True)
            for wall, cpu in zip(walls, cpus, strict=True)
        ]
        wall_s = sum(wall for wall, _ in both)
        return max(0.0, 1 - sum(cpu for _, cpu in both) / wall_s) if wall_s else 0.0


def medians_of(launches: Sequence[Sequence[Floats]]) -> Paired:
    """HEAD against each of BASE's two loads, round by round, and those against each other: a launch's medians.

    Not against the mean of the two: times are skewed, and a mean of two is typically larger than one of them.
    """
    return Paired(
        [float(np.median(head - base) + np.median(head - control)) / 2 for base, control, head in launches],
        [float(np.median(control - base)) for base, control, _ in launches],
    )


def differences(launches: Sequence[Sequence[float]]) -> Paired:
    """The same of one logarithm a launch and lane."""
    return Paired(
        [head - (base + control) / 2 for base, control, head in launches],
        [control - base for base, control, _ in launches],
    )


@dataclass
class Outcome:
    """A comparison that has been made: its plan, its figures, and the verdicts of those that have one."""

    plan: Plan
    measured: dict[Contest, Measured]
    calls: dict[Contest, Decision]
    suspects: set[Contest]
    seconds: float

    @property
    def waiting(self) -> float:
        """Share of their time that calls of one thread did not have its CPU: the median over cases."""
        shares = [mine.waiting for contest, mine in self.measured.items() if contest.size.threads == 1]
        return median(shares) if shares else 0.0


def trees_of(base: Tree, head: Tree, files: Sequence[Path] = ()) -> dict[str, Any]:
    """What workers are told of the sides. files: paths of outside implementations, relative to the trees."""
    return {
        name: {"tree": str(tree.folder), "files": [str(tree.folder / file) for file in files]}
        for name, tree in zip(SIDES, (base, base, head), strict=True)
    }


def listed(track: Track, differing: Sequence[str] = ()) -> tuple[dict[str, Facts], dict[str, Facts]]:
    """What both sides have, by key. differing: files that differ between the trees. Raises RevisionError if a side cannot
    be loaded, or speaks another interface."""
    sides: dict[str, dict[str, Any]] = {}
    try:
        spec = {**track.specification("listing"), "differing": [*differing]}
        for event in track.workers.work(spec, 1, track.settings.time_limit_s, ahead=True):
            if event["event"] == "side":
                sides[event["name"]] = event
    except Died as death:
        raise RevisionError(f"loading both revisions: {death.status}: {death.reason}") from death
    for name, raised in (("head", RevisionError), ("base", Unanswerable)):
        if sides[name]["error"]:
            raise raised(f"{name.upper()} cannot be loaded: {sides[name]['error']}")
    versions = {name: side["interface"] for name, side in sides.items()}
    if versions["base"] != versions["head"]:
        raise Unanswerable(
            f"the interface of implementations changed (version {versions['base']} in BASE, {versions['head']} in HEAD): "
            "they cannot be raced in one process"
        )
    base, head = ({one["key"]: Facts(**one) for one in sides[name]["implementations"]} for name in ("base", "head"))
    return base, head


def plan(base: dict[str, Facts], head: dict[str, Facts], wanted: Wanted) -> Plan:
    """Sort what both sides have into what is raced and what is not. Raises RevisionError if nothing is named so."""
    if not base and not head:
        raise RevisionError("no implementation at either revision: is the file of --impl in git?")
    made = Plan()
    named = [i for i in (*head.values(), *base.values()) if wanted.takes(i)]
    if not any(wanted.contests(i) for i in named):
        raise RevisionError("no case matches --kernel and --only at either revision; w2vbench list shows the names")
    gone = {key: i for key, i in base.items() if key not in head and wanted.takes(i) and wanted.contests(i)}
    for key, mine in head.items():
        contests = wanted.contests(mine) if wanted.takes(mine) else []
        if not contests:
            continue
        theirs, before = base.get(key), next((old for old, i in gone.items() if alike(i, mine)), None)
        if theirs is None and before is not None:
            made.renamed.append((before, key))
            del gone[before]
        elif theirs and not (theirs.missing or theirs.wrong) and (mine.missing or mine.wrong):
            now = f"needs {' and '.join(mine.missing)}, which is not installed" if mine.missing else "marks it wrong"
            made.fallen.update(dict.fromkeys(contests, ("failed", f"not comparable: HEAD {now}")))
        elif absent := [*mine.missing, *(theirs.missing if theirs else ())]:
            made.leave_out(f"not installed: pip install {' '.join(dict.fromkeys(absent))}", contests)
        elif mine.wrong or (theirs and theirs.wrong):
            made.leave_out(MARKED_WRONG, contests)
        elif theirs is None:
            made.added.append(key)
        elif theirs.signature != mine.signature:
            arguments = f"takes ({', '.join(theirs.signature)}) in BASE and ({', '.join(mine.signature)}) in HEAD"
            made.fallen.update(dict.fromkeys(contests, ("failed", f"not comparable: it {arguments}")))
        elif why := incomparable(theirs, mine):
            made.fallen.update(dict.fromkeys(contests, ("failed", f"not comparable: {why}")))
        elif not wanted.everything and unchanged(theirs, mine):
            made.leave_out(SAME_CODE, contests)
        elif late := theirs.late_imports or mine.late_imports:
            reason = (
                f"it imports {late[0]} when it is called, which would be one side's: import it at the top of the file"
            )
            made.fallen.update(dict.fromkeys(contests, ("failed", f"not comparable: {reason}")))
        elif stray := theirs.strays or mine.strays:
            reason = (
                f"one side uses the other's {stray[0]}: its modules are looked for in the top folder and in src/ only"
            )
            made.fallen.update(dict.fromkeys(contests, ("failed", f"not comparable: {reason}")))
        else:
            made.contests += contests
    made.removed = list(gone)
    made.contests = by_weight(made.contests)
    if len(made.contests) > GATE_CASES and wanted == Wanted(threads=wanted.threads):
        made.leave_out(TOO_MANY, made.contests[GATE_CASES:])
        del made.contests[GATE_CASES:]
    return made


def contests_of(mine: Facts, threads: int = 1) -> list[Contest]:
    return [Contest(mine, replace(size, threads=threads)) for size in GATE.sizes(mine)]


def alike(old: Facts, new: Facts) -> bool:
    """Whether one is the other under a new name."""
    return old.kernel == new.kernel and unchanged(old, new)


def unchanged(base: Facts, head: Facts) -> bool:
    """Whether both sides' code is the same, and so are the files that it reads."""
    return base.identity == head.identity and not (base.data or head.data)


def incomparable(base: Facts, head: Facts) -> str:
    """Why two sides that differ cannot be told apart in one process; empty if they can."""
    if built := base.built or head.built:
        return f"{built[0]} differs, which its extension is built from, and both sides use the one that is installed"
    before, after = ({text: place for place, text in side.effects} for side in (base, head))
    if differing := [text for text in (*after, *before) if (text in after) != (text in before)]:
        text = differing[0]
        return (
            f"{after.get(text) or before[text]} runs `{text}` when it is imported, which holds for both sides at once: "
            "do it where it is needed, in prepare"
        )
    return ""


def by_weight(contests: Sequence[Contest]) -> list[Contest]:
    """Kernel by kernel in turn: first the top of each ladder, then its baseline, then the rest; larger sizes after that."""
    turns: dict[str, list[Contest]] = {}
    for contest in contests:
        turns.setdefault(contest.facts.kernel, []).append(contest)
    ranked = []
    for mine in turns.values():
        sizes = list(dict.fromkeys(contest.size for contest in mine))
        top = mine[-1].facts

        def weight(
            at: int, mine: list[Contest] = mine, sizes: list[Size] = sizes, top: Facts = top
        ) -> tuple[int, bool, int]:
            return sizes.index(mine[at].size), mine[at].facts is not top and not mine[at].facts.baseline, -at

        ranked += [(place, mine[at]) for place, at in enumerate(sorted(range(len(mine)), key=weight))]
    return [contest for _, contest in sorted(ranked, key=lambda one: one[0])]


Note = Callable[[str, int, int], None]


class Unanswerable(RevisionError):
    """BASE and HEAD cannot be raced against each other at all; the message is one line and says why."""


class Comparing:
    """A comparison under way."""

    def __init__(
        self,
        track: Track,
        made: Plan,
        note: Note,
        threshold: float = THRESHOLD,
        budget_s: float = math.inf,
        lanes: Sequence[LaneSpec] = LANES,
    ) -> None:
        self.track, self.plan, self.note, self.threshold, self.lanes = track, made, note, threshold, lanes
        self.started = time.monotonic()
        self.ends = self.started + budget_s
        self.measured: dict[Contest, Measured] = {}
        self.launched = 0

    def run(self) -> Outcome:
        """Check HEAD's code, race what differs, look, race the suspects again, and say what came of it."""
        self.check(list(self.plan.contests))
        first, second = LOOKS
        self.look(0, first, lambda: self.racing)
        stages = {contest: self.measured[contest].stage(0) for contest in self.racing}
        open_ = undecided(stages, self.threshold)
        self.look(1, second, lambda: [contest for contest in open_ if contest not in self.plan.fallen])
        open_ = [contest for contest in open_ if contest not in self.plan.fallen]
        fresh = {contest: self.measured[contest].stage(1) for contest in open_}
        known = {contest: stage for contest, stage in stages.items() if contest not in self.plan.fallen}
        calls = decide((known, fresh), self.threshold)
        return Outcome(self.plan, self.measured, calls, set(open_), time.monotonic() - self.started)

    @property
    def racing(self) -> list[Contest]:
        return [contest for contest in self.plan.contests if contest not in self.plan.fallen]

    def check(self, contests: Sequence[Contest]) -> None:
        """Put HEAD's implementations through the contract: what fails is not raced."""
        by_key = {contest.facts.key: contest.facts for contest in contests}
        verdicts = run_contract(list(by_key.values()), self.track, lambda key: self.note(f"checking {key}", 0, 0))
        barely = {key: self.barely(key, verdict) for key, verdict in verdicts.items() if verdict.status in LIMITS}
        for contest in contests:
            key = contest.facts.key
            if verdicts[key].status != OK:
                self.fall(contest, "head", verdicts[key].status, verdicts[key].reason, barely.get(key, ""))

    def barely(self, key: str, verdict: Verdict) -> str:
        """Whether BASE, under the same limit, fails too or only just gets through: then it is no fault of HEAD's."""
        self.note(f"checking BASE's {key} too", 0, 0)
        track = replace(self.track, trees={**self.track.trees, "head": self.track.trees["base"]})
        return barely(lambda: track.contract(key), self.track.settings.time_limit_s, verdict.status)

    def look(self, number: int, launches: int, racing: Callable[[], list[Contest]]) -> None:
        """Race what is to be raced in a number of fresh processes."""
        for done in range(launches):
            if not racing():
                return
            self.note("first look" if number == 0 else "suspects again", done, launches)
            began = time.monotonic()
            self.launch(number, racing)
            took = time.monotonic() - began
            if done == 0 and math.isfinite(self.ends):
                self.cut(racing(), took, launches - 1, number)

    def cut(self, racing: Sequence[Contest], took: float, launches: int, number: int) -> None:
        """Leave out as many of the last cases as are too many for the budget, judged by the launch that has just ended."""
        room = self.ends - time.monotonic()
        fits = math.floor(room / max(took * launches, 1e-9) * len(racing))
        for contest in racing[max(0, fits) :]:
            if number == 0:
                self.plan.contests.remove(contest)
                self.plan.leave_out(OVER_BUDGET, [contest])
                self.plan.unraced.append(contest.case)
            else:
                self.plan.fallen[contest] = ("inconclusive", "a suspect, but --budget left no time to race it again")

    def launch(self, number: int, racing: Callable[[], list[Contest]]) -> None:
        """One launch: a fresh process for all cases. If a lane fails in it, its case falls and the launch is made again."""
        self.launched += 1
        while contests := racing():
            events: list[dict[str, Any]] = []
            try:
                events.extend(self.events(contests))
            except Died as death:
                self.blame(contests, death.lane, death.status, death.reason)
                continue
            if events[-1]["event"] == "out":
                self.blame(contests, events[-1]["lane"], events[-1]["status"], events[-1]["reason"])
                continue
            keep(contests, events, self.measured, number)
            return

    def events(self, contests: Sequence[Contest], lanes: Sequence[LaneSpec] = ()) -> Iterator[dict[str, Any]]:
        settings = GATE.settings
        problems: dict[tuple[str, Size], list[str]] = {}
        for contest in contests:
            problems.setdefault((contest.facts.kernel, contest.size), []).append(contest.facts.slug)
        spec = {
            **self.track.specification("pairs"),
            "problems": [
                {"kernel": kernel, "size": str(size), "slugs": slugs} for (kernel, size), slugs in problems.items()
            ],
            "lanes": lanes or self.lanes,
            "launch": self.launched,
            "rounds": settings.rounds,
            "least_rounds": LEAST_ROUNDS,
            "sample_s": settings.sample_s,
            "lane_s": settings.lane_s,
            "check": not self.measured,
            "time_limit_s": self.track.settings.time_limit_s,
            "threads": contests[0].size.threads,
            "plan": {c.case: self.measured[c].plan for c in contests if c in self.measured},
        }
        return self.track.workers.work(spec, spec["threads"], self.track.settings.time_limit_s, ahead=True)

    def blame(self, contests: Sequence[Contest], lane: str | None, status: str, reason: str) -> None:
        """A lane failed: its case falls. If none is to blame, all do."""
        case, _, name = (lane or "").rpartition("|")
        known = any(contest.case == case for contest in contests)
        for contest in contests:
            if not known or contest.case == case:
                excuse = ""
                if name == "head" and status in LIMITS:
                    self.note("running BASE alone under the same limit", 0, 0)
                    only_base = [("base", "base", 0.0)]
                    limit_s = self.track.settings.time_limit_s
                    excuse = barely(partial(self.events, [contest], only_base), limit_s, status)
                self.fall(contest, "head" if name == "head" else "base" if name else "", status, reason, excuse)

    def fall(self, contest: Contest, side: str, status: str, reason: str, excuse: str = "") -> None:
        """A case cannot be compared. excuse: why what HEAD failed by is no fault of its own."""
        verdict = "failed" if side != "head" else "wrong" if status in (WRONG, ERROR) else "broken"
        where = f"{side.upper()}: " if side else ""
        why = f"{where}{'' if status == WRONG else status + ': '}{reason}"
        self.plan.fallen[contest] = ("inconclusive", f"{why}; but {excuse}") if excuse else (verdict, why)


BARELY = 0.5
"""BASE only just gets through a limit of time if one of its steps takes this share of it."""


def barely(run: Callable[[], Iterator[dict[str, Any]]], limit_s: float, status: str) -> str:
    """Why a limit that HEAD did not keep is no fault of its own: BASE, run alone, does not either, or only just; else empty."""
    longest, began = 0.0, time.monotonic()
    try:
        for event in run():
            longest, began = max(longest, time.monotonic() - began), time.monotonic()
            if event.get("status", OK) not in (OK, "skipped"):
                return f"BASE fails too ({event['status']}: {event['reason']})"
    except Died as death:
        return f"BASE fails too ({death.status}: {death.reason})"
    if status == TIMEOUT and longest > BARELY * limit_s:
        return f"a step of BASE takes {longest:.0f} s of the {limit_s:g} s too: allow more with --time-limit, or run it on a quieter machine"
    return ""


def keep(
    contests: Sequence[Contest], events: Iterable[dict[str, Any]], measured: dict[Contest, Measured], look: int
) -> None:
    """Take a launch's figures."""
    by_case = {contest.case: contest for contest in contests}
    for contest in contests:
        mine = measured.setdefault(contest, Measured())
        mine.looks[look].append({})
        mine.setups[look].append({})
        mine.cpu_s[look].append({})
    for event in events:
        case, _, lane = event.get("lane", "").rpartition("|")
        match event["event"]:
            case "timed":
                mine = measured[by_case[case]]
                mine.looks[look][-1][lane] = np.log([x for x in event["wall_s"] if x is not None])
                mine.setups[look][-1][lane] = event["prepare_s"]
                mine.cpu_s[look][-1][lane] = np.array([x for x in event["cpu_s"] if x is not None], np.float64)
                mine.plan[lane] = [event["calls"], event["rounds"]]
            case "memory":
                mine = measured[by_case[case]]
                mine.peak_bytes[lane], mine.resident_bytes[lane] = event["peak_bytes"], event["resident_bytes"]
                mine.needs.update(event["needs"])


def memory_of(peak_bytes: dict[str, int | None], threshold: float) -> str:
    """How HEAD's peak allocation compares with BASE's; unknown unless BASE's two lanes agree with each other."""
    base, control, head = (peak_bytes.get(lane) for lane in TRIPLE)
    steady = memory_verdict(base, control, threshold) == "same"
    return memory_verdict(base, head, threshold) if steady else "unknown"


def record(contest: Contest, outcome: Outcome, root: Path, threshold: float) -> dict[str, Any]:
    """A case as the result file has it. threshold: the share of peak memory that counts as no change."""
    measured = outcome.measured.get(contest) or Measured()
    call = outcome.calls.get(contest)
    verdict, why = (call.verdict, call.why) if call else outcome.plan.fallen[contest]
    last = 1 if contest in outcome.suspects else 0
    ratios = medians_of([[launch[lane] for lane in TRIPLE] for launch in measured.looks[last]]).ratios
    file = Path(contest.facts.file)
    return {
        "case": contest.case,
        "kernel": contest.facts.kernel,
        "implementation": contest.facts.slug,
        "title": contest.facts.title,
        "verdict": verdict,
        "why": why,
        "ratio": call and vars(call.ratio),
        "control": call and vars(call.control),
        "mean": call and vars(call.mean),
        "setup": call.setup if call else "unknown",
        "setup_ratio": call and call.setup_ratio and vars(call.setup_ratio),
        "base_setup_s": measured.setup_s(last, "base"),
        "head_setup_s": measured.setup_s(last, "head"),
        "launches": len(ratios),
        "suspected": contest in outcome.suspects,
        "base_s": measured.typical_s(last, "base"),
        "head_s": measured.typical_s(last, "head"),
        "base_cpu_s": measured.typical_cpu_s(last, "base"),
        "head_cpu_s": measured.typical_cpu_s(last, "head"),
        "memory": "unknown" if untraced(measured.needs) else memory_of(measured.peak_bytes, threshold),
        "base_bytes": measured.peak_bytes.get("base"),
        "head_bytes": measured.peak_bytes.get("head"),
        "base_resident_bytes": measured.resident_bytes.get("base"),
        "head_resident_bytes": measured.resident_bytes.get("head"),
        "untraced": untraced(measured.needs),
        "file": str(file.relative_to(root)) if file.is_relative_to(root) else file.name,
        "line": contest.facts.line,
        "launch_ratios": [math.exp(ratio) for ratio in ratios],
    }
