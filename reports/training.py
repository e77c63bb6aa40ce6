"""What is shown of whole training runs: speed against quality, as a table, a sentence, Markdown and a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .figures import COLOURS
from .results import ResultFile, Training, TrainingRun, write
from .statistics import Interval, difference_interval, mean_interval
from .tables import cells, plain
from .units import rate, size_bytes, three, times

PEER = "gensim"
SCORES = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "analogies": "analogies"}
HEADER = (
    *("implementation", "threads", "words a second", f"over {PEER}", "CPU s a million words", "memory", "text"),
    *("held-out loss", *SCORES.values(), f"equal to {PEER}"),
)


@dataclass(frozen=True)
class Implementation:
    """The runs of an implementation on so many threads."""

    kernel: str
    slug: str
    title: str
    threads: int
    runs: tuple[TrainingRun, ...]

    @property
    def key(self) -> str:
        return f"{self.kernel}/{self.slug}, t{self.threads}"

    @property
    def good(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.status == "ok" and run.seconds > 0 and run.words > 0]

    @property
    def failed(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.status not in ("ok", "skipped")]

    def speed(self) -> Interval | None:
        """Words a second, the mean over seeds on a logarithmic scale."""
        return over_seeds(self.log_speeds(), math.exp)

    def log_speeds(self) -> list[float]:
        return [math.log(run.words / run.seconds) for run in self.good]

    def over(self, other: Implementation | None) -> Interval | None:
        """How many times as fast it is as another, by the means over seeds on a logarithmic scale."""
        mine, theirs = self.log_speeds(), other.log_speeds() if other else []
        return difference_interval(mine, theirs).map(math.exp) if mine and theirs else None

    def score(self, name: str) -> Interval | None:
        return over_seeds([run.scores[name] for run in self.good if name in run.scores])

    def loss(self) -> Interval | None:
        return over_seeds([run.loss for run in self.good if run.loss is not None])


def over_seeds(values: Sequence[float], shown: Any = lambda value: value) -> Interval | None:
    """Mean of some runs' figures with its 95 % t-interval; None of none."""
    if not values:
        return None
    return mean_interval(list(values)).map(shown)


def implementations(training: Training) -> list[Implementation]:
    """One after another, the slowest first, which is near order from textbook to fastest; those without a speed last."""
    groups: dict[tuple[str, str, int], list[TrainingRun]] = {}
    for run in training.runs:
        groups.setdefault((run.kernel, run.implementation, run.threads), []).append(run)
    found = [
        Implementation(kernel, slug, runs[0].title, threads, tuple(runs))
        for (kernel, slug, threads), runs in groups.items()
    ]

    def place(implementation: Implementation) -> tuple[str, float]:
        speed = implementation.speed()
        return implementation.kernel, speed.estimate if speed else math.inf

    return sorted(found, key=place)


def row(implementation: Implementation, training: Training, peer: Implementation | None) -> tuple[str, ...]:
    """An implementation's cells under HEADER."""
    speed = implementation.speed()
    if speed is None:
        why = next((f"{run.status}: {run.reason}" for run in implementation.runs), "")
        return (implementation.slug, str(implementation.threads), why, *["–"] * (len(HEADER) - 3))
    good = implementation.good
    over = implementation.over(peer)
    memory = [run.peak_bytes for run in good if run.peak_bytes is not None]
    words = sum(run.words for run in good) / len(good)
    text = "all" if all(run.whole for run in good) else f"{rate(words)} words"
    equal = verdict(implementation, training)
    return (
        implementation.slug,
        str(implementation.threads),
        with_ends(speed, rate),
        PEER if implementation.slug == PEER else times(over) if over else "–",
        three(sum(run.cpu_s for run in good) / sum(run.words for run in good) * 1e6),
        size_bytes(max(memory)) if memory else "–",
        text + (f", {len(good)} of {len(implementation.runs)} runs" if implementation.failed else ""),
        with_ends(implementation.loss(), lambda value: f"{value:.3f}"),
        *(with_ends(implementation.score(name), partial(scored, name)) for name in SCORES),
        "" if implementation.slug == PEER else {True: "yes", False: "not shown", None: "–"}[equal],
    )


