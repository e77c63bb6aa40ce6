"""``pytest --benchmark``: which files it collects, and the benchmarks in them. Loaded only with that option."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from .bench import pytest_front, test_kernels
from .bench.engine.machine.program import ROOMS
from .impls.messages import UserError
from .settings import EXAMPLE, implementation_files


def register(config: pytest.Config) -> None:
    """Take over a session that was started with ``--benchmark``. Raises UsageError."""
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("--benchmark needs pytest-benchmark: leave out -p no:benchmark")
    plugin = Clone() if config.rootpath == ROOMS else Repository(named_files(config))
    plugin.configure(config)
    config.pluginmanager.register(plugin, "w2vbench benchmarks")


def named_files(config: pytest.Config) -> list[Path]:
    """Return the files of implementations: those on the command line, or else the repository's own. Raises UsageError."""
    here = config.invocation_params.dir
    try:
        named = [here / file for file in config.getoption("benchmark_impl")]
        files = named or implementation_files(here) or implementation_files(config.rootpath)
    except UserError as error:
        raise pytest.UsageError(f"--benchmark: {error}") from error
    if not files:
        raise pytest.UsageError(
            "--benchmark: no file of implementations is named: "
            f"write [tool.w2vbench] {EXAMPLE} in pyproject.toml, or give --benchmark-impl=kernels.py"
        )
    return [file.resolve() for file in dict.fromkeys(files)]


class Clone:
    """In a clone of w2vbench: all of its implementations. Its conftest.py says which files are collected."""

    beside = "all"

    def configure(self, config: pytest.Config) -> None:
        """Complete the options that the benchmarks read."""
        config.option.benchmark_beside = config.option.benchmark_beside or self.beside

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Load the implementations before anything is collected, so that whatever is wrong is one line."""
        pytest_front.cases(session.config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
        """Add what ``w2vbench report`` needs to the files that pytest-benchmark saves."""
        output_json["w2vbench"] = pytest_front.suite_part(config)


class Repository(Clone):
    """In any other repository: its own implementations, as benchmarks in the files that it names, and nothing else."""

    beside = "best"

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def configure(self, config: pytest.Config) -> None:
        super().configure(config)
        config.option.benchmark_impl = list(map(str, self.files))
        if config.args_source is not config.ArgsSource.ARGS:
            config.args = list(map(str, self.files))

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        yield
        if file_path.resolve() not in self.files:
            return []
        # pytest itself has no name for a file outside its root folder, so two of them would have the same
        name = Path(os.path.relpath(file_path, parent.config.rootpath)).as_posix()
        return [KernelFile.from_parent(parent, path=file_path, nodeid=name)]

    def pytest_report_header(self, config: pytest.Config) -> str:
        preset = config.getoption("benchmark_preset")
        return f"w2vbench: implementations of {', '.join(file.name for file in self.files)}, sizes of preset {preset}"


class KernelFile(pytest.Module):
    """A user's file, whose benchmarks are those of ``bench/test_kernels.py`` for its implementations."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        self.obj = test_kernels
        return list(super().collect())

    def funcnamefilter(self, name: str) -> bool:
        """Collect the benchmark, whatever the repository calls its own tests."""
        return name == "test_kernel"
