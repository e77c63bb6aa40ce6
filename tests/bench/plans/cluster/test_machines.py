"""Machines of a cluster: their kinds, and the check of themselves."""

from __future__ import annotations

import math

import msgspec
import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.plans.cluster.machines import MachineReport, differences
from w2vbench.bench.plans.cluster.self_check import checked

from tests.bench.plans.cluster.in_process import our_report


def other(**facts: object) -> MachineReport:
    return msgspec.structs.replace(our_report(), environment=our_report().environment | facts)


def test_a_kind_is_cpu_cores_memory_and_blas_kernel() -> None:
    kind = our_report().kind
    assert kind == "CPU A, 4 CPUs, 16 GiB, BLAS for Zen"
    assert other(memory_bytes=(16 << 30) - (200 << 20), governor="powersave", load_before=3.0).kind == kind
    blas = {"internal_api": "openblas", "version": "0.3.31", "architecture": "Haswell"}
    others = [
        other(cpu="CPU B"),
        other(cpus_allowed=2),
        other(memory_bytes=8 << 30),
        other(blas=blas),
        other(cpus_quota=1.5),
    ]
    every = [our_report(), *others]
    assert len({one.kind for one in every}) == len({one.slug for one in every}) == 6
    assert differences(other(blas=blas), our_report()) == []


@pytest.mark.parametrize(
    ("cpu", "begins"),
    [
        ("Intel(R) Xeon(R) Platinum 8488C", "intel-xeon-platinum-8488c-4-cpus-"),
        ("AMD EPYC 9R14", "amd-epyc-9r14-4-cpus-"),
        ("../../etc/passwd", "etc-passwd-4-cpus-"),
        ("", "an-unknown-cpu-4-cpus-"),
    ],
)
def test_a_kinds_folder_has_a_plain_name(cpu: str, begins: str) -> None:
    assert other(cpu=cpu).slug.startswith(begins)


def timed(*walls: float, cpu: float = 1.0) -> protocol.Timed:
    return protocol.Timed(
        variant="a",
        calls=1,
        rounds=len(walls),
        prepare_s=0.0,
        adapt_s=None,
        wall_s=list(walls),
        cpu_s=[cpu * wall for wall in walls],
    )


def test_a_check_has_the_difference_of_identical_code_and_its_pace() -> None:
    found = checked(timed(2.0, 4.0, 8.0, cpu=0.5), timed(1.0, 2.0, 4.0, cpu=0.5))
    assert found.difference == pytest.approx(math.log(2))
    assert found.pace_s == pytest.approx(21 / 6)
