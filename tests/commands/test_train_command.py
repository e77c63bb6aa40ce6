"""The commands train and quality, end to end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plans import scores as quality
from bench.plans.quality import QualityRequest, content, words_trained
from impls.training.implementations import CBOW
from impls.words import builtin
from reports.files import read
from reports.results import Against, ResultFile, TrainingRun
from reports.training import HEADER, describe_data, describe_method, implementations, markdown, row, summaries
from reports.training_page import DOT, LEFT, LETTER, RIGHT, WIDE, curves, drawing, html, place_names
from tests.vectors import load

ROOT = Path(__file__).parents[2]
TEXT = "".join(f"{a} {b} {a} {b} {c}\n" for a, b, c in [("cat", "dog", "pet"), ("red", "blue", "hue")] * 300)


def w2vbench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(("out", "more"), [("v.bin", ()), ("v.txt", ("--cbow", "1", "--threads", "2"))])
def test_train_leaves_vectors_and_says_how_fast_it_was(tmp_path: Path, out: str, more: tuple[str, ...]) -> None:
    (tmp_path / "text").write_text(TEXT)
    done = w2vbench(
        "train",
        "--train",
        "text",
        "--output",
        out,
        "--size",
        "20",
        "--iter",
        "3",
        "--min-count",
        "1",
        *more,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"{out}: 6 vectors of 20 numbers" in done.stdout
    assert "words a second" in done.stdout
    names, vectors = load(tmp_path / out)
    assert sorted(names) == ["blue", "cat", "dog", "hue", "pet", "red"]
    assert vectors.shape == (6, 20)
    assert np.isfinite(vectors).all()
    assert (tmp_path / out).read_bytes().startswith(b"6 20\n")


def test_train_gives_the_same_vectors_for_a_seed(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    for out in ("one", "other"):
        done = w2vbench("train", "--corpus", "text", "--out", out, "--threads", "1", "--seed", "7", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--corpus", "missing.txt"), "missing.txt: No such file"),
        (("train", "--corpus", "empty.txt"), "empty"),
        (("train", "--corpus", "binary.txt"), "binary"),
        (("train", "--corpus", "rare.txt"), "--min-count"),
        (("train", "--corpus", "rare.txt", "--min-count", "1", "--out", "nowhere/v.bin"), "no folder nowhere"),
        (("train", "--min-count", "10000000"), "--min-count"),
        (("train", "--corpus", "text.gz"), "text.gz: compressed, not text: unpack it first"),
        (("train", "--corpus", "noise.txt"), "noise.txt: binary, not text"),
        (("train", "--corpus", "latin.txt"), "latin.txt: not UTF-8 text"),
        (("train", "--out", "-"), "--out: a file is needed, not -"),
        (("train", "--debug", "2"), "No such option: --debug (see w2vbench train --help)"),
        (("train", "--size", "0"), "--vector-size"),
        (("train", "--model", "glove"), "glove"),
        (("quality", "--only", "nothing"), "no training implementation matches"),
        (("quality", "--kernel", "lookup"), "no training implementation matches"),
        (("quality", "--budget", "long"), "not a time from 0.1 s to 30 days: 'long'"),
        (("quality", "--min-count", "10000000"), "--min-count"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(b"\x7fELF\0\0\0")
    (tmp_path / "rare.txt").write_text("each word stands here once")
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"one two two " * 100))
    (tmp_path / "noise.txt").write_bytes(bytes([0xFF, 1, 2, 3, 65, 66]) * 10)
    (tmp_path / "latin.txt").write_bytes("d\xe9j\xe0 vu ".encode("latin1") * 10)
    done = w2vbench(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_saves_what_was_learnt_so_far_and_keeps_the_vectors_of_an_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "v.bin").write_text("earlier vectors")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "train", "--epochs", "400", "--out", "v.bin", "--threads", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "words/s" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted at a learning rate of 0.02" in out
    assert "put aside as v.previous-1.bin" in err
    names, vectors = load(tmp_path / "v.bin")
    assert len(names) == len(vectors) > 10_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.bin", "v.previous-1.bin"]
    assert (tmp_path / "v.previous-1.bin").read_text() == "earlier vectors"


def test_subsampling_that_leaves_nothing_to_learn_from_is_warned_of(tmp_path: Path) -> None:
    done = w2vbench("train", "--epochs", "1", "--sample", "1e-9", "--out", "v.bin", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--sample 1e-09 keeps too few words to learn much" in done.stderr


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("quality")
    (folder / "text").write_text(TEXT)
    asked = ("--corpus", "text", "--kernel", "training.cbow", "--seeds", "2", "--epochs", "1", "--budget", "0.5s")
    return folder, w2vbench(
        "quality", *asked, "--only", "*/numba", "--only", "*/sparse", "--only", "*/gensim", cwd=folder
    )


def test_quality_leaves_a_table_a_page_and_a_result_file(
    judged: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = judged
    assert done.returncode == 0, done.stderr
    assert "training.cbow: the fastest is numba on 1 thread" in done.stdout
    for name in ("quality.json", "quality.html", "quality.md"):
        assert (folder / "reports/out" / name).is_file()
    training = read(folder / "reports/out/quality.json").w2vbench.training
    assert training is not None
    ran = [run for run in training.runs if run.implementation == "numba"]
    assert {run.seed for run in ran} == {1, 2}
    assert all(run.status == "ok" and run.words > 2000 and run.seconds > 0 for run in ran)
    assert (training.corpus, training.V, training.tokens) == ("text", 6, 3000)


def test_quality_goes_on_from_its_earlier_runs(
    judged: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Runs that are there are kept as they are, those of new seeds and implementations are made, and a failed one is tried again."""
    folder, _ = judged
    (tmp_path / "text").write_text(TEXT)
    out = tmp_path / "reports/out"
    out.mkdir(parents=True)
    before = json.loads((folder / "reports/out/quality.json").read_text())
    runs = before["w2vbench"]["training"]["runs"]
    runs[0] = {key: runs[0][key] for key in ("kernel", "implementation", "title", "threads", "seed")} | {
        "status": "timeout",
        "reason": "took long",
    }
    (out / "quality.json").write_text(json.dumps(before))
    asked = ("--corpus", "text", "--kernel", "training.cbow", "--epochs", "1", "--budget", "0.5s", "--seeds", "3")
    done = w2vbench("quality", *asked, "--only", "*/numba", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    training = read(out / "quality.json").w2vbench.training
    assert training is not None
    assert sorted(run.seed for run in training.runs if run.implementation == "numba") == [1, 2, 3]
    assert training.planned == 2  # before the first run: what is added has no part in the test
    assert "the test still uses the 2 seeds that were planned before the first run" in done.stderr
    kept = [TrainingRun.model_validate(run) for run in runs if run["status"] == "ok"]
    assert len(kept) >= 3
    assert [run for run in kept if run not in training.runs] == []

    (tmp_path / "text").write_text(TEXT.replace("\n", " ", 1))  # the same words, in other lines
    done = w2vbench("quality", *asked, "--only", "*/numba", "--resume", cwd=tmp_path)
    assert done.returncode == 2
    assert "is of other runs" in done.stderr
    assert "text or code" in done.stderr


def test_more_seeds_train_on_as_many_words_as_those_before() -> None:
    """Else one that ran while the machine was slow would be of a part of the text, and all of its implementation's answers void."""
    records = [
        record("numba", 1, 0.0, words=900),
        record("chapter-3", 1, 0.0, words=900, whole=False),
        record("torch", 1, 0.0, words=900, status="timeout"),
    ]
    assert words_trained(records) == {("training.cbow/numba", 1): None, ("training.cbow/chapter-3", 1): 900}


def record(slug: str, seed: int, score: float, **more: object) -> TrainingRun:
    known = {"kernel": "training.cbow", "implementation": slug, "title": slug, "threads": 1, "seed": seed}
    scores = dict.fromkeys(quality.SCORES, score)
    return TrainingRun.model_validate({**known, "status": "ok", "whole": True, "scores": scores, **more})


@pytest.mark.parametrize(("planned", "done", "equal"), [(4, 4, True), (4, 6, True), (4, 3, None), (6, 6, False)])
def test_the_test_is_of_the_seeds_that_were_planned_and_of_no_others(
    planned: int, done: int, equal: bool | None
) -> None:
    """The fifth and sixth seed are much worse: a test at each look would see them, or would not have waited for the fourth."""
    mine = [0.405, 0.4, 0.405, 0.4, 0.0, 0.0][:done]
    records = [record("numba", seed, score) for seed, score in enumerate(mine, 1)]
    records += [record("gensim", seed, score) for seed, score in enumerate([0.3, 0.301] * 3, 1)]
    asked = QualityRequest(CBOW, V=10, seeds=done, planned=planned)
    found = content(asked, builtin(), None, "", records[::-1])
    assert found.planned == planned
    assert found.equal == {"training.cbow/numba, t1": equal}
    assert len(found.against["training.cbow/numba, t1"]) == (0 if equal is None else 3)
    failed = record("numba", planned + 1, 0.0, status="timeout", whole=False)
    assert content(asked, builtin(), None, "", [*records, failed]).equal == found.equal


@pytest.mark.parametrize("complete", [False, True])
def test_earlier_runs_are_put_aside(
    judged: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, complete: bool
) -> None:
    (tmp_path / "text").write_text(TEXT)
    earlier = json.loads((judged[0] / "reports/out/quality.json").read_text())
    earlier["w2vbench"]["complete"] = complete
    (tmp_path / "quality.json").write_text(json.dumps(earlier))
    asked = ("--corpus", "text", "--kernel", "training.cbow", "--epochs", "1", "--seeds", "1", "--only", "*/numba")
    done = w2vbench("quality", *asked, "--out", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "put aside as quality.previous-1.json" in done.stderr
    assert json.loads((tmp_path / "quality.previous-1.json").read_text()) == earlier


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (None, "quality.json: No such file"),
        ("", "quality.json: empty"),
        ("not JSON", "quality.json"),
        ('{"benchmarks": []}', "quality.json"),
    ],
)
def test_quality_goes_on_from_nothing_else(tmp_path: Path, there: str | None, message: str) -> None:
    if there is not None:
        (tmp_path / "quality.json").write_text(there)
    done = w2vbench("quality", "--resume", "--out", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def example() -> ResultFile:
    """Runs of three implementations: one judged equal, one not measured, and the peer; with a name that a page must not take for HTML."""

    def run(slug: str, seed: int, **more: object) -> dict[str, object]:
        return {
            "kernel": "training.cbow", "implementation": slug, "title": "a <b>title</b>", "threads": 1, "seed": seed,
            "status": "ok", "words": 2_000_000, "seconds": 1.0 + seed / 10, "cpu_s": 1.0, "peak_bytes": 10**8,
            "curve": [[1000, 4.0], [2_000_000, 2.5]], "loss": 2.5,
            "scores": {"wordsim353": 0.4, "simlex999": 0.2 + seed / 100, "analogies": 0.05}, **more,
        }  # fmt: skip

    runs = [
        *(run("gensim", seed, seconds=10.0) for seed in (1, 2)),
        *(run("numba", seed) for seed in (1, 2)),
        run("<img src=x onerror=alert(1)>", 1, whole=False, words=5_000, scores={}, curve=[], loss=None, peak_bytes=None),
        {
            "kernel": "training.cbow", "implementation": "torch", "title": "torch", "threads": 1, "seed": 1,
            "status": "skipped", "reason": "needs torch: pip install torch",
        },
    ]  # fmt: skip
    return ResultFile.model_validate(
        {
            "machine_info": {}, "commit_info": {}, "benchmarks": [], "datetime": "2026-11-25T00:00:00", "version": "5",
            "w2vbench": {
                "schema_version": 1, "engine": "quality", "command": "w2vbench quality",
                "training": {
                    "corpus": "song", "tokens": 1_000_000, "V": 500, "H": 100, "K": 5, "epochs": 2,
                    "settings": {"window": 5, "sample": 0.001, "full_windows": False}, "runs": runs, "planned": 2,
                    "against": {"training.cbow/numba, t1": {"analogies": {"difference": 0.0, "margin": 0.0114, "room": 0.01, "shown": True}}},
                    "equal": {"training.cbow/numba, t1": True},
                },
            },
        }
    )  # fmt: skip


def test_the_table_says_what_each_implementation_did() -> None:
    training = example().w2vbench.training
    assert training is not None
    every = implementations(training)
    cells = {implementation.slug: dict(zip(HEADER, row(implementation), strict=True)) for implementation in every}
    numba = cells["numba"]
    assert numba["words a second"].startswith("1.74 million (")
    assert numba["over gensim"] == "8.70× faster (5.01–15.1)"
    assert numba["CPU s a million words"] == "0.500"
    assert numba["equal to gensim"] == "yes"
    assert numba["analogies"] == "5.0% (5.0% to 5.0%)"
    assert cells["torch"]["words a second"] == "skipped: needs torch: pip install torch"
    assert cells["<img src=x onerror=alert(1)>"]["text"] == "5,000 words"
    assert list(summaries(training)) == [
        "training.cbow: the fastest is numba on 1 thread, with 1.74 million words a second, 8.70× faster than gensim. None of its "
        "scores is worse than gensim's by more than twice the standard deviation of gensim's own seeds."
    ]


def test_seeds_that_failed_are_told() -> None:
    """An implementation that often fails is not shown by the runs that went well alone."""
    result = example()
    training = result.w2vbench.training
    assert training is not None
    failed = {"seed": 3, "status": "wrong", "reason": "its vectors did not stay finite"}
    runs = [*training.runs, training.runs[2].model_copy(update=failed)]
    training = training.model_copy(update={"runs": runs})
    every = implementations(training)
    cells = {implementation.slug: dict(zip(HEADER, row(implementation), strict=True)) for implementation in every}
    assert cells["numba"]["text"] == "all, 2 of 3 runs"
    assert cells["gensim"]["text"] == "all"
    assert (
        "training.cbow/numba, t1: 1 of 3 runs failed (wrong: its vectors did not stay finite). Its figures are of the others."
        in summaries(training)
    )
    assert "1 to 2 seeds" in describe_data(training)


@pytest.mark.parametrize(
    ("equal", "shown", "planned", "seeds", "said"),
    [
        (True, {}, 2, 2, "None of its scores is worse"),
        (
            False,
            {"analogies": False, "simlex999": True, "wordsim353": True},
            2,
            2,
            "not shown to be equal to gensim by analogies (2 seeds planned).",
        ),
        (
            False,
            {"analogies": None, "simlex999": False, "wordsim353": True},
            2,
            2,
            "not shown to be equal to gensim by SimLex-999 (2 seeds planned). Not testable by analogies: gensim's own score is below "
            "twice the margin.",
        ),
        (None, {}, 1, 1, "Not testable by WordSim-353, SimLex-999 and analogies: at least two seeds are needed."),
        (
            None,
            {},
            5,
            2,
            "could not be compared with gensim's: 2 of the 5 planned seeds are done (--resume runs the others).",
        ),
        (None, {}, 2, 0, "could not be compared with gensim's: gensim was not trained on as many threads"),
        (True, {}, 0, 2, "could not be compared with gensim's: the file is of a version that did not plan its seeds"),
    ],
)
def test_what_is_known_of_the_quality_of_the_fastest_is_always_told(
    equal: bool | None, shown: dict[str, bool | None], planned: int, seeds: int, said: str
) -> None:
    training = example().w2vbench.training
    assert training is not None
    key = "training.cbow/numba, t1"
    runs = [run for run in training.runs if run.seed <= seeds or (run.implementation == "numba" and not seeds)]
    against = {name: Against(difference=0, margin=0.01, room=0.0, shown=answer) for name, answer in shown.items()}
    training = training.model_copy(
        update={"equal": {key: equal}, "against": {key: against}, "planned": planned, "runs": runs}
    )
    every = implementations(training)
    (line,) = (line for line in summaries(training) if line.startswith("training.cbow: the fastest is numba"))
    assert said in line
    assert "more seeds" not in line
    (numba,) = (implementation for implementation in every if implementation.slug == "numba")
    cell = row(numba)[-1]
    assert cell == ({True: "yes", False: "not shown", None: "–"}[equal] if planned else "–")


def test_margins_are_stated_for_each_of_gensims_rows() -> None:
    training = example().w2vbench.training
    assert training is not None
    for text in (describe_method(training), markdown(training), html(example()).replace("&#39;", "'")):
        assert "Margins: training.cbow, t1: analogies 1.1%. " in text
        assert "twice the standard deviation of gensim's own seeds" in text
        assert "the 2 planned seeds fixed before the first run" in text
    assert "full_windows" not in describe_data(training)


@pytest.mark.parametrize(
    ("implementation", "said"),
    [
        (0, "could not be compared with gensim's: some of gensim's runs failed"),
        (2, "could not be compared with gensim's: some of its runs failed"),
    ],
)
def test_a_failed_run_is_named_where_quality_cannot_be_told(implementation: int, said: str) -> None:
    training = example().w2vbench.training
    assert training is not None
    failed = training.runs[implementation].model_copy(update={"seed": 3, "status": "timeout", "reason": "took long"})
    training = training.model_copy(update={"equal": {}, "runs": [*training.runs, failed]})
    (line,) = (line for line in summaries(training) if line.startswith("training.cbow: the fastest is numba"))
    assert said in line


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("np.full((problem.size.V, problem.size.H), np.nan, np.float32)", "the model's W_in is not finite"),
        ("initial(problem)", "does not learn"),  # it does nothing, and would be the fastest of all
    ],
)
def test_quality_trains_no_implementation_that_does_not_keep_the_contract(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from impls.training.contract import initial\n"
        "from impls.training.implementations import cbow\n"
        "class Model:\n"
        "    def __init__(self, problem):\n"
        f"        self.alpha, self.W_in, self.W_out = 0.0, {rows}, {rows}\n"
        "mine = cbow.implementation('mine', 'a bad one', prepare=Model)(lambda words, starts, model: model)\n"
    )
    asked = ("--corpus", "text", "--impl", "mine.py", "--seeds", "1", "--epochs", "1", "--json")
    done = w2vbench("quality", *asked, "--kernel", "training.cbow", "--only", "mine", "--only", "numba", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    runs = {run["implementation"]: run for run in json.loads(done.stdout)["w2vbench"]["training"]["runs"]}
    assert runs["numba"]["status"] == "ok"
    assert runs["mine"]["status"] == "wrong"
    assert said in runs["mine"]["reason"]


def test_markdown_and_page_show_the_same_cells_and_no_html_of_the_files() -> None:
    result = example()
    training = result.w2vbench.training
    assert training is not None
    every = implementations(training)
    text, page = markdown(training), html(result)
    for implementation in every:
        for cell in row(implementation):
            assert cell.replace("<", "&lt;") in text
    assert "<img" not in page
    assert "<b>title" not in page
    assert page.count("<svg") == 4  # three scores, and the loss
    assert "numba" in page


def test_a_drawing_keeps_its_points_inside() -> None:
    training = example().w2vbench.training
    assert training is not None
    drawn = drawing(implementations(training), "simlex999")
    assert {point["name"] for point in drawn["points"]} == {"gensim", "numba"}
    for point in drawn["points"]:
        assert LEFT <= point["x"] <= WIDE - RIGHT
        assert 0 <= point["high"] <= point["y"] <= point["low"] <= 230
    assert drawing([], "simlex999") == {}
    json.dumps(drawn)


@given(
    st.lists(
        st.tuples(st.floats(60, 380), st.floats(20, 220), st.sampled_from(["gensim", "numba, 2 threads", "chapter-3"])),
        max_size=3,
    )
)
def test_names_of_points_cover_neither_points_nor_each_other(points: list[tuple[float, float, str]]) -> None:
    boxes = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _ in points]
    for (x, base), (_, _, name) in zip(place_names(points), points, strict=True):
        box = (x, base - 11, x + LETTER * len(name), base + 3)
        assert not any(
            box[0] < b[2] - 0.1 and b[0] < box[2] - 0.1 and box[1] < b[3] - 0.1 and b[1] < box[3] - 0.1 for b in boxes
        )
        assert box[0] >= LEFT
        assert box[2] <= WIDE + 0.1
        boxes.append(box)


