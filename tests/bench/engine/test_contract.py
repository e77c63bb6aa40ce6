"""What of its contract an implementation is checked against in a run, and in which process."""

from __future__ import annotations

import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.contracts import families
from w2vbench.bench.engine.worker.checking.contract import adapted_to, check_contract
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation, Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import lookup

OWN = {i.key: i for i in catalogue.own()}
CONTRACT = [
    Size(7, 3, 12, 2),
    Size(60, 20, 30, 5),
    Size(4, 1, 1, 1),
    Size(9, 4, 0, 3),
    Size(40, 6, 25, 4, dtype="f64", index="i32"),
]


def test_each_type_that_is_measured_is_checked_and_one_that_the_contract_has_stays_where_it_is() -> None:
    measured = [Size(1000, 8, 100, dtype=dtype, index=index) for dtype, index in (("f64", "i32"), ("f32", "i32"))]
    adapted = adapted_to(measured, CONTRACT)
    assert [(size.dtype, size.index) for size in adapted if size.B] == [
        ("f64", "i32"),
        ("f32", "i32"),
        *[("f64", "i32")] * 2,
    ]


@pytest.mark.parametrize("kernel", catalogue.kernels(OWN.values()), ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_hidden_size_and_type_of_a_preset_is_checked_on_words(preset: object, kernel: Kernel) -> None:
    measured = preset.sizes(kernel)  # type: ignore[attr-defined]
    checked = [size for size in adapted_to(measured, kernel.sizes) if size.B]
    for named in ("H", "dtype", "index"):
        values = {getattr(size, named) for size in measured}
        assert values == ({getattr(size, named) for size in checked} if measured else set())


def steps_of(implementation: Implementation, corpus: Corpus, *measured: Size) -> tuple[str, list[str]]:
    """The verdict, and the steps at which the check was."""
    steps: list[str] = []

    def note(event: protocol.Events) -> None:
        if isinstance(event, protocol.StepBegins):
            steps.append(event.name)

    verdict = check_contract(implementation, corpus, 0, note, measured)
    return f"{verdict.status} {verdict.reason}".strip(), steps


def test_a_run_sets_up_what_it_measures_and_w2vbench_check_all(corpus: Corpus) -> None:
    gather = OWN["lookup/gather"]
    found, steps = steps_of(gather, corpus, Size(1000, 8, 2))
    assert found == "ok"
    sizes = [Size.parse(step.rpartition(" at ")[2]) for step in steps if step.startswith("set-up at ")]
    assert {(size.H, size.dtype, size.index) for size in sizes} == {(8, "f32", "i64")}
    assert max(size.B for size in sizes) == 2
    found, steps = steps_of(gather, corpus)
    assert found == "ok"
    assert [step for step in steps if step.startswith("set-up at ")] == [f"set-up at {size}" for size in lookup.sizes]


def test_what_limits_are_measured_by_is_compiled_once_a_kernel_and_in_runs_only(corpus: Corpus) -> None:
    compiling = "compiling the functions that limits are measured by"
    baseline = next(i for i in OWN.values() if i.kernel.name == "lookup" and i.baseline)
    assert compiling in steps_of(baseline, corpus, Size(1000, 8, 2))[1]
    assert compiling not in steps_of(OWN["lookup/gather"], corpus, Size(1000, 8, 2))[1]
    assert compiling not in steps_of(baseline, corpus)[1]


def test_what_is_wrong_on_purpose_is_found_whatever_is_measured(corpus: Corpus) -> None:
    """Where each batch is one word, no word repeats, and nothing would be wrong."""
    assign = OWN["scatter.dense/assign"]
    assert steps_of(assign, corpus, Size(1000, 8, 1))[0] == f"wrong {assign.wrong}"


def test_kernels_of_a_family_are_checked_one_after_another_and_large_families_first() -> None:
    keys = [
        "lookup/gather",
        "output.nce/a",
        "update.sgd/a",
        "output.softmax/b",
        "lookup.bag/c",
        "output.nce/d",
        "output.hierarchical/e",
    ]
    assert families(keys) == [
        ["output.nce/a", "output.nce/d", "output.softmax/b", "output.hierarchical/e"],
        ["lookup/gather", "lookup.bag/c"],
        ["update.sgd/a"],
    ]
    assert sorted(key for family in families(OWN) for key in family) == sorted(OWN)
    assert families([]) == []
