"""Time the kernels with pytest-benchmark: ``pytest --benchmark``. Cases run one after another, not interleaved as in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from threadpoolctl import threadpool_limits

from bench.commands import pytest_front as front
from bench.engine.contract import OK, Fault, Verdict
from bench.engine.variant import prepare_variant

if TYPE_CHECKING:
    from impls.case import Case


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", list(front.cases(metafunc.config)), ids=str)


@pytest.fixture(scope="session")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    """Return the contract's verdict on each implementation that this session times, by key."""
    items = (item for item in request.session.items if isinstance(item, pytest.Function))
    selected = {item.callspec.params["case"] for item in items if item.function is test_kernel}
    chosen = {i.key: i for case, i in front.cases(request.config).items() if case in selected}
    return front.verdicts(list(chosen.values()), tuple(request.config.getoption("benchmark_impl")))


def test_kernel(case: Case, verdicts: dict[str, Verdict], benchmark: Any, request: pytest.FixtureRequest) -> None:
    implementation = front.cases(request.config)[case]
    verdict = verdicts[implementation.key]
    if verdict.status != OK:
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
