"""``pytest`` runs the tests. ``pytest --benchmark`` times the kernels with pytest-benchmark instead, with all its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("w2vbench")
    group.addoption(
        "--benchmark", action="store_true", help="Time the kernels with pytest-benchmark instead of running the tests."
    )
    group.addoption(
        "--benchmark-preset",
        default="quick",
        metavar="NAME",
        help="The preset to time: quick (the default), default, deck or full.",
    )
    group.addoption(
        "--benchmark-impl",
        action="append",
        default=[],
        metavar="FILE",
        help="A file with your own implementations; may be given several times.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """With ``pytest -n auto`` a file's tests stay in one process, since they share what is slow to make; the slow files come first."""
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist, config.option.loadscopereorder = "loadfile", False


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect either the tests or the benchmarks, unless a path on the command line names the other."""
    paths = [
        Path(argument.split("::")[0]).resolve()
        for argument in config.invocation_params.args
        if not argument.startswith("-")
    ]
    if any(path.exists() and path != ROOT and collection_path.is_relative_to(path) for path in paths):
        return None
    unwanted = ROOT / "tests" if config.getoption("benchmark") else ROOT / "bench"
    return True if collection_path.is_relative_to(unwanted) else None


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Add what ``w2vbench report`` needs to the files that pytest-benchmark saves."""
    if config.getoption("benchmark", default=False):
        from bench.commands.pytest_front import suite_part

        output_json["w2vbench"] = suite_part(config)
