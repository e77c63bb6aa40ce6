"""What --kernel and --only mean."""

from __future__ import annotations

import pytest
from w2vbench.bench.plans.run.selection import Selection


@pytest.mark.parametrize(
    ("kernels", "meant"),
    [
        ((), ["lookup", "lookup.bag", "scatter.rows", "scatter.dense"]),
        (["lookup"], ["lookup"]),
        (["lookup.bag"], ["lookup.bag"]),
        (["scatter"], ["scatter.rows", "scatter.dense"]),
        (["scatter.rows", "lookup"], ["lookup", "scatter.rows"]),
        (["scat"], []),
    ],
)
def test_a_kernel_is_meant_by_its_name_or_its_family(kernels: list[str], meant: list[str]) -> None:
    every = ["lookup", "lookup.bag", "scatter.rows", "scatter.dense"]
    assert [name for name in every if Selection(kernels).has_kernel(name)] == meant


@pytest.mark.parametrize(
    ("globs", "meant"),
    [
        ((), True),
        (["lookup/gather"], True),
        (["lookup/gather@V=1e4,*"], True),
        (["lookup/gather@V=1e5,*"], False),
        (["scatter*", "*/gather"], True),
        (["gather"], True),
        (["gath*"], True),
        (["lookup"], False),
        (["LOOKUP/gather"], False),
        ([""], False),
    ],
)
def test_a_case_is_meant_by_a_glob_of_it_or_of_its_name_without_size_or_kernel(globs: list[str], meant: bool) -> None:
    assert Selection(globs=globs).has_case("lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1") == meant
