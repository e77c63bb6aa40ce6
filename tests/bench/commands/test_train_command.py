"""The commands train and quality, end to end."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from w2vbench.bench.plans.train import scores as quality
from w2vbench.bench.plans.train.training_runs import TrainingRuns, words_trained
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.training.implementations import CBOW
from w2vbench.reports.file.files import read
from w2vbench.reports.file.schema.training import Training, TrainingRun

from tests.processes import PATIENCE_S, started, w2vbench
from tests.vectors import load

TEXT = "".join(f"{a} {b} {a} {b} {c}\n" for a, b, c in [("cat", "dog", "pet"), ("red", "blue", "hue")] * 300)
SMALL = ("--corpus", "text", "--kernel", "training.cbow", "--epochs", "1", "--budget", "0.5s")
"""What of quality takes a second."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text(TEXT)
    return tmp_path


def training_of(file: Path) -> Training:
    training = read(file).w2vbench.training
    assert training is not None
    return training


@pytest.mark.parametrize(
    ("options", "out"),
    [
        ("--train text --output v.txt --size 20 --iter 3 --min-count 1 --cbow 1 --threads 2 --sample 1e-9", "v.txt"),
        ("-train text -output v.bin -min-count 1 --vector_size 20 -cbow 1 --workers=1", "v.bin"),
    ],
)
def test_train_leaves_vectors_and_says_how_fast_it_was(folder: Path, options: str, out: str) -> None:
    """Options may be written as word2vec.c and gensim write them."""
    done = w2vbench("train", *options.split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"{out}: 6 vectors of 20 numbers" in done.stdout
    assert "words a second" in done.stdout
    assert ("--sample 1e-09 keeps too few words to learn much" in done.stderr) is ("--sample" in options)
    names, vectors = load(folder / out)
    assert sorted(names) == ["blue", "cat", "dog", "hue", "pet", "red"]
    assert vectors.shape == (6, 20)
    assert np.isfinite(vectors).all()
    assert (folder / out).read_bytes().startswith(b"6 20\n")


def test_train_gives_the_same_vectors_for_a_seed(folder: Path) -> None:
    for out in ("one", "other"):
        done = w2vbench("train", "--corpus", "text", "--out", out, "--threads", "1", "--seed", "7", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_ctrl_c_saves_what_was_learnt_so_far_and_keeps_the_vectors_of_an_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "v.bin").write_text("earlier vectors")
    process = started(tmp_path, "train", "--epochs", "400", "--out", "v.bin", "--threads", "1")
    assert process.stderr is not None
    for line in process.stderr:
        if "words/s" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "interrupted at a learning rate of 0.02" in out
    assert "put aside as v.previous-1.bin" in err
    names, vectors = load(tmp_path / "v.bin")
    assert len(names) == len(vectors) > 10_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.bin", "v.previous-1.bin"]
    assert (tmp_path / "v.previous-1.bin").read_text() == "earlier vectors"


Judged = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The result file of a small comparison of two implementations, and what the command printed."""
    folder = tmp_path_factory.mktemp("quality")
    (folder / "text").write_text(TEXT)
    only = ("--only", "*/numba", "--only", "*/sparse", "--only", "*/gensim")
    return folder / "reports/out/quality.json", w2vbench("quality", *SMALL, "--seeds", "2", *only, cwd=folder)


def test_quality_leaves_a_table_a_page_and_a_result_file(judged: Judged) -> None:
    file, done = judged
    assert done.returncode == 0, done.stderr
    assert "training.cbow: the fastest is numba on 1 thread" in done.stdout
    assert {"quality.json", "quality.html", "quality.md"} <= {one.name for one in file.parent.iterdir()}
    training = training_of(file)
    ran = [run for run in training.runs if run.implementation == "numba"]
    assert {run.seed for run in ran} == {1, 2}
    assert all(run.status == "ok" and run.words > 2000 and run.seconds > 0 for run in ran)
    assert (training.corpus, training.V, training.tokens) == ("text", 6, 3000)


def test_quality_goes_on_from_its_earlier_runs(judged: Judged, folder: Path) -> None:
    """Runs that are there are kept as they are, those of new seeds and implementations are made, and a failed one is tried again."""
    before = json.loads(judged[0].read_text())
    runs = before["w2vbench"]["training"]["runs"]
    kept = [TrainingRun.model_validate(run) for run in runs[1:] if run["status"] == "ok"]
    assert len(kept) >= 3
    runs[0] = {key: runs[0][key] for key in ("kernel", "implementation", "title", "threads", "seed")}
    runs[0] |= {"status": "timeout", "reason": "took long"}
    (folder / "quality.json").write_text(json.dumps(before))
    asked = ("quality", *SMALL, "--seeds", "3", "--only", "*/numba", "--resume", "--out", ".")
    done = w2vbench(*asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    training = training_of(folder / "quality.json")
    assert sorted(run.seed for run in training.runs if run.implementation == "numba") == [1, 2, 3]
    assert training.planned == 2  # before the first run: what is added has no part in the test
    assert "planned before the first run" in done.stderr
    assert [run for run in kept if run not in training.runs] == []

    (folder / "text").write_text(TEXT.replace("\n", " ", 1))  # the same words, in other lines
    done = w2vbench(*asked, cwd=folder)
    assert done.returncode == 2
    assert "text or code" in done.stderr


def record(slug: str, seed: int, score: float, **more: object) -> TrainingRun:
    known = {"kernel": "training.cbow", "implementation": slug, "title": slug, "threads": 1, "seed": seed}
    scores = dict.fromkeys(quality.SCORES, score)
    return TrainingRun.model_validate({**known, "status": "ok", "whole": True, "scores": scores, **more})


def test_more_seeds_train_on_as_many_words_as_those_before() -> None:
    """Else one that ran while the machine was slow would be of a part of the text, and all of its implementation's answers void."""
    records = [
        record("numba", 1, 0.0, words=900),
        record("chapter-3", 1, 0.0, words=900, whole=False),
        record("torch", 1, 0.0, words=900, status="timeout"),
    ]
    assert words_trained(records) == {("training.cbow/numba", 1): None, ("training.cbow/chapter-3", 1): 900}


@pytest.mark.parametrize(("planned", "done", "equal"), [(4, 4, True), (4, 6, True), (4, 3, None), (6, 6, False)])
def test_the_test_is_of_the_seeds_that_were_planned_and_of_no_others(
    planned: int, done: int, equal: bool | None
) -> None:
    """The fifth and sixth seed are much worse: a test at each look would see them, or would not have waited for the fourth."""
    mine = [0.405, 0.4, 0.405, 0.4, 0.0, 0.0][:done]
    records = [record("numba", seed, score) for seed, score in enumerate(mine, 1)]
    records += [record("gensim", seed, score) for seed, score in enumerate([0.3, 0.301] * 3, 1)]
    asked = TrainingRuns(implementations=CBOW, corpus=builtin(), seeds=done, planned=planned, records=records[::-1])
    found = asked.content()
    assert found.planned == planned
    assert found.equal == {"training.cbow/numba, t1": equal}
    assert len(found.against["training.cbow/numba, t1"]) == (0 if equal is None else 3)
    failed = record("numba", planned + 1, 0.0, status="timeout", whole=False)
    assert replace(asked, records=[*records, failed]).content().equal == found.equal


def test_earlier_runs_are_put_aside(judged: Judged, folder: Path) -> None:
    earlier = judged[0].read_text()
    (folder / "quality.json").write_text(earlier)
    done = w2vbench("quality", *SMALL, "--seeds", "1", "--only", "*/numba", "--out", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "put aside as quality.previous-1.json" in done.stderr
    assert (folder / "quality.previous-1.json").read_text() == earlier


BAD = {
    "not-finite": ("np.full((problem.size.V, problem.size.H), np.nan, np.float32)", "the model's W_in is not finite"),
    "idle": ("initial(problem)", "does not learn"),  # it does nothing, and would be the fastest of all
}
"""Implementations that keep no contract: the tables of their models, and what is said of them."""


def test_quality_trains_no_implementation_that_does_not_keep_the_contract(folder: Path) -> None:
    code = (
        "import numpy as np\n"
        "from w2vbench.impls.training.contract import initial\n"
        "from w2vbench.impls.training.implementations import cbow\n"
    )
    for at, (slug, (rows, _)) in enumerate(BAD.items()):
        code += (
            f"class Model{at}:\n"
            "    def __init__(self, problem):\n"
            f"        self.alpha, self.W_in, self.W_out = 0.0, {rows}, {rows}\n"
            f"bad{at} = cbow.implementation({slug!r}, 'a bad one', prepare=Model{at})(lambda words, starts, model: model)\n"
        )
    (folder / "mine.py").write_text(code)
    asked = ("--corpus", "text", "--impl", "mine.py", "--seeds", "1", "--epochs", "1", "--json")
    only = [part for slug in (*BAD, "numba") for part in ("--only", slug)]
    done = w2vbench("quality", *asked, "--kernel", "training.cbow", *only, cwd=folder)
    assert done.returncode == 1, done.stderr
    runs = {run["implementation"]: run for run in json.loads(done.stdout)["w2vbench"]["training"]["runs"]}
    assert runs["numba"]["status"] == "ok"
    for slug, (_, said) in BAD.items():
        assert runs[slug]["status"] == "wrong"
        assert said in runs[slug]["reason"]
