"""``pytest`` runs the tests; ``pytest --benchmark`` runs the kernels through pytest-benchmark instead, with all its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("w2vbench")
    group.addoption(
        "--benchmark", action="store_true", help="Run the kernels through pytest-benchmark, instead of the tests."
    )
    group.addoption(
        "--benchmark-preset",
        default="quick",
        metavar="NAME",
        help="Sizes to benchmark: quick (default), default, deck or full.",
    )
    group.addoption(
        "--benchmark-impl",
        action="append",
        default=[],
        metavar="FILE",
        help="A file with your own implementations; may be given several times.",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of tests and benchmarks, collect only what was asked for, unless a path on the command line names the other."""
    named = [
        Path(argument.split("::")[0]).resolve()
        for argument in config.invocation_params.args
        if not argument.startswith("-")
    ]
    if any(path.exists() and path != ROOT and collection_path.is_relative_to(path) for path in named):
        return None
    unwanted = ROOT / "tests" if config.getoption("benchmark") else ROOT / "bench"
    return True if collection_path.is_relative_to(unwanted) else None


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Make the files that pytest-benchmark saves readable for ``w2vbench report`` too."""
    if config.getoption("benchmark", default=False):
        from bench.commands.pytest_front import suite_part

        output_json["w2vbench"] = suite_part(config)
