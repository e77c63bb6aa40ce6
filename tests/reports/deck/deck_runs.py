"""Runs of the source deck with figures that can be worked out in one's head."""

from __future__ import annotations

from typing import Any

from w2vbench.bench.plans.run.deck_examples import examples
from w2vbench.reports.deck.screens import BATCH, CHAPTERS, LOOP_DENSE
from w2vbench.reports.file.schema.deck import Deck, Dots
from w2vbench.reports.file.schema.result import ResultFile

from tests import saved
from tests.saved import Content, not_measured

INPUT: dict[str, Any] = {"B": 1, "dtype": "f64"}
SCALAR: dict[str, Any] = {"kernel": "scatter.scalar", "V": 10**6, "H": 1, "B": 10_000, "dtype": "f64"}
ROWS: dict[str, Any] = {"kernel": "scatter.accumulate", "V": 10**6, "B": 10_000, "dtype": "f64"}
NEGATIVES: dict[str, Any] = {"kernel": "output.negative-sampling", "B": 1, "K": 5, "dtype": "f64"}
DRAWS: dict[str, Any] = {"kernel": "sampling.without-replacement", "H": 1, "B": 1, "K": 5, "dtype": "f64"}
STEP: dict[str, Any] = {"kernel": "training.cbow", "V": 10_000, "K": 5, "index": "i32"}
STAGES = ("examples", "lookup", "sampling", "output", "scatter", "update")
BOOK: dict[str, Any] = {"family": "textbook", "baseline": True}
V_ = (10**4, 10**5, 10**6)
SOURCES = {
    "lookup/one-hot-dot": "def one_hot_dot(W, idx):\n    one_hot[word] = 1\n    out[i] = np.dot(one_hot, W)\n",
    "lookup/gather": "@lookup.implementation('gather')\ndef gather(W, idx):\n    return W[idx]\n",
    "scatter.scalar/loop": "def loop(dout, idx, dW):\n    for i, word in enumerate(idx):\n        dW[word] += dout[i]\n",
    "scatter.dense/assign": "def assign(dout, idx, dW):\n    dW[...] = 0\n    dW[idx] = dout\n",
    "scatter.dense/loop": "def loop(dout, idx, dW):\n    dW[...] = 0\n",
}


def profile(lines: dict[str, tuple[int, float]], calls: int = 1) -> Content:
    return saved.profile({line: {"hits": hits, "time_s": s} for line, (hits, s) in lines.items()}, calls=calls)


def figures() -> list[Content]:
    """One-hot dot takes 50 ms and gather 1 µs; the loop 5 ms (10 ms in the profile's two lines) and add.at 50 µs."""
    return [
        saved.row("one-hot-dot", 5e-2, V=10**6, peak_bytes=8_000_000, **INPUT, **BOOK),
        saved.row("gather", 1e-6, V=10**6, peak_bytes=800, **INPUT),
        saved.row("loop", 5e-3, **SCALAR, **BOOK),
        saved.row("add-at", 5e-5, **SCALAR),
    ]


def profiles(rows: list[Content]) -> dict[str, Content]:
    """Of all but add.at."""
    found = [
        profile({"one_hot[word] = 1": (2, 1e-3), "out[i] = np.dot(one_hot, W)": (2, 0.12)}, calls=2),
        profile({"return W[idx]": (4, 8e-6)}, calls=4),
        profile({"for i, word in enumerate(idx):": (10_001, 4e-3), "dW[word] += dout[i]": (10_000, 6e-3)}),
    ]
    return {one["name"]: profile for one, profile in zip(rows, found, strict=False)}


def growing() -> list[Content]:
    """What grows with V takes ten times as long at ten times the vocabulary; what does not takes 1 µs or 20 µs."""
    rows = []
    for V in V_:
        if V < 10**6:  # the others are among the deck's figures
            rows += [saved.row("one-hot-dot", 5e-8 * V, V=V, **INPUT, **BOOK), saved.row("gather", 1e-6, V=V, **INPUT)]
        rows += [
            saved.row("full", 4e-7 * V, kernel="output.softmax", V=V, peak_bytes=800 * V, **INPUT, **BOOK),
            saved.row(
                "book-layers",
                5e-7 * V,
                V=V,
                read_bytes=8e3 * V,
                written_bytes=8.8e3 * V,
                prepare_bytes=1600 * V,
                **NEGATIVES,
                **BOOK,
            ),
            saved.row("einsum-dense", 1e-7 * V, V=V, prepare_bytes=800 * V, **NEGATIVES),
            saved.row("einsum-rows", 2e-5, V=V, **NEGATIVES),
            saved.row("choice-per-row", 1e-8 * V, V=V, **DRAWS, **BOOK),
            saved.row("cdf-redraw", 4e-5, V=V, **DRAWS),
        ]
    return rows


