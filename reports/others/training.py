"""Whole training runs for people: speed against quality, as a table, sentences, Markdown and a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from operator import attrgetter

from w2vbench.reports.drawing.markdown import bullets, document, markdown_table, plain
from w2vbench.reports.file.schema.fields import Family
from w2vbench.reports.file.schema.training import Against, Training, TrainingRun
from w2vbench.reports.statistics.problems import Interval, difference_interval, mean_interval
from w2vbench.reports.statistics.units import counted, faster, listed, rate, size_bytes, three, times

PEER = "gensim"
PEER_MODES = {PEER: "queue", "gensim-file": "file"}
"""How gensim gets the text, by slug. Speed is compared with the faster mode, quality with the first."""
SCORES = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "analogies": "analogies"}
HEADER = (
    *("implementation", "threads", "words a second", f"over {PEER}", "CPU s a million words", "memory", "text"),
    *("held-out loss", *SCORES.values(), f"equal to {PEER}"),
)


@dataclass(frozen=True)
class Trained:
    """An implementation's training runs on a number of threads."""

    training: Training
    kernel: str
    slug: str
    threads: int

    @property
    def runs(self) -> list[TrainingRun]:
        mine = self.kernel, self.slug, self.threads
        return [run for run in self.training.runs if (run.kernel, run.implementation, run.threads) == mine]

    @property
    def family(self) -> Family:
        return self.runs[0].family if self.runs else "framework"

    @property
    def peer(self) -> Trained:
        """The peer's runs of the same kernel on as many threads."""
        return replace(self, slug=PEER)

    @property
    def equal(self) -> bool | None:
        """Whether it is equal in quality to the peer, by a test whose seeds were planned."""
        return self.training.equal.get(self.key) if self.training.planned else None

    @property
    def against(self) -> dict[str, Against]:
        """Its scores beside the peer's."""
        return self.training.against.get(self.key, {})

    @property
    def key(self) -> str:
        return f"{self.kernel}/{self.slug}, t{self.threads}"

    @property
    def ok_runs(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.status == "ok" and run.seconds > 0 and run.words > 0]

    @property
    def failed_runs(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.status not in ("ok", "skipped")]

    def speed(self) -> Interval | None:
        """Return words per second, the geometric mean over seeds."""
        return over_seeds(self.log_speeds(), math.exp)

    def log_speeds(self) -> list[float]:
        return [math.log(run.words / run.seconds) for run in self.ok_runs]

    @property
    def fastest_peer(self) -> Trained:
        """The peer in its faster mode, of the same kernel on as many threads."""

        def speed(one: Trained) -> float:
            found = one.speed()
            return found.estimate if found else 0.0

        return max((replace(self, slug=slug) for slug in PEER_MODES), key=speed)

    def over_peer(self) -> Interval | None:
        """Return the speed-up over the peer in its faster mode, by geometric means over seeds."""
        mine, theirs = self.log_speeds(), self.fastest_peer.log_speeds()
        return difference_interval(mine, theirs).map(math.exp) if mine and theirs else None

    def over_peer_text(self) -> str:
        """Return that speed-up as text, with the peer's mode where both were measured: ``file: 10.8× faster (10.1–11.5)``."""
        ratio, theirs = self.over_peer(), self.fastest_peer
        if ratio is None:
            return times(None)
        both = all(replace(self, slug=slug).ok_runs for slug in PEER_MODES)
        return (f"{PEER_MODES[theirs.slug]}: " if both else "") + times(ratio)

    def score(self, name: str) -> Interval | None:
        return over_seeds([run.scores[name] for run in self.ok_runs if name in run.scores])

    def loss(self) -> Interval | None:
        return over_seeds([run.loss for run in self.ok_runs if run.loss is not None])


def over_seeds(values: Sequence[float], function: Callable[[float], float] = float) -> Interval | None:
    """The mean of runs' figures with its 95 % t-interval, mapped by a function; None without runs."""
    return mean_interval(list(values)).map(function) if values else None


def implementations(training: Training) -> list[Trained]:
    """Return the implementations of each kernel, from the fastest to the slowest; those without a speed come last."""
    keys = dict.fromkeys((run.kernel, run.implementation, run.threads) for run in training.runs)

    def order(implementation: Trained) -> tuple[str, float]:
        speed = implementation.speed()
        return implementation.kernel, -speed.estimate if speed else math.inf

    return sorted((Trained(training, *key) for key in keys), key=order)


