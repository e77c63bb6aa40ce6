"""The samples of a result file as one tidy table.

Speed-ups, growth, limits and verdicts are functions of these samples: ``w2vbench report`` computes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .files import read
from .schema.fields import Samples
from .schema.result import ResultFile

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "case": "the case's name; for a limit, the problem's",
    "variant": "the implementation; in a comparison base, control (BASE loaded once more) or head; for a limit, limit:NAME",
    "process": "number of the process, from 0; cases of one problem with the same number ran interleaved in one process",
    "round": "number of the round in that process, from 0",
    "wall_s": "wall time per call, seconds",
    "cpu_s": "CPU time per call, all threads, seconds",
}
"""The columns of the table."""


def load_samples(path: str | Path) -> pd.DataFrame:
    """Read the samples of a result file (``table``).

    Raises
    ------
    ResultError
        If the file is not a result file.
    """
    return table(read(Path(path)))


def table(result: ResultFile) -> pd.DataFrame:
    """Return every sample of a result file.

    Returns
    -------
    DataFrame
        One row per sample, with COLUMNS. Rounds in which a variant took no part have no row.
    """
    import pandas as pd

    records = [
        (case, variant, process, at, wall, cpu)
        for case, variant, processes in series(result)
        for process, one in enumerate(processes)
        for at, (wall, cpu) in enumerate(zip(one.wall_s, one.cpu_s, strict=True))
        if wall is not None
    ]
    return pd.DataFrame.from_records(records, columns=list(COLUMNS))


def series(result: ResultFile) -> Iterator[tuple[str, str, list[Samples]]]:
    """Yield case, variant and processes for everything that has samples in the file."""
    for row in result.benchmarks:
        yield row.case, row.extra_info.implementation, row.extra_info.processes
    for problem, limits in result.w2vbench.limit_samples.items():
        for name, processes in limits.items():
            yield problem, f"limit:{name}", processes
    comparison = result.w2vbench.comparison
    for compared in comparison.cases if comparison else ():
        every = [process for stage in compared.stages for process in stage]
        for side in every[0] if every else ():
            yield compared.case, side, [process[side] for process in every]
