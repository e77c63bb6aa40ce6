"""Kill a run at random moments again and again, and lose nothing: ``python -m tests.kills 200`` (some ten minutes).

Each time a run is started, or gone on with, in a folder; after a random time its whole process group gets SIGKILL. Whatever
a journal held before must be in it afterwards, result files must be whole or absent, and a run that was let go on to its
end must have every process that any journal ever held.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.processes import journal, started

RUN = ["run", "--kernel", "lookup", "--only", "*gather@*", "--vocab", "500", "600", "--hidden", "4", "--processes", "9"]
LONGEST_S = 6.0


def whole(folder: Path) -> None:
    """Every result file and page is whole."""
    for file in (*folder.glob("reports/out/result.json"), *folder.glob(".benchmarks/*/*.json")):
        json.loads(file.read_text())
    for page in folder.glob("reports/out/index.html"):
        assert page.read_text().rstrip().endswith("</html>")


def check_finished(folder: Path, held: list[Any]) -> None:
    """The result has every process that the journal held."""
    content = json.loads((folder / "reports/out/result.json").read_text())
    assert content["w2vbench"]["complete"]
    rows = {row["name"]: row["extra_info"]["processes"] for row in content["benchmarks"]}
    assert len(rows) == 4
    for entry in held:
        for case in entry.get("cases", {}).values():
            assert rows[case["case"]][: len(case["samples"])] == case["samples"]


def main(kills: int) -> None:
    rng = random.Random(kills)
    done = finished = 0
    while done < kills:
        with tempfile.TemporaryDirectory() as name:
            folder, held, complete = Path(name), list[Any](), False
            while done < kills and not complete:
                resume = ["--resume"] * (folder / "reports/out/journal.jsonl").exists()
                run = started(folder, *RUN, *resume)
                try:
                    code = run.wait(rng.uniform(0.1, LONGEST_S))
                    assert code == 0, code
                    complete, finished = True, finished + 1
                except subprocess.TimeoutExpired:
                    os.killpg(run.pid, signal.SIGKILL)
                    run.wait()
                    done += 1
                    time.sleep(0.05)
                    now = journal(folder)
                    complete = (folder / "reports/out/result.json").exists() and not now
                    assert complete or now[: len(held)] == held, (held, now)
                    held = held if complete else now
                    print(f"\r{done} kills, {finished} runs finished, {len(held)} processes held  ", end="", flush=True)
                whole(folder)
                if complete:
                    check_finished(folder, held)
    print(f"\n{done} kills, {finished} runs finished: nothing was lost")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
