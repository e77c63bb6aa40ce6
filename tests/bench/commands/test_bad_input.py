"""What a user may get wrong: one clear line on standard error, and exit code 2."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path

import pytest

from tests.bench.commands.conftest import Ask
from tests.processes import git, w2vbench

FILES = {
    "text": b"cat dog cat dog pet\n" * 300,
    "empty.txt": b"",
    "binary.txt": b"\x7fELF\0\0\0",
    "latin.txt": "naïve café ".encode("latin-1") * 10,
    "noise.txt": bytes([0xFF, 1, 2, 3, 65, 66]) * 10,
    "one.txt": b"word word word",
    "rare.txt": b"each word stands here once",
    "text.gz": gzip.compress(b"one two two " * 100),
    "broken.py": b"x = 1\ndef (:\n",
    "quality.json": b'{"benchmarks": []}',
}
BAD = (
    ("nonsense", "nonsense"),
    ("run --nonsense", "--nonsense"),
    ("run --preset huge", "'--preset': 'huge' is not one of"),
    ("run --vocab many", "'--vocab': not a whole number up to 1e15: 'many'"),
    ("run --batch -5", "'--batch': at least 1, not -5"),
    ("run --vocab -3", "'--vocab': at least 2, not -3"),
    ("run --threads 0", "'--threads': at least 1, not 0"),
    ("run --threads 1 5000", "'--threads': at most 1024, not 5000"),
    ("run --threads 1 2 1", "'--threads': 1 was given twice"),
    ("tune --batch", "(see w2vbench tune --help)"),
    ("compare", "(see w2vbench compare --help)"),
    ("run --seed x", "Invalid value for '--seed': it must be a whole number (see"),
    ("run --processes 0", "'--processes': it must be at least 1 (see"),
    ("train --alpha 2", "'--alpha': it must be at most 1 (see"),
    ("train my.txt", "unexpected argument my.txt: write --corpus my.txt (see"),
    ("check mine.py", "unexpected argument mine.py: write --impl mine.py (see"),
    ("list foo", "unexpected argument foo (see"),
    (f"train {'a' * 300}", "unexpected argument aaa"),
    ("run --memory-limit 1M", "--memory-limit must be at least 512M"),
    ("run --kernel lookup --kernel lokup", "no kernel 'lokup'; did you mean lookup? there are"),
    ("list --kernel scater", "no kernel 'scater'; did you mean scatter?"),
    ("run --only nothing*", "nothing matches --only 'nothing*'"),
    ("run --impl missing.py", "missing.py: no such file"),
    ("run --impl broken.py", "broken.py, line 2: SyntaxError"),
    ("run --out empty.txt", "--out: empty.txt is a file, not a folder"),
    ("profile lookup/gathr", "no implementation 'lookup/gathr'; did you mean lookup/gather?"),
    ("profile lookup", "no implementation 'lookup'; lookup has one-hot-dot, "),
    ("profile lookup/mine", "one of your own needs --impl FILE"),
    ("profile nothing", "w2vbench list shows the names"),
    ("profile lookup/numba", "lookup/numba has no lines to profile"),
    ("profile training.cbow/sparse", "training.cbow/sparse has no lines to profile"),
    ("report missing.json", "missing.json: No such file"),
    ("report empty.txt", "empty.txt: empty"),
    ("report binary.txt", "binary.txt"),
    ("history --store nowhere", "nowhere: no such folder"),
    ("history --acknowledge lookup/gather@*", "needs both"),
    ("compare HEAD", "is no clone of w2vbench"),
    ("compare nosuch --impl mine.py", "no revision 'nosuch'"),
    ("compare HEAD --impl nosuchfolder/missing.py", "no such file"),
    ("compare HEAD --impl mine.py --junit nowhere/j.xml", "--junit: no folder nowhere"),
    ("compare --packages numpy numpy --junit kept", "--junit: kept is no ordinary file"),
    ("compare --packages numpy numpy --across-machines", "--across-machines is for two result files"),
    ("compare --packages numpy numpy --kernel lokup", "no kernel 'lokup'; did you mean lookup? there are"),
    ("compare --packages numpy numpy --only nothing*", "no case matches --kernel and --only in either environment"),
    ("versions numpy --only nothing*", "no case matches --kernel and --only at any release"),
    ("versions requests '>=2.30' --kernel lookup", "no selected implementation imports requests"),
    ("calibrate --only nothing*", "no case matches --kernel and --only; w2vbench list"),
    ("compare HEAD --threshold 5", "For 5 percent write 5%"),
    ("compare HEAD --impl mine.py --budget -3m", "--budget"),
    ("compare a.json b.json", "a.json: No such file"),
    ("quality --only nothing", "no training implementation matches"),
    ("quality --budget long", "not a time from 0.1 s to 30 days: 'long'"),
    ("quality --min-count 10000000", "--min-count"),
    ("quality --corpus binary.txt", "binary"),
    ("quality --resume", "quality.json: No such file"),
    ("quality --resume --out .", "quality.json: "),
    ("train --corpus missing.txt", "missing.txt: No such file"),
    ("train --corpus empty.txt", "empty"),
    ("train --corpus noise.txt", "noise.txt: binary, not text"),
    ("train --corpus latin.txt", "latin.txt: not UTF-8 text"),
    ("train --corpus text.gz", "text.gz: compressed, not text: unpack it first"),
    ("train --corpus rare.txt", "--min-count"),
    ("train --min-count 10000000", "--min-count"),
    ("train --corpus rare.txt --min-count 1 --out nowhere/v.bin", "no folder nowhere"),
    ("train --out -", "--out: a file is needed, not -"),
    ("train --corpus text --out text", "is the text itself"),
    ("train --corpus text --out /dev/null", "is not an ordinary file"),
    ("train --debug 2", "No such option: --debug (see w2vbench train --help)"),
    ("train --size 0", "--vector-size"),
    ("train --model glove", "glove"),
    ("train --corpus text --sg 1 --cbow 1", "contradict each other"),
    ("train --corpus text --model cbow --sg 1", "contradict each other"),
    ("train --corpus text --alpha 0.01 --min-alpha 0.5", "min_alpha, 0.5, is above alpha, 0.01"),
    ("train --corpus text --ns-exponent 50", "--ns-exponent"),
)


@pytest.mark.parametrize(("line", "message"), BAD)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    repository: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    monkeypatch.chdir(repository)
    for name, content in FILES.items():
        (repository / name).write_bytes(content)
    code, said = ask(*shlex.split(line))
    *before, last = said.splitlines()
    assert code == 2, said
    assert message in last
    assert all(one.startswith("reading ") for one in before), said
    assert (repository / "text").read_bytes() == FILES["text"]


def test_outside_of_a_repository_one_line_says_so(ask: Ask) -> None:
    code, said = ask("compare", "HEAD")
    assert (code, "not in a git repository" in said) == (2, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --corpus one.txt", "only one distinct word"),
        ("run --kernel lookup --resume", "no unfinished run to go on from"),
        ("tune --kernel lookup --resume --out table.toml", "no unfinished run to go on from"),
        ("compare HEAD --impl mine.py --only nothing*", "no case matches"),
        ("compare HEAD --impl mine.py --kernel lokup", "no kernel 'lokup'; did you mean lookup?"),
    ],
)
def test_what_is_found_while_workers_start_is_one_line_too(repository: Path, line: str, message: str) -> None:
    (repository / "one.txt").write_text("word word word")
    done = w2vbench(*line.split(), cwd=repository)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_bisect_names_the_nearest_case(repository: Path) -> None:
    git(repository, "commit", "-qm", "nothing", "--allow-empty")
    done = w2vbench("bisect", "HEAD~1", "HEAD", "lookup/slow", "--impl", "mine.py", cwd=repository)
    assert done.returncode == 2
    assert "has no lookup/slow; did you mean lookup/slows?" in done.stderr.splitlines()[-1]