def by_kernel(training: Training) -> dict[str, list[Trained]]:
    """Return the implementations of each kernel, in the same order."""
    return {kernel: list(some) for kernel, some in groupby(implementations(training), attrgetter("kernel"))}


def row(implementation: Trained) -> tuple[str, ...]:
    """Return an implementation's cells under HEADER."""
    speed = implementation.speed()
    if speed is None:
        why = next((f"{run.status}: {run.reason}" for run in implementation.runs), "")
        return (implementation.slug, str(implementation.threads), why, *["–"] * (len(HEADER) - 3))
    runs = implementation.ok_runs
    memory = [run.peak_bytes for run in runs if run.peak_bytes is not None]
    words = sum(run.words for run in runs) / len(runs)
    text = "all" if all(run.whole for run in runs) else f"{rate(words)} words"
    return (
        implementation.slug,
        str(implementation.threads),
        with_interval(speed, rate),
        PEER if implementation.slug in PEER_MODES else implementation.over_peer_text(),
        three(sum(run.cpu_s for run in runs) / sum(run.words for run in runs) * 1e6),
        size_bytes(max(memory)) if memory else "–",
        text + (f", {len(runs)} of {len(implementation.runs)} runs" if implementation.failed_runs else ""),
        with_interval(implementation.loss(), lambda value: f"{value:.3f}"),
        *(with_interval(implementation.score(name), partial(score_text, name)) for name in SCORES),
        "" if implementation.slug == PEER else {True: "yes", False: "not shown", None: "–"}[implementation.equal],
    )


def score_text(name: str, value: float) -> str:
    """A score as text: ``4.1%`` of the analogies, or a rank correlation of ``0.438``; never minus zero."""
    return f"{round(value, 3) + 0.0:.1%}" if name == "analogies" else f"{round(value, 3) + 0.0:.3f}"


def with_interval(interval: Interval | None, text: Callable[[float], str]) -> str:
    """A mean and its interval, each number as ``text`` gives it."""
    if interval is None:
        return "–"
    ends = "" if interval.low is None or interval.high is None else f" ({text(interval.low)} to {text(interval.high)})"
    return f"{text(interval.estimate)}{ends}"


def summaries(training: Training) -> Iterator[str]:
    """Yield a sentence on each kernel, and one on each implementation that failed with some seeds."""
    for kernel, some in by_kernel(training).items():
        best = next((one for one in some if one.ok_runs), None)
        speed = best and best.speed()
        if not (best and speed):
            continue
        ratio = None if best.slug in PEER_MODES else best.over_peer()
        over = f", {faster(Interval(ratio.estimate))} than {PEER}" if ratio else ""
        yield (
            f"{kernel}: the fastest is {best.slug} on {counted(best.threads, 'thread')}, with {rate(speed.estimate)} words a "
            f"second{over}.{'' if best.slug == PEER else f' {quality_sentence(best)}'}"
        )
    for implementation in implementations(training):
        if implementation.failed_runs and implementation.ok_runs:
            why = "; ".join(dict.fromkeys(f"{run.status}: {run.reason}" for run in implementation.failed_runs))
            share = f"{len(implementation.failed_runs)} of {counted(len(implementation.runs), 'run')}"
            yield f"{implementation.key}: {share} failed ({why}). Its figures are of the others."


def quality_sentence(implementation: Trained) -> str:
    """What is known of an implementation's quality compared with the peer's."""
    if implementation.equal:
        return f"None of its scores is worse than {PEER}'s by more than twice the standard deviation of {PEER}'s own seeds."
    if reason := untestable(implementation):
        return f"Its quality could not be compared with {PEER}'s: {reason}."
    against = implementation.against
    reasons: dict[str, list[str]] = {}
    for name, label in SCORES.items():
        if name not in against or against[name].shown is None:
            reasons.setdefault(untestable_score(name, implementation), []).append(label)
    texts = [f"Not testable by {listed(labels)}: {why}" for why, labels in reasons.items()]
    if worse := [label for name, label in SCORES.items() if name in against and against[name].shown is False]:
        seeds = counted(implementation.training.planned, "seed")
        texts.insert(0, f"It was not shown to be equal to {PEER} by {listed(worse)} ({seeds} planned)")
    return " ".join(f"{text}." for text in texts)