def scored(name: str, value: float) -> str:
    """A score as it is read: ``4.1%`` of the analogies, a rank correlation of ``0.438``; never minus nothing."""
    return f"{round(value, 3) + 0.0:.1%}" if name == "analogies" else f"{round(value, 3) + 0.0:.3f}"


def short(power: int) -> str:
    """A power of ten for an axis: ``100k``."""
    return f"{10 ** (power % 3)}{('', 'k', 'M', 'G', 'T')[power // 3]}"


def with_ends(interval: Interval | None, shown: Any) -> str:
    """A mean and its interval."""
    if interval is None:
        return "–"
    ends = (
        "" if interval.low is None or interval.high is None else f" ({shown(interval.low)} to {shown(interval.high)})"
    )
    return f"{shown(interval.estimate)}{ends}"


def peer_of(implementation: Implementation, every: Sequence[Implementation]) -> Implementation | None:
    """gensim's runs of the same kernel on as many threads."""
    return next(
        (r for r in every if (r.kernel, r.slug, r.threads) == (implementation.kernel, PEER, implementation.threads)),
        None,
    )


def told(training: Training) -> Iterator[str]:
    """What came of it: a sentence a kernel, and one for each implementation that failed with some seeds."""
    every = implementations(training)
    for kernel in dict.fromkeys(implementation.kernel for implementation in every):
        mine = [
            implementation for implementation in every if implementation.kernel == kernel and implementation.speed()
        ]
        if not mine:
            continue
        best = max(mine, key=lambda implementation: implementation.speed().estimate)  # type: ignore[union-attr]
        speed, ratio = best.speed(), best.over(peer_of(best, every))
        assert speed is not None
        over = f", {times(Interval(ratio.estimate))} {PEER}" if ratio and best.slug != PEER else ""
        verdict = "" if best.slug == PEER else f"; {judgement(best, training, peer_of(best, every))}"
        yield f"{kernel}: {best.slug} on {best.threads} thread{'s'[: best.threads > 1]} learns from {rate(speed.estimate)} words a second{over}{verdict}."
    for implementation in every:
        if implementation.failed and implementation.good:
            why = "; ".join(dict.fromkeys(f"{run.status}: {run.reason}" for run in implementation.failed))
            of = f"{len(implementation.failed)} of {counted(len(implementation.runs), 'run')}"
            yield f"{implementation.key}: {of} failed ({why}); its figures are of the others."


def judgement(implementation: Implementation, training: Training, peer: Implementation | None) -> str:
    """What is known of an implementation's quality beside the peer's."""
    found = training.against.get(implementation.key, {})
    if verdict(implementation, training):
        return f"no score of its vectors is worse than {PEER}'s by more than twice the spread of {PEER}'s own seeds"
    untold = f"whether its vectors are as good as {PEER}'s cannot be told"
    if not training.planned:
        return f"{untold}: the file is of a version that did not plan its seeds"
    if not all(run.whole for run in implementation.good):
        return f"{untold}: it was trained on a part of the text"
    if implementation.failed:
        return f"{untold}: some of its runs failed"
    if peer is None or not peer.good:
        return f"{untold}: {PEER} was not trained on as many threads"
    if peer.failed:
        return f"{untold}: some of {PEER}'s runs failed"
    done = min(sum(run.seed <= training.planned for run in of.good) for of in (implementation, peer))
    if done < training.planned:
        return f"{untold}: {done} of the {counted(training.planned, 'seed')} that were planned are done (--resume)"
    silent: dict[str, list[str]] = {}
    for name, label in SCORES.items():
        if name not in found or found[name].shown is None:
            silent.setdefault(silence(name, implementation, peer, training.planned), []).append(label)
    cannot = "; ".join(f"by {', '.join(labels)}: {why}" for why, labels in silent.items())
    if worse := [label for name, label in SCORES.items() if name in found and found[name].shown is False]:
        seeds = counted(training.planned, "seed")
        shown = f"that its vectors are as good as {PEER}'s is not shown (by {', '.join(worse)}; {seeds} planned)"
        return f"{shown}, and cannot be told {cannot}" if silent else shown
    return f"{untold} {cannot}"


