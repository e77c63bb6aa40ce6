"""``pytest`` runs the tests. ``pytest --benchmark`` times the kernels with pytest-benchmark instead, with all its options."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
LONGEST = (
    *(
        "docs/test_guides.py",
        "bench/commands/test_compare.py",
        "bench/commands/test_check_book.py",
        "bench/commands/test_packages.py",
    ),
    *(
        "bench/engine/test_cheats.py",
        "bench/plans/test_problems.py",
        "bench/commands/test_cli.py",
    ),
    *(
        "bench/commands/test_cluster.py",
        "bench/commands/test_tune.py",
        "bench/commands/test_train_command.py",
        "w2vbench/test_example.py",
    ),
    *(
        "bench/plans/test_installers.py",
        "impls/compiling/test_compiled.py",
        "impls/test_contract.py",
        "test_seven_steps.py",
    ),
)
"""The files in tests/ that take longest begin first: none of them is then left to one process while the others have nothing to do."""


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin where the clone is not installed, which would do it."""
    if not pluginmanager.hasplugin("w2vbench"):
        pluginmanager.register(import_module("w2vbench.pytest_plugin"), "w2vbench")


def pytest_configure(config: pytest.Config) -> None:
    """With ``pytest -n auto`` a file's tests stay in one process, since they share what is slow to make; files keep their order."""
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist, config.option.loadscopereorder = "loadfile", False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    order = {ROOT / "tests" / name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than CPUs: tests wait for processes, and then another one can use a CPU."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect either the tests or the benchmarks, unless a path on the command line names the other."""
    unwanted = ROOT / "tests" if config.getoption("benchmark", default=False) else ROOT / "bench"
    if not collection_path.is_relative_to(unwanted):
        return None
    paths = (
        Path(argument.split("::")[0]).resolve()
        for argument in config.invocation_params.args
        if not argument.startswith("-")
    )
    named = any(path.exists() and path != ROOT and collection_path.is_relative_to(path) for path in paths)
    return None if named else True