def untestable(implementation: Trained) -> str:
    """Why an implementation's quality cannot be compared with the peer's; empty if it can."""
    peer, planned = implementation.peer, implementation.training.planned
    if not planned:
        return "the file is of a version that did not plan its seeds"
    if not all(run.whole for run in implementation.ok_runs):
        return "it was trained on a part of the text"
    if implementation.failed_runs:
        return "some of its runs failed"
    if not peer.ok_runs:
        return f"{PEER} was not trained on as many threads"
    if peer.failed_runs:
        return f"some of {PEER}'s runs failed"
    done = min(sum(run.seed <= planned for run in one.ok_runs) for one in (implementation, peer))
    if done < planned:
        return f"{done} of the {counted(planned, 'planned seed')} are done (--resume runs the others)"
    return ""


def untestable_score(name: str, implementation: Trained) -> str:
    """Why a score of an implementation cannot be compared with the peer's."""
    planned = implementation.training.planned
    pair = implementation, implementation.peer
    if min(sum(name in run.scores for run in one.ok_runs if run.seed <= planned) for one in pair) < planned:
        return "too few words of its list are in the text, or all vectors are alike"
    if planned < 2:
        return "at least two seeds are needed"
    return f"{PEER}'s own score is below twice the margin"


def margins(training: Training) -> str:
    """By how much each score may be worse, for each of the peer's rows."""
    texts: dict[str, str] = {}
    for key, against in training.against.items():
        kernel, _, slug = key.partition("/")
        each = [
            f"{label} {score_text(name, against[name].margin)}" for name, label in SCORES.items() if name in against
        ]
        if each:
            texts.setdefault(f"{kernel}, {slug.rpartition(', ')[2]}", ", ".join(each))
    return "; ".join(f"{where}: {each}" for where, each in texts.items())


def describe_data(training: Training) -> str:
    """Return a sentence on the text and the settings of the runs."""
    seeds = [len(one.ok_runs) for one in implementations(training) if one.ok_runs] or [0]
    number = counted(seeds[0], "seed") if len(set(seeds)) == 1 else f"{min(seeds)} to {max(seeds)} seeds"
    settings = ", ".join(f"{name} {value:g}" for name, value in training.settings.items() if name != "full_windows")
    return (
        f"{training.corpus}: {training.tokens:,} words of text, a vocabulary of {training.V:,}, H = {training.H}, "
        f"K = {training.K}, {counted(training.epochs, 'epoch')}, {number}, {settings}."
    )


def describe_method(training: Training) -> str:
    """Return how speed and quality were measured, in a few sentences."""
    asked = ", ".join(f"{SCORES.get(name, name)} {number:,}" for name, number in training.asked.items())
    seeds = counted(training.planned, "planned seed")
    texts = [
        "Words a second are words of the text, counted before frequent ones are left out.",
        "All implementations leave out words and shrink windows by word2vec's rules, so equal words are equal work, except for "
        "the optimizer and how negatives are drawn.",
        f"Speed is compared with the faster mode of {PEER}: its queue, or a file that each worker reads a part of.",
        "Figures are means over seeds with 95 % t-intervals.",
        f"Held-out loss (lower is better) is the negative-sampling loss on every hundredth line, which no implementation is trained on, with the "
        f"same {training.K} negatives a pair for all. Implementations with a full softmax minimise another loss.",
        "Losses are only comparable after equal numbers of words of the same text. Within an epoch they may rise if the text "
        "changes.",
        f"Pairs and questions whose words occur in the text: {asked}." if asked else "",
        f"Equal to {PEER}: not worse than {PEER} on as many threads by the margin or more, at 5 % one-sided for each score. This "
        f"is tested once, on the {seeds} fixed before the first run; later seeds are not part of the test.",
        f"A margin is twice the standard deviation of {PEER}'s own seeds, plus 0.001, the last digit shown. The test accounts "
        "for the margin being an estimate.",
        f"Margins: {by}." if (by := margins(training)) else "",
        "Not shown: non-inferiority was not demonstrated.",
        f"–: not testable, because the implementation was trained on a part of the text, runs failed or are missing, {PEER} is "
        f"missing, or {PEER}'s own score is below twice the margin. A longer training or a larger text would help with the last.",
    ]
    return " ".join(filter(None, texts))


def markdown(training: Training) -> str:
    """Return data, summaries, tables and method as Markdown."""
    kernels = (
        ([f"## {plain(kernel)}"], markdown_table(HEADER, map(row, some), left=1))
        for kernel, some in by_kernel(training).items()
    )
    return document(
        ["# Speed against quality"],
        [plain(describe_data(training))],
        bullets(summaries(training)),
        *chain.from_iterable(kernels),
        [plain(describe_method(training))],
    )