def verdict(implementation: Implementation, training: Training) -> bool | None:
    """Whether an implementation is equal in quality to the peer, by a test whose seeds were planned."""
    return training.equal.get(implementation.key) if training.planned else None


def silence(name: str, implementation: Implementation, peer: Implementation, planned: int) -> str:
    """Why a score cannot tell whether an implementation is as good as the peer."""
    if (
        min(sum(name in run.scores for run in of.good if run.seed <= planned) for of in (implementation, peer))
        < planned
    ):
        return "too few words of its list are in the text, or vectors are all alike"
    if planned < 2:
        return "two seeds or more are needed"
    return f"{PEER}'s own score is below twice the margin"


def margins(training: Training) -> str:
    """By how much each score may be worse, for each of the peer's rows."""
    told: dict[str, str] = {}
    for key, found in training.against.items():
        kernel, _, slug = key.partition("/")
        each = [f"{label} {scored(name, found[name].margin)}" for name, label in SCORES.items() if name in found]
        if each:
            told.setdefault(f"{kernel}, {slug.rpartition(', ')[2]}", ", ".join(each))
    return "; ".join(f"{where}: {each}" for where, each in told.items())


def what(training: Training) -> str:
    """What was trained on, and with which settings, in a sentence."""
    seeds = [len(implementation.good) for implementation in implementations(training) if implementation.good] or [0]
    number = counted(seeds[0], "seed") if len(set(seeds)) == 1 else f"{min(seeds)} to {max(seeds)} seeds"
    settings = ", ".join(f"{name} {value:g}" for name, value in training.settings.items() if name != "full_windows")
    return (
        f"{training.corpus}: {training.tokens:,} words, the {training.V:,} that occur often enough; H = {training.H}, "
        f"K = {training.K}, {counted(training.epochs, 'epoch')}, {number}, {settings}."
    )


def how(training: Training) -> str:
    """How it was measured, in some sentences."""
    asked = ", ".join(f"{SCORES.get(name, name)} {number:,}" for name, number in training.asked.items())
    seeds = counted(training.planned, "seed")
    by = margins(training)
    return (
        "Words of the text a second, counted before frequent ones are left out; all implementations leave out and shrink "
        "windows by word2vec's rules, so equal words are equal work but for the optimizer and how negatives are drawn. "
        "Means over seeds with 95 % t-intervals. Held-out loss: of "
        "negative sampling (implementations with a full softmax minimise another), on each "
        f"hundredth line, which no implementation is trained on, with {training.K} words a pair that are the same for all implementations. "
        + (f"Pairs and questions whose words occur: {asked}. " if asked else "")
        + f"Equal: not worse than {PEER} on as many threads by the margin or more, at 5 % one-sided each, tested once, on the {seeds} "
        f"planned before the first run; further seeds have no part in it. A margin is twice the standard deviation of {PEER}'s own seeds, and "
        "0.001, the last digit shown; that it is an estimate is reckoned with. "
        + (f"Margins: {by}. " if by else "")
        + "Not shown: a score may be worse by more. –: it cannot be told, since the implementation was trained on a part of the text, or runs "
        f"failed or are still to be made, or {PEER} is missing, or {PEER}'s own score is below twice the margin, which a longer "
        "training or a larger text would "
        "help. Losses compare only after as many words of the same text; within an epoch they may rise, where a text changes "
        "as it goes on."
    )


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def markdown(training: Training) -> str:
    """All of it as Markdown."""
    lines = [
        "# Speed against quality",
        "",
        plain(what(training)),
        "",
        *(f"- {plain(line)}" for line in told(training)),
        "",
    ]
    every = implementations(training)
    for kernel in dict.fromkeys(implementation.kernel for implementation in every):
        lines += [f"## {plain(kernel)}", "", cells(HEADER), cells(["---", *["---:"] * (len(HEADER) - 1)])]
        lines += [
            cells(row(implementation, training, peer_of(implementation, every)))
            for implementation in every
            if implementation.kernel == kernel
        ]
        lines.append("")
    return "\n".join([*lines, plain(how(training)), ""])


