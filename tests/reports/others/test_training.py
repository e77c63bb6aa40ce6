"""What is shown of training runs: figures of each implementation, what is known of its quality, and the page."""

from __future__ import annotations

import math
from typing import Any

import pytest
from w2vbench.reports.file.schema.training import Against, Training
from w2vbench.reports.others.training import Trained, implementations, markdown, row, summaries
from w2vbench.reports.others.training_page import bars_of, html, losses

from tests import golden_files, saved

NUMBA = "training.cbow/numba, t1"
IMAGE = "<img src=x onerror=alert(1)>"


def run(slug: str, seed: int, **more: object) -> dict[str, object]:
    return {
        "kernel": "training.cbow", "implementation": slug, "title": "a <b>title</b>", "threads": 1, "seed": seed,
        "status": "ok", "words": 2_000_000, "seconds": 1.0 + seed / 10, "cpu_s": 1.0, "peak_bytes": 10**8,
        "curve": [[1000, 4.0], [2_000_000, 2.5]], "loss": 2.5,
        "scores": {"wordsim353": 0.4, "simlex999": 0.2 + seed / 100, "analogies": 0.05}, **more,
    }  # fmt: skip


def training(**changed: Any) -> Training:
    """Runs of three implementations: one judged equal, one not measured, and the peer; with a name that a page must not take for HTML."""
    runs = [
        *(run("gensim", seed, seconds=10.0) for seed in (1, 2)),
        *(run("numba", seed) for seed in (1, 2)),
        run(IMAGE, 1, whole=False, words=5_000, scores={}, curve=[], loss=None, peak_bytes=None),
        run("torch", 1, status="skipped", reason="needs torch: pip install torch"),
    ]
    analogies = {"difference": 0.0, "margin": 0.0114, "room": 0.01, "shown": True}
    made = Training.model_validate({
        "corpus": "song", "tokens": 1_000_000, "V": 500, "H": 100, "K": 5, "epochs": 2,
        "settings": {"window": 5, "sample": 0.001, "full_windows": False}, "runs": runs, "planned": 2,
        "against": {NUMBA: {"analogies": analogies}}, "equal": {NUMBA: True},
    })  # fmt: skip
    return made.model_copy(update=changed)


def with_failure(of: int, **more: Any) -> Training:
    """The same runs and one more, of the implementation of a given run, that failed, so that equality was not tested."""
    failed = {"seed": 3, "status": "timeout", "reason": "took long", **more}
    return training(runs=[*training().runs, training().runs[of].model_copy(update=failed)], equal={})


def unlike(equal: bool | None, planned: int = 2, seeds: int = 2, **shown: bool | None) -> Training:
    """The same runs, or those of some seeds, with another answer. shown: by score."""
    runs = [one for one in training().runs if one.seed <= seeds or (one.implementation == "numba" and not seeds)]
    against = {name: Against(difference=0, margin=0.01, room=0.0, shown=answer) for name, answer in shown.items()}
    return training(equal={NUMBA: equal}, against={NUMBA: against}, planned=planned, runs=runs)


UNLIKE = {
    "equal": unlike(True),
    "one score not shown": unlike(False, analogies=False, simlex999=True, wordsim353=True),
    "one not shown, one not testable": unlike(False, analogies=None, simlex999=False, wordsim353=True),
    "one seed": unlike(None, planned=1, seeds=1),
    "seeds that are not done": unlike(None, planned=5),
    "no peer": unlike(None, seeds=0),
    "a file that planned no seeds": unlike(True, planned=0),
    "a peer that failed": with_failure(0),
    "an implementation that failed": with_failure(2),
    "an implementation that is wrong": with_failure(2, status="wrong", reason="its vectors did not stay finite"),
}


def trained(made: Training, slug: str) -> Trained:
    (found,) = (one for one in implementations(made) if one.slug == slug)
    return found


def test_what_is_said_reads_as_it_was_checked_by_eye() -> None:
    said = [
        "\n\n".join([f"## {name}", " | ".join(row(trained(made, "numba"))), *summaries(made)])
        for name, made in UNLIKE.items()
    ]
    golden_files.check("training.md", "\n\n".join([markdown(training()), *said]) + "\n")


def test_figures_are_geometric_means_over_seeds() -> None:
    numba = trained(training(), "numba")
    speed, over = numba.speed(), numba.over_peer()
    assert speed is not None
    assert over is not None
    assert (speed.estimate, over.estimate) == pytest.approx((2e6 / math.sqrt(1.1 * 1.2), 10 / math.sqrt(1.1 * 1.2)))


def test_markdown_and_page_show_the_same_cells_and_no_html_of_the_files() -> None:
    made = training()
    text, page = markdown(made), html(saved.result(engine="quality", training=made.model_dump(by_alias=True)))
    for one in implementations(made):
        assert all(cell.replace("<", "&lt;") in text for cell in row(one))
    assert "<img" not in page
    assert "<b>title" not in page
    assert "numba" in page


def test_bars_lie_on_their_axes_and_the_best_ends_it() -> None:
    bars = bars_of(implementations(training()))
    for column in ("words a second", "SimLex-999"):
        places = [its[column] for its in bars if column in its]
        assert len(places) >= 2
        assert all(0 <= low <= at <= high <= 100 for at, low, high in places)
        assert max(high for _, _, high in places) == 100
    assert bars_of([]) == []


def test_loss_is_drawn_as_the_mean_over_seeds() -> None:
    drawn = losses(implementations(training()))
    assert [line["name"] for line in drawn] == ["numba, t1", "gensim, t1"]
    assert drawn[0]["points"] == [{"x": 1000, "y": 4.0}, {"x": 2_000_000, "y": 2.5}]
    assert losses([]) == []


def test_a_loss_that_goes_astray_is_drawn_at_the_top() -> None:
    """As a table that blew up has it: its axis would have no room for the others."""
    runs = training().runs
    astray = runs[2].model_copy(update={"curve": [(1000, 4.0), (2_000_000, 1e12)]})
    drawn = losses(implementations(training(runs=[*runs[:2], astray])))
    assert [(line["diverged"], line["points"][-1]["y"]) for line in drawn] == [(True, 2.5 + 8), (False, 2.5)]
