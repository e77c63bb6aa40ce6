"""Comparing revisions as a user does: real repositories, real processes. The changes are so large that no machine's noise hides them."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest
from w2vbench.bench.engine.machine import cpus
from w2vbench.bench.main import app
from w2vbench.bench.plans.calibrate.calibrate import CalibrateRequest, calibrate
from w2vbench.bench.plans.compare.measured import ComparisonRun

from tests.bench.commands.theirs import GATHERS, MINE, ROWS, compared, leftovers, make_repository, source
from tests.bench.plans.repositories import commit, state
from tests.processes import PATIENCE_S, ROOT, git, started, w2vbench, wait_until

OFTEN = "for _ in range(100):\n        out = W[idx]\n    return out\n"
"""A hundred times as long as a gather takes."""
SPIKES = """state[0] += 1
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass
    if {often} and state[0] % 7 == 0:
        time.sleep(0.1)
    return W[idx]"""
CRASHES = """calls[0] += len(W) > 1000
    if calls[0] > 30:  # more than the check makes
        os._exit(3)
    return W[idx]"""
PREPARED = {
    "reads": "json.loads((Path(__file__).parent / 'steps.json').read_text())",
    "spikes": "np.zeros(1, np.int64)",
    "prepares": "time.sleep(0.02)",
}
BEFORE = {
    **GATHERS,
    "meant": "return W[1 * idx]",
    "crashes": "return W[2 * idx // 2]",
    "reads": OFTEN.replace("100", "state"),
    "spikes": SPIKES.format(often=False),
    "prepares": "return W[idx]",
}
AFTER = {
    **{slug: body for slug, body in BEFORE.items() if slug != "goes"},
    "came": "return W[idx * 1]",
    "stays": "return np.take(W, idx, axis=0)  # no change",
    "breaks": "return W[idx] * 2",
    "hoards": "return np.concatenate([W[idx]] * 50)[: len(idx)].copy()",
    "meant": OFTEN,
    "crashes": CRASHES,
    "spikes": SPIKES.format(often=True),
}
"""Beside these, a file that ``reads`` reads, a module that ``slows`` imports, and what ``prepares`` prepares change."""


@dataclass(frozen=True)
class Done:
    """A finished comparison: what it printed, what it left in which folder, and what the repository was before and after."""

    process: subprocess.CompletedProcess[str]
    out: Path
    found: dict[str, Any]
    states: list[object]

    def case(self, slug: str) -> dict[str, Any]:
        (one,) = (case for case in self.found["cases"] if case["implementation"] == slug)
        return dict(one)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """All changes in one comparison, since one takes five processes, or up to 27, however many cases it has."""
    folder = tmp_path_factory.mktemp("compared")
    repository, out = (
        make_repository(folder / "theirs", {"mine.py": source(BEFORE, PREPARED), "steps.json": "1"}),
        folder / "out",
    )
    changed = source(AFTER, {**PREPARED, "prepares": "time.sleep(0.5)"}).replace("Outside", "Comments may change:")
    (repository / "mine.py").write_text(changed)
    (repository / "steps.json").write_text("100")
    (repository / "kept/rows.py").write_text(f"def rows_of(W, idx):\n    {OFTEN}")
    said = w2vbench("history", "--acknowledge", "lookup/meant@*", "--why", "it must", cwd=repository)
    assert said.returncode == 0, said.stderr
    before = state(repository)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--only", "*@V=1e4*", "--out", str(out))
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(out.parent / "summary.md")}
    process = w2vbench(*asked, "--junit", str(out.parent / "junit.xml"), cwd=repository, **github)
    assert process.returncode == 1, process.stdout + process.stderr
    return Done(process, out, compared(out), [before, state(repository)])


def test_only_what_changed_is_measured_and_judged(done: Done) -> None:
    """What is slower by its own code, by a module that it imports, and by a file that its set-up reads; wrong; or crashes."""
    measured = {case["implementation"] for case in done.found["cases"]}
    assert measured == {"slows", "breaks", "hoards", "meant", "crashes", "reads", "spikes", "prepares"}
    assert (done.found["added"], done.found["removed"]) == (["lookup/came"], ["lookup/goes"])
    assert any("lookup/stays" in case for cases in done.found["skipped"].values() for case in cases)
    for case in map(done.case, ("slows", "meant", "reads")):  # a busy machine may take several looks
        assert case["verdict"] == "slower"
        assert case["ratio"]["estimate"] > 10
        assert case["acknowledged"] == ("it must" if case["implementation"] == "meant" else None)
    breaks, crashes = done.case("breaks"), done.case("crashes")
    assert (breaks["verdict"], breaks["why"][:5]) == ("wrong", "HEAD:")
    assert (crashes["verdict"], crashes["why"][:13]) == ("broken", "HEAD: crashed")
    assert done.case("hoards")["memory"] == "more"
    assert "Traceback" not in done.process.stderr
    assert done.states[0] == done.states[1]
    assert not leftovers()


def test_what_a_user_feels_is_judged_though_the_median_is_the_same(done: Done) -> None:
    """Every seventh call 100 ms slower; and set-up that takes half a second instead of 20 ms.

    Means of a busy machine differ for the same code too: what they then decide is tested on samples that are given. There are so
    few slow calls that the median hardly moves even where a busy machine interrupts half of the others.
    """
    spikes, prepares = done.case("spikes"), done.case("prepares")
    assert spikes["verdict"] in ("slower", "inconclusive")
    assert spikes["mean"]["estimate"] > spikes["ratio"]["estimate"]
    assert prepares["setup"] == "slower"
    assert prepares["verdict"] != "slower"


def test_continuous_integration_gets_annotations_a_summary_and_junit(done: Done) -> None:
    assert "::error file=mine.py,line=11,title=slower::lookup/slows@" in done.process.stdout
    assert "lookup/meant@" not in "".join(line for line in done.process.stdout.splitlines() if line.startswith("::"))
    assert "lookup/slows@" in (done.out.parent / "summary.md").read_text()
    failed = {
        one.attrib["name"].partition("@")[0]
        for one in ElementTree.parse(done.out.parent / "junit.xml").iter("testcase")
        if one.find("failure") is not None
    }
    assert failed - {"lookup/spikes"} == {
        f"lookup/{slug}" for slug in ("slows", "breaks", "hoards", "crashes", "reads", "prepares")
    }


@pytest.fixture
def forged(done: Done, tmp_path: Path) -> Path:
    """A folder with that comparison's file, in which the verdict on ``slows`` was changed."""
    content = json.loads((done.out / "comparison.json").read_text())
    for case in content["w2vbench"]["comparison"]["cases"]:
        if case["implementation"] == "slows":
            case |= {"verdict": "same", "ratio": None, "why": "forged"}
    (tmp_path / "forged.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(("command", "code"), [("compare", 1), ("report", 0)])
def test_a_stored_comparison_is_decided_by_its_samples_and_not_by_its_verdicts(
    done: Done, forged: Path, command: str, code: int
) -> None:
    again = w2vbench(command, "forged.json", "--out", "again", cwd=forged)
    assert again.returncode == code, again.stderr
    assert (forged / "again/comparison.md").read_text() == (done.out / "comparison.md").read_text()


def test_a_stored_comparison_takes_another_threshold_but_no_choice_of_cases_and_shows_what_is_acknowledged(
    done: Done, forged: Path
) -> None:
    wide = w2vbench("compare", "forged.json", "--threshold", "50%", "--out", "wide", "--json", cwd=forged)
    assert json.loads(wide.stdout)["w2vbench"]["comparison"]["threshold"] == 0.5
    assert w2vbench("compare", "forged.json", "--kernel", "lookup", cwd=forged).returncode == 2
    content = json.loads((done.out / "comparison.json").read_text())
    content["w2vbench"]["comparison"]["cases"] = [done.case("meant")]
    (forged / "meant.json").write_text(json.dumps(content))
    passed = w2vbench("compare", "meant.json", cwd=forged)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "acknowledged: it must" in passed.stdout


def test_what_is_slower_on_several_threads_only_is_found_there(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process and fewer of its workers than users get: a hundred times as long is found by any number."""
    several = "import os\nTIMES = 1 if os.environ['OMP_NUM_THREADS'] == '1' else 100\n"
    (repository / "kept/rows.py").write_text(f"{several}def rows_of(W, idx):\n    {OFTEN.replace('100', 'TIMES')}")
    asked = ("compare", "HEAD", "--impl", "mine.py", "--only", "*/slows@V=1e4*", "--threads", "2", "--json")
    monkeypatch.chdir(repository)
    monkeypatch.setattr(ComparisonRun, "stages", (3, 4))
    code = app(args=[*asked, "--out", str(tmp_path / "out")], standalone_mode=False)
    said = capsys.readouterr()
    assert code == 1, said.err
    suite = json.loads(said.out)["w2vbench"]
    (case,) = suite["comparison"]["cases"]
    assert (case["case"][-3:], case["verdict"]) == (",t2", "slower")
    assert case["head_cpu_s"] > 10 * case["base_cpu_s"] > 0
    assert suite["environment"]["idlest_cpu"] is None  # not kept on one
    if len(cpus.allowed()) < 2:
        assert any("2 threads were asked for" in warning for warning in suite["warnings"])


def test_a_budget_leaves_cases_out_and_says_so(repository: Path, tmp_path: Path) -> None:
    (repository / "kept/rows.py").write_text(ROWS.replace("W[idx]", "W[idx * 1]"))
    asked = ("compare", "HEAD", "--impl", "mine.py", "--budget", "1s", "--out", str(tmp_path / "out"))
    cut = w2vbench(*asked, cwd=repository)
    assert cut.returncode in (0, 3), cut.stderr
    left_out = compared(tmp_path / "out")["skipped"]
    assert any("--budget" in why and cases for why, cases in left_out.items())


def test_the_commit_that_made_a_case_slower_is_found_and_the_same_code_is_not_measured_again(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same, slower, later = (
        commit(repository, files)
        for files in ({"note": "1"}, {"kept/rows.py": f"def rows_of(W, idx):\n    {OFTEN}"}, {"note": "2"})
    )
    monkeypatch.chdir(repository)
    monkeypatch.setattr(ComparisonRun, "stages", (3, 4))
    asked = ("bisect", "HEAD~3", "HEAD", "lookup/slows", "--impl", "mine.py")
    app(args=[*asked, "--json"], standalone_mode=False)
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [(step["commit"], step["verdict"]) for step in found["steps"]] == [
        (later, "slower"),
        (same, "same code"),
        (slower, "slower"),
    ]
    assert (found["last"]["commit"], found["first"]["commit"]) == (same, slower)
    assert (found["between"], found["files"]) == ([], ["kept/rows.py"])
    assert said.err.count("all cases, process 1") == 1
    assert not leftovers()
    nothing = w2vbench("bisect", "HEAD~3", "HEAD~2", "lookup/slows", "--impl", "mine.py", cwd=repository)
    assert nothing.returncode == 3
    assert "is not known to differ" in nothing.stderr


LATE = source({**GATHERS, "slows": "from kept.rows import rows_of\n    return rows_of(W, idx)"})
"""An import inside a function would be one side's."""


@pytest.mark.parametrize(
    ("file", "text", "code", "said"),
    [
        ("mine.py", MINE.replace("idx", "ids").replace("@lookup", "# a comment\n@lookup"), 0, "Nothing was measured"),
        ("steps.json", "50", 0, "steps.json"),
        ("mine.py", LATE.replace("from kept.rows import rows_of\n\n", "\n", 1), 3, "import it at the top of the file"),
        ("kept/rows.py", f"import os\nos.environ['A'] = '1'\n{ROWS}", 3, "kept/rows.py:2 runs `os.environ['A'] = '1'`"),
    ],
    ids=["names and comments", "a file that no case depends on", "a late import", "a change of the process"],
)
def test_what_is_not_measured_has_a_reason(
    repository: Path, tmp_path: Path, file: str, text: str, code: int, said: str
) -> None:
    (repository / file).write_text(text)
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split())
    assert "all cases" not in done.stderr


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [(MINE, LATE.replace("from kept.rows import rows_of\n\n", "\n", 1), "import it at the top"), ("1 / 0", MINE, "BASE cannot")],
    ids=["a case", "all"],
)  # fmt: skip
def test_what_is_not_comparable_passes_on_request(
    repository: Path, tmp_path: Path, base: str, head: str, said: str
) -> None:
    (repository / "mine.py").write_text(base)
    git(repository, "commit", "-qam", "base", "--allow-empty")
    (repository / "mine.py").write_text(head)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    done = [w2vbench(*asked, *more, cwd=repository) for more in ((), ("--pass-inconclusive",))]
    assert [one.returncode for one in done] == [3, 0]
    assert all(said in " ".join((one.stdout + one.stderr).split()) for one in done)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_ended_tidies_up(repository: Path, ending: signal.Signals, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(ROWS.replace("W[idx]", "W[idx + 0]"))
    before = state(repository)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    process = started(repository, *asked)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("all cases"):
            break
    command = psutil.Process(process.pid)
    wait_until(lambda: command.children(recursive=True), process)
    workers = command.children(recursive=True)
    process.send_signal(ending)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "w2vbench: interrupted: nothing is kept"
    assert "Traceback" not in errors
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []  # one that was about to start ends by itself
    assert state(repository) == before
    assert not leftovers()


def test_this_clone_is_compared_with_itself_in_no_time() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git clone")
    with tempfile.TemporaryDirectory() as out:
        done = w2vbench("compare", "HEAD", "HEAD", "--out", out, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert "Nothing was measured" in done.stdout
        left_out = compared(Path(out))["skipped"]
        assert sum(len(cases) for why, cases in left_out.items() if "same" in why) > 50


def test_a_calibration_is_kept_can_be_added_to_and_shows_other_rules_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one with slowed code, the second as a user adds to it; both in this process, with few workers."""
    monkeypatch.setattr(ComparisonRun, "stages", (2, 3))
    calibrate(
        CalibrateRequest(
            command="w2vbench calibrate",
            out=tmp_path,
            kernels=["lookup"],
            globs=["*/gather@*"],
            batches=1,
            cases=1,
            same_only=False,
            threshold=0.02,
            seed=0,
            resume=False,
        ),
        lambda line: None,
        nullcontext(lambda what, done, of: None),
    )
    asked = (
        "calibrate",
        *["--batches", "1", "--cases", "1", "--kernel", "lookup", "--only", "*/gather@*", "--out"],
        str(tmp_path),
    )
    code = app(args=[*asked, "--same-only", "--resume"], standalone_mode=False)
    again = capsys.readouterr()
    assert not code, again.err
    found = json.loads((tmp_path / "calibration.json").read_text())["w2vbench"]["calibration"]
    kinds = [(round(trial["injected"], 3), trial["threshold"]) for trial in found["trials"]]
    assert kinds == [(0, 0.02), (0.02, 0.02), (0.05, 0.02), (0.1, 0.02), (0.02, 0.005), (-0.048, 0.02), (0, 0.02)]
    assert all(set(trial["rules"]) == set(found["trials"][0]["rules"]) for trial in found["trials"])
    assert found["comparisons"] == 2
    for text in (again.out, (tmp_path / "calibration.md").read_text()):
        assert "Mann-Whitney" in text
        assert "Identical code was called slower in" in text
    other = w2vbench(*asked, "--resume", "--threshold", "5%", cwd=tmp_path)
    assert other.returncode == 2
    assert "no calibration of this kind at this threshold" in other.stderr
    (tmp_path / "text").write_text("one two three two\n" * 50)
    other = w2vbench(*asked, "--resume", "--corpus", "text", cwd=tmp_path)
    assert other.returncode == 2
    assert "made with another text or version" in other.stderr
