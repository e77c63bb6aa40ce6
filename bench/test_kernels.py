"""Time the kernels with pytest-benchmark: ``pytest --benchmark``. Cases run one after another, not interleaved as in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from threadpoolctl import threadpool_limits
from w2vbench.impls.catalogue import discovery as catalogue

from . import pytest_front as front
from .engine.protocol import Status
from .engine.worker.checking.contract import Fault
from .engine.worker.variants.variant import prepare_variant

if TYPE_CHECKING:
    from w2vbench.impls.interface.case import Case


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        if not metafunc.config.getoption("benchmark"):
            raise pytest.UsageError("bench/test_kernels.py has benchmarks: pytest --benchmark times them")
        cases = front.cases_of(metafunc.config, metafunc.definition.path)
        metafunc.parametrize("case", list(cases), ids=str)


def test_kernel(case: Case, benchmark: Any, request: pytest.FixtureRequest) -> None:
    implementation = front.cases(request.config)[case]
    if missing := catalogue.missing(implementation):
        pytest.skip(f"needs {', '.join(missing)}: pip install {' '.join(missing)}")
    verdict = front.verdict(case, request.session)
    if verdict.status != Status.OK:
        pytest.fail(f"{verdict.status}: {verdict.reason}", pytrace=False)
    with threadpool_limits(case.size.threads):
        variant = prepare_variant(case.slug, implementation, front.problem(implementation.kernel, case.size))
        call = front.caller(variant)
        benchmark.group = case.problem
        benchmark(call)
        try:
            front.verify(variant)
        except Fault as fault:
            pytest.fail(f"{fault.status}: {fault.reason}", pytrace=False)
        if benchmark.stats:  # not with --benchmark-disable
            benchmark.extra_info.update(
                front.extra_info(implementation, case.size, variant, call, benchmark.stats.stats.median)
            )