WIDE, HIGH = 480.0, 260.0
LEFT, RIGHT = 52.0, 92.0
"""Margins, for the numbers on one side and for the fastest implementation's name on the other."""
NAME_WIDE, NAME_HIGH = 84.0, 14.0
"""Room that a line's name takes in a drawing."""
LETTER, DOT = 7.2, 5.0
"""Width of a letter, and radius of a point."""
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Distances between the lines of a drawing: the first of which five are enough."""


def colours(every: Sequence[Implementation]) -> dict[str, str]:
    """A colour for each implementation's points and lines, but for the peer's, which is drawn apart."""
    others = [implementation.key for implementation in every if implementation.slug != PEER]
    return {key: COLOURS[at % len(COLOURS)] for at, key in enumerate(others)}


def drawing(every: Sequence[Implementation], score: str) -> dict[str, Any]:
    """Words a second across, on a logarithmic scale, and a score upwards: points with their intervals, and the axes' ticks."""
    colour = colours(every)
    points = [
        (implementation, speed, value)
        for implementation in every
        if (speed := implementation.speed()) and (value := implementation.score(score))
    ]
    if not points:
        return {}
    low = math.floor(max(0.0, min(math.log10(speed.estimate) for _, speed, _ in points)))
    high = max(low + 1, math.ceil(max(math.log10(speed.estimate) for _, speed, _ in points)))
    ends = [end for _, _, value in points for end in (value.low, value.high, value.estimate) if end is not None]
    step = next(size for size in STEPS if size * 5 >= max(ends) - min(0.0, *ends) or size == STEPS[-1])
    bottom, top = math.floor(min(0.0, *ends) / step) * step, max(1, math.ceil(max(ends) / step)) * step

    def across(speed: float) -> float:
        return round(LEFT + (math.log10(speed) - low) / (high - low) * (WIDE - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(HIGH - 34 - (value - bottom) / (top - bottom) * (HIGH - 50), 1)

    steps = [bottom + step * at for at in range(round((top - bottom) / step) + 1)]
    named = [
        (
            across(speed.estimate),
            up(value.estimate),
            f"{implementation.slug}{f', {implementation.threads} threads' * (implementation.threads > 1)}",
        )
        for implementation, speed, value in points
    ]
    return {
        "points": [
            {
                "name": name,
                "x": x,
                "y": y,
                "low": up(value.low if value.low is not None else value.estimate),
                "high": up(value.high if value.high is not None else value.estimate),
                "label_x": label[0],
                "label_y": label[1],
                "colour": colour.get(implementation.key),
                "told": f"{implementation.slug}: {rate(speed.estimate)} words a second, {value.estimate:.3f}",
            }
            for (implementation, speed, value), (x, y, name), label in zip(points, named, beside(named), strict=True)
        ],
        "across": [(across(10.0**power), short(power)) for power in range(low, high + 1)],
        "up": [(up(step), f"{step * 100:.3g} %" if score == "analogies" else f"{step:.2f}") for step in steps],
    }


def beside(points: Sequence[tuple[float, float, str]]) -> list[tuple[float, float]]:
    """Where the names of some points begin: on a side of each, above or below it, clear of all points and of other names."""
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _ in points]
    found = []
    for x, y, name in points:
        wide = LETTER * len(name)
        sides = [(x + 8, y + 4), (x - 8 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18)]
        further = [(left, y + 4 + way * at) for at in range(14, 140, 7) for left, _ in sides[:2] for way in (-1, 1)]
        boxes = [(left, base - 11, left + wide, base + 3) for left, base in (*sides, *further)]
        clear = [
            box
            for box in boxes
            if box[0] >= LEFT and box[2] <= WIDE and box[1] >= 0 and box[3] <= HIGH - 34
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
        ]
        box = clear[0] if clear else boxes[0]
        taken.append(box)
        found.append((round(box[0], 1), round(box[1] + 11, 1)))
    return found


def apart(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places of names, those that would cover another moved up above it."""
    taken: dict[int, tuple[float, float]] = {}
    for at, (x, y) in sorted(enumerate(places), key=lambda place: place[1][0]):
        while any(abs(x - other_x) < NAME_WIDE and abs(y - other_y) < NAME_HIGH for other_x, other_y in taken.values()):
            y -= 2
        taken[at] = (x, round(y, 1))
    return [taken[at] for at in range(len(places))]


SPAN = 8.0
"""Of losses, from the least: what is further off, of an implementation that goes astray, is drawn at the top."""


def curves(every: Sequence[Implementation]) -> dict[str, Any]:
    """Held-out loss, the mean over seeds, against the words trained on, on a logarithmic scale: a line an implementation, and the axes' ticks."""
    colour = colours(every)
    lines: list[tuple[Implementation, list[tuple[float, ...]]]] = []
    for implementation in every:
        places = list(
            zip(*(run.curve for run in implementation.good if run.curve), strict=False)
        )  # the nth of every seed
        if places:
            lines.append(
                (implementation, [tuple(sum(part) / len(part) for part in zip(*some, strict=True)) for some in places])
            )
    if not lines:
        return {}
    powers = [math.log10(max(1.0, words)) for _, line in lines for words, _ in line]
    heights = [loss for _, line in lines for _, loss in line]
    first, last = math.floor(min(powers)), max(math.floor(min(powers)) + 1, math.ceil(max(powers)))
    bottom, top = math.floor(min(heights) * 2) / 2, math.ceil(min(max(heights), min(heights) + SPAN) * 2 + 0.01) / 2

    def across(words: float) -> float:
        return round(LEFT + (math.log10(max(1, words)) - first) / (last - first) * (WIDE - LEFT - RIGHT), 1)

    def up(loss: float) -> float:
        return round(HIGH - 34 - (min(loss, top) - bottom) / (top - bottom) * (HIGH - 50), 1)

    ticks = [bottom + 0.5 * at for at in range(round((top - bottom) * 2) + 1)]
    labels = apart([(across(line[-1][0]) + 6, up(line[-1][1]) + 4) for _, line in lines])
    return {
        "lines": [
            {
                "name": implementation.key.partition("/")[2],
                "points": " ".join(f"{across(words)},{up(loss)}" for words, loss in line),
                "x": label[0],
                "y": label[1],
                "colour": colour.get(implementation.key),
            }
            for (implementation, line), label in zip(lines, labels, strict=True)
        ],
        "across": [(across(10**power), short(power)) for power in range(first, last + 1)],
        "up": [(up(tick), f"{'≥ ' * (tick == top < max(heights))}{tick:.1f}") for tick in ticks],
    }


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``quality.html`` and ``quality.md`` into a folder, and give their paths. Raises ResultError."""
    assert result.w2vbench.training is not None
    texts = {"quality.html": html(result), "quality.md": markdown(result.w2vbench.training)}
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def html(result: ResultFile) -> str:
    """A self-contained page: for each kernel a drawing of speed against each score, and the table."""
    from .page import templates

    training = result.w2vbench.training
    assert training is not None
    every = implementations(training)
    kernels = list(dict.fromkeys(implementation.kernel for implementation in every))
    return (
        templates()
        .get_template("quality.html")
        .render(
            result=result,
            what=what(training),
            how=how(training),
            told=list(told(training)),
            header=HEADER,
            kernels={
                kernel: {
                    "rows": [row(r, training, peer_of(r, every)) for r in every if r.kernel == kernel],
                    "curves": curves([r for r in every if r.kernel == kernel]),
                    "drawings": {
                        label: drawn
                        for score, label in SCORES.items()
                        if (drawn := drawing([r for r in every if r.kernel == kernel], score))
                    },
                }
                for kernel in kernels
            },
            wide=WIDE,
            high=HIGH,
            left=LEFT,
            right=WIDE - RIGHT,
        )
    )