def others() -> list[Content]:
    """On rows, add.at takes 10 ms and the loop 8; Adam 100 ms and lazy Adam 100 µs; a step from 0.1 s down to 1 ms."""
    big: dict[str, Any] = {"V": 10**5, "dtype": "f64"}
    rows = [
        saved.row("loop", 8e-3, **ROWS, **BOOK),
        saved.row("add-at", 1e-2, **ROWS),
        saved.row("csr", 2e-3, **ROWS),
        saved.row("numba", 1e-3, **ROWS, family="compiled", needs=["numba"]),
        saved.row("loop", 3e-3, kernel="scatter.dense", **big, **BOOK),
        saved.row("dense", 1e-1, kernel="update.adam", **big, **BOOK),
        saved.row("rows", 1e-4, kernel="update.lazy-adam", **big),
    ]
    slugs = [key.partition("/")[2] for _, key in CHAPTERS]
    return rows + [step(slug, wall_s) for slug, wall_s in zip(slugs, (0.1, 0.02, 0.025, 1e-3), strict=True)]


LAYERS = {
    "MatMul.forward": ("lookup", 5e-3),
    "Embedding.forward": ("lookup", 1e-6),
    "SoftmaxWithLoss.forward": ("output.softmax", 1e-3),
    "MatMul.backward": ("output.softmax", 2e-2),
    "SigmoidWithLoss.forward": ("output.negative-sampling", 1e-5),
    "EmbeddingDot.forward": ("output.negative-sampling", 1e-5),
    "EmbeddingDot.backward": ("output.negative-sampling", 1e-2),
}
"""The kernel on whose inputs a layer's method is measured, and its time."""


def layers(script: str = "") -> dict[str, Content]:
    """The layers' figures: all time is on the last line, which allocates 800 kB. script: behind each line."""
    found = {}
    for name, (kernel, wall_s) in LAYERS.items():
        lines: dict[str, Content] = {f"    {line}{script}": {} for line in examples().layers[name].splitlines()}
        lines[list(lines)[-1]] = {"hits": 1, "time_s": wall_s, "traced_peak_bytes": 800_000, "traced_bytes": 0}
        found[name] = {
            "problem": f"{kernel}@V=1e5",
            "size": saved.row("gather", 1.0, V=10**5, **INPUT)["extra_info"]["size"],
            "samples": {"wall_s": [wall_s, wall_s], "cpu_s": [wall_s, wall_s]},
            "peak_bytes": 800_000,
            "profile": saved.profile(lines, first=100),
        }
    return found


def step(slug: str, wall_s: float) -> Content:
    made = saved.row(slug, wall_s, **{name: value for name, value in STEP.items() if name != "index"})
    made["extra_info"]["size"] = made["extra_info"]["size"] | {"index": "i32"}
    for name in ("name", "fullname", "group"):
        made[name] = made[name].replace("i64", "i32")
    return made


def worked() -> Deck:
    """The worked examples, with a rounding that is the same on every machine."""
    dots = Dots(V=7, H=3, B=5, score_difference=4e-16, dh_difference=0, table_difference=0)
    return examples().model_copy(update={"dots": dots})


def whole() -> ResultFile:
    """A finished run of the deck."""
    rows = [*figures(), *growing(), *others()]
    dense = profile({"dW[...] = 0": (1, 9e-4), "    dW[word] += dout[i]": (100, 1e-4)})
    steps = [one["name"] for one in rows if one["extra_info"]["kernel"] == "training.cbow"]
    wrong = not_measured("assign", "wrong", "a later gradient overwrites an earlier one", kernel="scatter.dense")
    wrong |= {"case": f"scatter.dense/assign@{BATCH}", "marked_wrong": True, "family": "textbook"}
    return saved.result(
        *rows,
        preset="deck",
        command="w2vbench run --preset deck",
        warnings=["the machine was busy when the run began"],
        not_measured=[wrong],
        profiles=profiles(rows) | {LOOP_DENSE: dense},
        stages={name: {stage: 1.0 + at for at, stage in enumerate(STAGES)} for name in steps},
        sources={
            key: {"file": f"impls/{key.partition('/')[0]}.py", "line": 7, "code": code} for key, code in SOURCES.items()
        },
        deck=worked().model_dump(),
        layers=layers(),
    )


def interrupted() -> ResultFile:
    """A run that was interrupted behind its first problem, of a version that computed no examples."""
    return saved.result(*figures()[:2], preset="deck", complete=False)


def hostile() -> ResultFile:
    """A run of the deck that tries to run code on the page from every text that the page shows."""
    script = "".join(saved.HOSTILE) + saved.LONG
    rows = figures()
    found = profiles(rows)
    for one in found.values():
        for line in one["lines"]:
            line["text"] += script
    return saved.result(
        *rows,
        preset="deck",
        command=f"w2vbench run {script}",
        environment={"cpu": script, "packages": {"numpy": script}},
        profiles=found,
        not_profiled={rows[3]["name"]: script},
        sources={key: {"file": script, "line": 1, "code": script} for key in SOURCES},
        deck={"layers": dict.fromkeys(examples().layers, script)},
        layers={
            **layers(script),
            "MatMul.forward": {**layers()["MatMul.forward"], "profile": None, "not_profiled": script},
        },
    )


DECK_PAGES = {"deck": whole, "deck, interrupted": interrupted, "deck, hostile": hostile}