def test_loss_is_drawn_as_the_mean_over_seeds() -> None:
    training = example().w2vbench.training
    assert training is not None
    drawn = curves(implementations(training))
    assert [line["name"] for line in drawn["lines"]] == ["gensim, t1", "numba, t1"]
    assert drawn["across"][0][1] == "1k"
    assert [text for _, text in drawn["up"]] == ["2.5", "3.0", "3.5", "4.0", "4.5"]
    assert curves([]) == {}


def test_a_loss_that_goes_astray_is_drawn_at_the_top() -> None:
    """As a table that blew up has it: its axis would have a line for each half."""
    training = example().w2vbench.training
    assert training is not None
    astray = training.runs[2].model_copy(update={"curve": [(1000, 4.0), (2_000_000, 1e12)]})
    drawn = curves(implementations(training.model_copy(update={"runs": [*training.runs[:2], astray]})))
    assert drawn["up"][-1][1] == "≥ 11.0"
    assert drawn["lines"][1]["points"].endswith(f",{drawn['up'][-1][0]}")


def test_options_may_be_written_as_word2vec_c_and_gensim_write_them(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    options = (
        "-train",
        "text",
        "-output",
        "v.bin",
        "-min-count",
        "1",
        "--vector_size",
        "12",
        "-cbow",
        "1",
        "--workers=1",
    )
    done = w2vbench("train", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "v.bin")[1].shape == (6, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sg", "1", "--cbow", "1"), "contradict each other"),
        (("--model", "cbow", "--sg", "1"), "contradict each other"),
        (("--alpha", "0.01", "--min-alpha", "0.5"), "cannot be used: min_alpha, 0.5, is above alpha, 0.01"),
        (("--out", "text"), "is the text itself"),
        (("--out", "/dev/null"), "is not an ordinary file"),
        (("--ns-exponent", "50"), "--ns-exponent"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    (tmp_path / "text").write_text(TEXT)
    done = w2vbench("train", "--corpus", "text", "--min-count", "1", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert (tmp_path / "text").read_text() == TEXT


@pytest.mark.parametrize("case", ["lookup/numba", "training.cbow/sparse"])
def test_what_has_no_lines_of_its_own_is_not_profiled(tmp_path: Path, case: str) -> None:
    done = w2vbench("profile", case, cwd=tmp_path)
    assert done.returncode == 2
    assert f"{case} has no lines to profile" in done.stderr
