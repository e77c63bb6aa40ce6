"""Changed result files of every command, given to all that read them."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

from w2vbench.reports.file.files import dump
from w2vbench.reports.file.schema.result import with_part

from tests import saved
from tests.reports.compare.comparisons import SITUATIONS
from tests.reports.compare.test_calibration import whole as calibration
from tests.reports.deck import deck_runs
from tests.reports.others.test_releases import numbas as releases
from tests.reports.others.test_training import training

from .kinds import Input
from .mutations import json_file, places

OUT = ("--out", "out")


@cache
def contents() -> dict[str, tuple[Any, list[tuple[Any, ...]]]]:
    """Return a file of each kind, and the paths of its values."""
    rows = saved.small()["benchmarks"]
    parts: dict[str, dict[str, Any]] = {
        "comparison": {"comparison": SITUATIONS["each verdict"]},
        "packages": {"comparison": SITUATIONS["packages"]},
        "calibrate": {"calibration": calibration()},
        "versions": {"releases": releases()},
        "quality": {"training": training()},
    }
    made: dict[str, Any] = {"run": saved.small(), "pytest": json.loads(saved.PYTEST.read_bytes())}
    made["threads"] = saved.content(*rows, saved.row("gather", 1e-5, threads=2), environment=saved.HERE)
    made["deck"] = json.loads(dump(deck_runs.whole()))
    made["cluster"] = saved.content(*rows, kind="A, 4 CPUs", machines=[{"name": "a (127.0.0.2:1)", "experiments": 2}])
    for name, part in parts.items():
        made[name] = json.loads(dump(with_part(saved.result(), **part)))
    return {name: (content, places(content)) for name, content in made.items()}


def changed(rng: random.Random, name: str = "") -> bytes:
    return json_file(rng, *contents()[name or rng.choice(list(contents()))])


def reported(rng: random.Random) -> Input:
    extra = rng.choice((OUT, OUT, ("--time-spent",)))
    return Input(("report", "a.json", *extra), {"a.json": changed(rng)})


def side_by_side(rng: random.Random) -> Input:
    """Runs of several machines, of which some are changed, for one page."""
    names = rng.choices(
        ("run", "threads", "deck", "cluster", "pytest", "quality"), [8, 2, 2, 4, 1, 1], k=rng.choice((2, 3))
    )
    files = {f"{at}.json": json.dumps(contents()[name][0]).encode() for at, name in enumerate(names)}
    for at in rng.sample(range(len(names)), rng.choice((1, 2))):
        files[f"{at}.json"] = changed(rng, names[at])
    return Input(("report", *files, *OUT), files)


def compared(rng: random.Random) -> Input:
    name = rng.choice(("run", "run", "threads", "pytest", "comparison", "packages"))
    files = {"a.json": changed(rng, name), "b.json": json.dumps(contents()[name][0]).encode()}
    if name in ("comparison", "packages"):
        return Input(("compare", "a.json", *rng.choice(((), ("--threshold", "5%"))), *OUT), files)
    line = ("compare", *rng.sample(("a.json", "b.json"), 2), *rng.choice(((), ("--across-machines",))), *OUT)
    return Input(line, files)


def stored(rng: random.Random) -> Input:
    """Runs in a store, of which some are changed, and its index."""
    files = {f"store/m/000{at}_run.json": json.dumps(contents()["run"][0]).encode() for at in range(3)}
    for at in range(rng.choice((1, 3))):
        files[f"store/m/000{at}_run.json"] = changed(rng, "run")
    if rng.random() < 0.2:
        files["store/.history-index"] = json_file(
            rng, {"version": "1 1 0.1.0", "files": {"m/0001_run.json": [1, 2, "x"]}}
        )
    options = rng.choice(((), ("--fail",), ("--json",), ("--kernel", "lookup"), ("--threshold", "1%")))
    return Input(("history", "--store", "store", *options, *OUT), files)


def resumed(rng: random.Random) -> Input:
    """A command that goes on from the file it left."""
    name, line = rng.choice((
        ("quality", ("quality", "--resume", "--kernel", "training.cbow", "--only", "numba")),
        ("calibrate", ("calibrate", "--resume")),
        ("comparison", ("history", "--acknowledge", "lookup/gather@*", "--why", "because")),
    ))  # fmt: skip
    written = {"quality": "quality", "calibrate": "calibration", "comparison": "comparison"}[name]
    return Input((*line, *OUT), {f"out/{written}.json": changed(rng, name)})
