"""The pytest plugin: ``pytest --benchmark`` times a repository's implementations with pytest-benchmark, instead of its tests.

pytest imports this file at every start, in every repository. So it has the options only; ``benchmarks`` has the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    leave_code_as_it_is(pluginmanager)
    group = parser.getgroup("w2vbench")
    group.addoption(
        "--benchmark",
        action="store_true",
        help="Check and time your implementations of w2vbench's kernels with pytest-benchmark, instead of running the tests.",
    )
    group.addoption(
        "--benchmark-impl",
        action="append",
        default=[],
        metavar="FILE",
        help="A file with your implementations, in place of those that pyproject.toml names ([tool.w2vbench] "
        "implementations); may be given several times.",
    )
    group.addoption(
        "--benchmark-preset",
        default="quick",
        metavar="NAME",
        help="At which sizes: quick (the default), default, deck or full. deck: the source deck's; its page, which has more than "
        "times, is made by w2vbench run --preset deck.",
    )
    group.addoption(
        "--benchmark-beside",
        choices=("best", "kernel", "all"),
        help="What of w2vbench to time beside yours: best (each kernel's baseline and its fastest known; the default), "
        "kernel (all implementations of your kernels), or all (of every kernel).",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("benchmark"):
        from .benchmarks import register

        register(config)


def leave_code_as_it_is(pluginmanager: pytest.PytestPluginManager) -> None:
    """Keep pytest from rewriting the assertions of this package.

    It rewrites all modules of a distribution that has a plugin. What is timed must be the code as it stands, and its
    identity that of another copy. pytest has no public way to say so for a whole package.
    """
    marked = getattr(pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard("w2vbench")
