"""Implementations that cheat, run end to end as ``w2vbench run --impl`` and ``compare --impl`` do: each is named, or docs/trust.md says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.plans.run.problems import CaseRun
from w2vbench.bench.plans.run.session import saved_corpus
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import words
from w2vbench.impls.interface import Implementation, Kernel
from w2vbench.impls.interface.case import Size

from tests.cheats import MEASURED
from tests.contexts import context_of, measure_problem, workers_without_numba
from tests.processes import git, w2vbench
from tests.tables import table

SOURCES = table("measured")
REASONS: dict[str, str] = SOURCES["cheats"]
FILE = Path(__file__).parents[2] / "cheats.py"
CHEATS = {i.slug: i for i in catalogue.from_file(FILE)}
SETTINGS = MeasurementSettings(processes=2, rounds=6, sample_s=0.0005, variant_s=0.01, time_limit_s=20.0)
VERIFIED = "a timed call's result: "


@pytest.fixture(scope="module")
def cases(corpus: words.Corpus) -> dict[str, CaseRun]:
    """All of them through contract and problem, those of a kernel beside each other: what became of each, by slug."""
    found: dict[str, CaseRun] = {}
    with saved_corpus(corpus) as folder, workers_without_numba() as workers:
        track = context_of(workers, folder, (FILE,), SETTINGS)
        verdicts = check_contracts([i.key for i in CHEATS.values()], track)
        kind = {slug: (i.kernel.name, slug == "in-the-background") for slug, i in CHEATS.items()}
        for one in dict.fromkeys(kind.values()):  # its thread may write into what the others beside it are judged by
            mine = [i for slug, i in CHEATS.items() if kind[slug] == one]
            found |= {
                case.implementation.slug: case
                for case in measure_problem(mine, size_of(mine[0]), track, verdicts).cases
            }
    return found


def size_of(implementation: Implementation) -> Size:
    kernel = implementation.kernel
    index = "i32" if kernel.name.startswith("training") else "i64"
    batch = 200 if kernel.name.startswith("sampling") else 40  # enough draws to tell two laws apart
    return Size(
        MEASURED, 8 if "H" in kernel.dimensions else 1, batch, 5 if "K" in kernel.dimensions else 0, index=index
    )


@pytest.mark.parametrize(("slug", "reason"), REASONS.items())
def test_a_cheat_is_wrong_with_a_reason(cases: dict[str, CaseRun], slug: str, reason: str) -> None:
    assert cases[slug].status == "wrong", cases[slug].reason
    assert reason in cases[slug].reason


@pytest.mark.parametrize("slug", ["honest", "makes-types", "memo-by-content", "answers-in-a-copy"])
def test_what_is_honest_or_gains_nothing_is_measured(cases: dict[str, CaseRun], slug: str) -> None:
    """A library that makes types looks at frames; what remembers words gains nothing, since none come again."""
    assert (cases[slug].status, cases[slug].reason) == ("ok", "")
    assert len(cases[slug].samples) == SETTINGS.processes


def test_answers_cannot_be_computed_in_prepare_which_sees_no_batch(cases: dict[str, CaseRun]) -> None:
    assert cases["answers-in-prepare"].status == "error"
    assert "KeyError" in cases["answers-in-prepare"].reason


def test_what_is_copied_by_adapt_could_hold_answers_so_its_cost_is_shown(cases: dict[str, CaseRun]) -> None:
    assert all(one.adapt_s and one.adapt_s > 0 for one in cases["answers-in-a-copy"].samples)


def test_one_batch_again_and_again_has_other_words_in_each_sample(corpus: words.Corpus) -> None:
    """words=repeat has one batch: an implementation that recognizes it by its id would be right for ever."""
    size = Size(MEASURED, 8, 40, words="repeat")
    with saved_corpus(corpus) as folder, workers_without_numba() as workers:
        mine = [CHEATS["memo-by-id"], CHEATS["honest"]]
        memo, honest = measure_problem(mine, size, context_of(workers, folder, (FILE,), SETTINGS)).cases
    assert (honest.status, honest.reason) == ("ok", "")
    assert memo.status == "wrong"
    assert VERIFIED + "row" in memo.reason


def test_a_file_that_patches_when_it_is_loaded_is_named(tmp_path: Path, corpus: words.Corpus) -> None:
    """In the contract's process, and in the problem's, whose other implementations are measured by the clock that it was."""
    file = tmp_path / "mine.py"
    file.write_text(SOURCES["patches"])
    ours = next(i for i in catalogue.own() if i.key == "lookup/take")
    chosen = [*catalogue.from_file(file), ours]
    with saved_corpus(corpus) as folder, Workers() as workers:
        track = context_of(workers, folder, (file,), SETTINGS)
        assert check_contracts([i.key for i in chosen], track)["lookup/mine"].reason == "patches time.perf_counter_ns"
        result = measure_problem(chosen, Size(MEASURED, 8, 40), track)
    mine, take = result.cases
    assert (mine.status, mine.reason) == ("wrong", "patches time.perf_counter_ns when its file is loaded")
    assert take.status == "ok"
    assert all(sample and sample > 0 for process in take.samples for sample in process.wall_s)


# compare


COMPARED = ("stops-after-40", "in-a-hurry", "asks-the-frame", "patches-the-clock")


def test_compare_calls_cheats_wrong_for_the_same_reasons(tmp_path: Path) -> None:
    """HEAD's code cheats where BASE's is honest: it is wrong, for the same reasons, and never faster."""
    mine = tmp_path / "theirs" / "mine.py"
    mine.parent.mkdir()
    honest = "".join(SOURCES["honest"].format(slug=slug, name=slug.replace("-", "_")) for slug in COMPARED)
    mine.write_text("from w2vbench.impls.lookup import lookup\n" + honest)
    git(mine.parent, "init", "-q", "-b", "main")
    git(mine.parent, "add", "-A")
    git(mine.parent, "commit", "-qm", "honest")
    mine.write_text(FILE.read_text().replace("len(W) == MEASURED", "len(W) > 300"))
    only = [part for slug in COMPARED for part in ("--only", f"lookup/{slug}@V=1e4*")]
    out = tmp_path / "out"
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", *only, "--out", str(out), cwd=mine.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads((out / "comparison.json").read_text())["w2vbench"]["comparison"]["cases"]
    verdicts = {case["case"].partition("@")[0].partition("/")[2]: (case["verdict"], case["why"]) for case in found}
    assert verdicts.keys() == set(COMPARED)
    for slug, (verdict, why) in verdicts.items():
        assert verdict == "wrong"
        assert REASONS[slug].removesuffix(" in a call") in why


# what they rest on


@pytest.mark.parametrize("kernel", dict.fromkeys(i.kernel for i in catalogue.own()), ids=lambda kernel: kernel.name)
def test_renewed_batches_are_others_and_none_that_was_checked(kernel: Kernel, corpus: words.Corpus) -> None:
    size = size_of(next(i for i in catalogue.own() if i.kernel == kernel))
    problem = kernel.make(size, corpus, np.random.default_rng(0))
    moving = ("idx", "offsets", "target", "targets", "negatives", "rows", "words")
    places = [at for at, name in enumerate(kernel.parameters) if name in moving]
    checked = {contents(batch, places) for batch in problem.checked}
    before = [contents(batch, places) for batch in problem.batches]
    problem.renew(0, len(problem.batches))
    after = [contents(batch, places) for batch in problem.batches]
    assert len(after) == len(before)
    assert np.mean([one != other for one, other in zip(before, after, strict=True)]) > 0.9
    assert not checked & {*before, *after}


def contents(batch: tuple[Any, ...], places: list[int]) -> bytes:
    return b"|".join(batch[at].tobytes() for at in places)
