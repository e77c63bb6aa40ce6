"""A result file as it begins, whatever is in it: where and when it was made, and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from reports.result_schema import SCHEMA, Commit, Engine, ResultFile, Row, Suite


def result_file(
    engine: Engine,
    command: str,
    machine: dict[str, Any],
    warnings: Sequence[str] = (),
    rows: Sequence[Row] = (),
    **part: Any,
) -> ResultFile:
    """Return a result file that is made here and now.

    Parameters
    ----------
    machine
        The environment, as ``engine.environment`` describes it.
    warnings
        What may have spoilt the figures.
    rows
        The cases that were measured.
    part
        Other fields of the file's ``w2vbench`` part.
    """
    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
    from pytest_benchmark.utils import get_commit_info

    return ResultFile(
        machine_info=pytest_benchmark_generate_machine_info(),
        commit_info=Commit.model_validate(get_commit_info()),
        benchmarks=list(rows),
        datetime=datetime.now(UTC).isoformat(),
        version=version("pytest-benchmark"),
        w2vbench=Suite(
            schema_version=SCHEMA, engine=engine, command=command, environment=machine, warnings=list(warnings), **part
        ),
    )
