"""At which sizes the presets measure each kernel."""

from __future__ import annotations

import pytest
from w2vbench.bench.plans.run.presets import NEGATIVES, PRESETS
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.reports.deck.facts import FROM_V, GROWTHS, TIMES, TO_V
from w2vbench.reports.deck.printed import FIGURES
from w2vbench.reports.deck.screens import CHAPTERS, CHARTS
from w2vbench.reports.deck.story import SCREENS
from w2vbench.reports.findings.sizes import USUAL_V

KERNELS = catalogue.kernels(catalogue.own())
WITH_H = [kernel for kernel in KERNELS if "H" in kernel.dimensions and kernel.measured.at != "text"]


def hidden(preset: str, kernel: Kernel) -> list[Size]:
    """The sizes of another H than the usual one."""
    return [size for size in PRESETS[preset].sizes(kernel) if size.H != Size.H]


@pytest.mark.parametrize("kernel", WITH_H, ids=lambda kernel: kernel.name)
def test_default_measures_another_hidden_size_once_and_full_three_at_a_size_that_is_measured_anyway(
    kernel: Kernel,
) -> None:
    assert [size.H for size in hidden("default", kernel)] == [300]
    assert [size.H for size in hidden("full", kernel)] == [64, 300, 768]
    assert hidden("quick", kernel) == []
    for preset in ("default", "full"):
        usual = [size for size in PRESETS[preset].sizes(kernel) if size.H == Size.H]
        for size in hidden(preset, kernel):
            whole_tables = preset == "default" and kernel.measured.at in ("tables", "slow")
            V = min(one.V for one in usual) if whole_tables else USUAL_V
            assert (size.V, size.B, size.K) in [(one.V, one.B, one.K) for one in usual if V == one.V]


def test_kernels_without_a_hidden_size_and_training_have_one_size_less() -> None:
    for kernel in KERNELS:
        if "H" not in kernel.dimensions:
            assert {size.H for preset in PRESETS.values() for size in preset.sizes(kernel)} <= {1}
        elif kernel.measured.at == "text":
            assert all(hidden(preset, kernel) == [] for preset in PRESETS)


def test_default_has_a_million_words_only_where_the_time_grows_with_them_and_no_table_is_filled() -> None:
    million = {kernel.name for kernel in KERNELS if any(size.V == 10**6 for size in PRESETS["default"].sizes(kernel))}
    assert million == {"lookup", "scatter.scalar", "sampling.with-replacement"}


def test_training_takes_a_hundred_words_in_default() -> None:
    for kernel in KERNELS:
        if kernel.measured.at == "text":
            (size,) = PRESETS["default"].sizes(kernel)
            assert (size.V, size.B, size.K, size.index) == (10_000, 100, NEGATIVES, "i32")


def test_the_presets_that_everybody_runs_are_short_and_plan_one_process_less() -> None:
    assert {name: (preset.short, preset.settings.processes) for name, preset in PRESETS.items()} == {
        "quick": (True, 4),
        "default": (True, 4),
        "deck": (False, 5),
        "full": (False, 5),
    }


IN_DECK = {
    str(one.case(size)): at
    for kernel in KERNELS
    for at, size in enumerate(PRESETS["deck"].sizes(kernel))
    for one in catalogue.own()
    if one.kernel.name == kernel.name and PRESETS["deck"].measures(one)
}
"""The deck's cases, and which of its kernel's sizes each has, counted from 0."""


def test_the_deck_measures_all_that_its_page_shows_and_profiles_it_at_the_size_that_is_shown() -> None:
    shown = {side.case for screen in SCREENS for side in screen.sides if "/" in side.key}
    shown |= {figure.case for figure in FIGURES}
    assert {case: IN_DECK.get(case) for case in shown} == dict.fromkeys(shown, 0)
    assert set(TIMES.values()) <= IN_DECK.keys()
    measured = {(case.partition("@")[0], int(float(case.partition("@V=")[2].partition(",")[0]))) for case in IN_DECK}
    growing = [*GROWTHS.values(), *(key for _, lines in CHARTS.values() for _, key in lines)]
    assert {(key, V) for key in growing for V in (FROM_V, TO_V)} <= measured
    assert {key for _, key in CHAPTERS} <= {key for key, _ in measured}


def test_the_deck_measures_each_implementation_of_a_slide_and_few_others() -> None:
    of_slides = [one for one in catalogue.own() if one.slide is not None and one.kernel.deck.sizes]
    assert all(PRESETS["deck"].measures(one) for one in of_slides)
    assert not any(PRESETS["deck"].measures(one) for one in catalogue.own() if {"torch", "jax"} & {*one.requires})
    assert all(PRESETS["default"].measures(one) for one in catalogue.own())
