"""A fleet on this computer, with real processes and real Dask: ``python -m tests.fleet_loopback`` (some minutes).

A scheduler and workers under addresses of their own on loopback, which measure in turn. One is killed in the middle, one is of
another version, one runs at half speed, one is without network for a while, and the scheduler ends. Prints what was seen
of each, and how the figures compare with those of a local run.
"""

from __future__ import annotations

import argparse
import math
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from w2vbench.bench.plans.run.session import stop_on_signals
from w2vbench.reports.file.files import read
from w2vbench.reports.file.frame import speedup
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.statistics.units import times

from tests.bench.commands.loopback import Loopback, another_version, entries, result_of, wait_for
from tests.processes import PATIENCE_S, started, w2vbench

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
OTHER, SLOW, AWAY = "127.0.0.5", HOSTS[2], HOSTS[1]
V_ = range(500, 1_100, 100)
CASES = (
    f"run --kernel lookup --only *gather@* --vocab {' '.join(map(str, V_))} --hidden 8 --batch 10 --processes 4".split()
)


@contextmanager
def fleet(folder: Path, *, nanny: bool = False) -> Iterator[Loopback]:
    made = Loopback(folder, ttl="5s")
    made.start_scheduler()
    for host in HOSTS:
        made.start_worker(host, nanny=nanny)
    try:
        yield made
    finally:
        made.close()


def command(machines: Loopback) -> list[str]:
    return [*CASES, "--cluster", machines.address, "--share-hosts"]


def new(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def ended(client: Popen[str], code: int) -> str:
    _, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == code, err
    assert "Traceback" not in err, err
    return err


def said(err: str, pattern: str) -> str:
    """Return the line that was said."""
    found = re.search(f"w2vbench: (.*{pattern}.*)", err)
    assert found, err
    return found[1]


def complete(result: ResultFile) -> str:
    """Check that each problem was measured once, in all processes; and say on how many machines."""
    assert result.w2vbench.complete
    assert {row.extra_info.size.V for row in result.benchmarks} == {*V_}
    assert {len(row.extra_info.processes) for row in result.benchmarks} == {4}
    return f"{len(V_)} problems, each once, on {len({row.extra_info.machine for row in result.benchmarks})} machines"


def killed_and_refused(machines: Loopback, folder: Path) -> ResultFile:
    machines.start_worker(OTHER, another_version(folder / "other"))
    with started(new(folder, "killed"), *command(machines)) as client:
        wait_for(folder / "killed", 1)
        machines.kill(killed := machines.busiest())
        err = ended(client, 0)
    print("another version:", said(err, re.escape(OTHER)))
    print("killed:", said(err, rf"{re.escape(killed)}:\d+\) is gone"))
    print("  ", complete(result := result_of(folder / "killed")))
    machines.kill(OTHER)
    machines.start_worker(killed)
    return result


def half_speed(machines: Loopback, folder: Path) -> None:
    with machines.at_half_speed(SLOW):
        done = w2vbench(*command(machines), cwd=new(folder, "slow"))
    assert done.returncode == 0, done.stderr
    result = result_of(folder / "slow")
    from_it = [row for row in result.benchmarks if SLOW in row.extra_info.machine]
    assert all(not row.extra_info.doubt for row in result.benchmarks)
    print("half speed:", said(done.stderr, re.escape(SLOW)))
    print(f"   {len(from_it)} of its figures are kept;", complete(result))


def without_network(machines: Loopback, folder: Path) -> None:
    with started(new(folder, "away"), *command(machines)) as client:
        wait_for(folder / "away", 1)
        began = time.monotonic()
        machines.without_network(AWAY, 12.0)
        err = ended(client, 0)
    print(f"without network for {time.monotonic() - began:.0f} s:", said(err, re.escape(AWAY)))
    print("  ", complete(result_of(folder / "away")))


def scheduler_ends(machines: Loopback, folder: Path) -> None:
    with started(new(folder, "scheduler"), *command(machines)) as client:
        wait_for(folder / "scheduler", 1)
        assert machines.scheduler
        machines.scheduler.kill()
        err = ended(client, 3)
    print("scheduler:", said(err, "is gone: what is finished is kept"))
    assert entries(folder / "scheduler")


def compare_with_local(fleet_result: ResultFile, folder: Path) -> None:
    """Print whether speed-ups have intervals that overlap, and how far estimates are apart."""
    done = w2vbench(*CASES, cwd=new(folder, "local"))
    assert done.returncode == 0, done.stderr
    local = read(folder / "local/reports/out/result.json")
    apart: list[float] = []
    overlapping = 0
    for one, other in zip(fleet_result.benchmarks, local.benchmarks, strict=True):
        assert one.case == other.case
        if one.extra_info.baseline:
            continue
        ratios = [
            found
            for row, of in ((one, fleet_result), (other, local))
            if (found := speedup(row, of.baselines[row.group])) and found.low and found.high
        ]
        overlap = max(ratio.low or 0 for ratio in ratios) <= min(ratio.high or 0 for ratio in ratios)
        overlapping += overlap
        if not overlap:
            print(f"   {one.case}: {times(ratios[0])} on the fleet, {times(ratios[1])} here")
        apart.append(abs(math.log(ratios[0].estimate / ratios[1].estimate)))
    print(
        f"local run: intervals of {overlapping} of {len(apart)} speed-ups overlap; estimates differ by "
        f"{math.expm1(sorted(apart)[len(apart) // 2]):.1%} (median), {math.expm1(max(apart)):.1%} at most"
    )
    assert overlapping == len(apart), "run this again when nothing else runs on this computer"


SCENARIOS = ("killed", "local", "slow", "scheduler", "network")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", default=SCENARIOS, help=f"which of {', '.join(SCENARIOS)}")
    chosen = parser.parse_args(arguments).only
    stop_on_signals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with fleet(new(folder, "workers")) as machines:
            if "killed" in chosen or "local" in chosen:
                result = killed_and_refused(machines, folder)
            if "local" in chosen:
                compare_with_local(result, folder)
            if "slow" in chosen:
                half_speed(machines, folder)
            if "scheduler" in chosen:
                scheduler_ends(machines, folder)
        if "network" in chosen:
            with fleet(new(folder, "nannies"), nanny=True) as machines:
                without_network(machines, folder)


if __name__ == "__main__":
    main()
