"""The commands that are killed: how each goes on, and what of it was finished."""

from __future__ import annotations

import json
import random
from abc import ABC
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from tests.bench.commands.theirs import GATHERS, make_repository, source
from tests.processes import git
from tests.vectors import load


class Scenario(ABC):
    """A command, in a folder of its own.

    Attributes
    ----------
    line
        The command line.
    unfinished
        The file of a killed command from which it goes on by --resume; empty if it begins again.
    """

    line: ClassVar[tuple[str, ...]]
    unfinished: ClassVar[str] = ""

    def prepare(self, folder: Path) -> None:  # noqa: B027 - most need nothing
        """Put what the command needs into the folder."""

    def next_line(self, folder: Path) -> list[str]:
        """Return the command line that goes on."""
        return [*self.line, *["--resume"] * bool(self.unfinished and (folder / self.unfinished).exists())]

    def held(self, folder: Path) -> list[Any]:
        """Return what is finished, in order."""
        raise NotImplementedError

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        """Assert that the command's result is whole, and has all that was finished before."""
        raise NotImplementedError

    def outputs(self, folder: Path) -> list[Path]:
        """Return the files that must be whole whenever they are there."""
        stored = folder.glob(".benchmarks/*/*.json")
        return [*folder.glob("reports/out/*.json"), *folder.glob("reports/out/*.html"), *stored]


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a journal after the first."""
    found = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in found[1:] if line.endswith("\n")]


class Run(Scenario):
    line = (
        "run",
        "--kernel",
        "lookup",
        "--only",
        "*gather@*",
        "--vocab",
        "500",
        "600",
        "--hidden",
        "4",
        "--processes",
        "9",
    )
    unfinished = "reports/out/journal.jsonl"

    def held(self, folder: Path) -> list[Any]:
        return lines(folder / self.unfinished)

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        content = json.loads((folder / "reports/out/result.json").read_text())
        assert content["w2vbench"]["complete"]
        rows = {row["name"]: row["extra_info"]["processes"] for row in content["benchmarks"]}
        assert len(rows) == 4
        for entry in held:
            for case in entry.get("cases", {}).values():
                assert rows[case["case"]][: len(case["samples"])] == case["samples"]


class Tune(Scenario):
    line = (
        *("tune", "--kernel", "lookup", "--vocab", "100", "1000", "--hidden", "4", "--batch", "2", "20"),
        *("--processes", "2", "--out", "table.toml"),
    )
    unfinished = "table.toml.unfinished/journal.jsonl"

    def held(self, folder: Path) -> list[Any]:
        return lines(folder / self.unfinished)

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        from w2vbench.impls.choosing.dispatch_table import load

        assert len(load(folder / "table.toml").times("lookup").times_s) == 4
        assert not (folder / self.unfinished).parent.exists()


TEXT = "\n".join(" ".join(random.Random(at).choices("abcdefghijklmnopqrstuvwxyz", k=12)) for at in range(4000))


class Quality(Scenario):
    line = (
        *(
            "quality",
            "--corpus",
            "text",
            "--kernel",
            "training.cbow",
            "--only",
            "numba",
            "--seeds",
            "4",
            "--epochs",
            "1",
        ),
        *("--min-count", "1", "--budget", "0.3s"),
    )
    unfinished = "reports/out/quality.json"

    def prepare(self, folder: Path) -> None:
        (folder / "text").write_text(TEXT)

    def held(self, folder: Path) -> list[Any]:
        file = folder / self.unfinished
        return json.loads(file.read_text())["w2vbench"]["training"]["runs"] if file.exists() else []

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        assert json.loads((folder / self.unfinished).read_text())["w2vbench"]["complete"]
        assert len(self.held(folder)) == 4


class Train(Scenario):
    """Vectors of an earlier training stay until new ones take their place."""

    line = ("train", "--corpus", "text", "--epochs", "1000", "--threads", "1", "--hidden", "8", "--min-count", "1")

    def prepare(self, folder: Path) -> None:
        (folder / "text").write_text(TEXT)
        (folder / "vectors.bin").write_bytes(b"1 2\nthe \0\0\0\0\0\0\0\0\n")

    def held(self, folder: Path) -> list[Any]:
        names, vectors = load(folder / "vectors.bin")
        return [(len(names), *vectors.shape)]

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        assert self.held(folder) == [(26, 26, 8)]

    def outputs(self, folder: Path) -> list[Path]:
        return []


class Compare(Scenario):
    """Nothing of a killed comparison is kept; its worktrees are removed by the next one, and an earlier result stays."""

    line = ("compare", "HEAD", "--impl", "mine.py", "--only", "slows")

    def prepare(self, folder: Path) -> None:
        folder.rmdir()
        make_repository(folder)
        (folder / "mine.py").write_text(source({**GATHERS, "slows": "return rows_of(W, idx + 0)"}))
        (folder / "reports/out").mkdir(parents=True)
        (folder / "reports/out/comparison.json").write_text('{"earlier": true}')

    def held(self, folder: Path) -> list[Any]:
        json.loads((folder / "reports/out/comparison.json").read_text())
        return ["a result"]

    def check(self, folder: Path, held: Sequence[Any]) -> None:
        found = json.loads((folder / "reports/out/comparison.json").read_text())
        assert {case["implementation"] for case in found["w2vbench"]["comparison"]["cases"]} == {"slows"}
        assert git(folder, "worktree", "list", "--porcelain").count("worktree ") == 1


SCENARIOS: dict[str, type[Scenario]] = {one.__name__.lower(): one for one in (Run, Compare, Quality, Train, Tune)}
