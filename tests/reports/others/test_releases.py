"""Cases over the releases of a package: which changes are found, how often noise is called one, and what is shown."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.reports.file.schema.comparison import ComparedEnvironment
from w2vbench.reports.file.schema.releases import ReleasedCase, Releases
from w2vbench.reports.others.releases import changes, levels
from w2vbench.reports.others.releases_page import (
    HIGH,
    NARROWEST,
    RIGHT,
    WIDEST,
    describe,
    drawing,
    drawings,
    markdown,
    outcome,
)
from w2vbench.reports.outputs import report

from tests import golden_files, saved
from tests.saved import HOSTILE

PROCESSES = 16
NOISE = 0.013
"""Standard deviation between processes, as measured on one CPU."""


def environment(**packages: str) -> ComparedEnvironment:
    return ComparedEnvironment(python="3.11.7", packages=packages, blas="openblas 0.3.29, kernels for SkylakeX")


def released(shifts: list[float], seed: int = 0, noise: float = NOISE, drift: float = 0.0) -> ReleasedCase:
    """A case whose time differs from the oldest release's by these log-ratios; processes of the same number share a speed."""
    rng = np.random.default_rng(seed)
    speeds = rng.normal(0, drift, PROCESSES)
    times = {
        f"1.{at}": np.exp(math.log(1e-5) + shift + speeds + rng.normal(0, noise, PROCESSES)).tolist()
        for at, shift in enumerate(shifts)
    }
    name = "lookup/numba@V=1e4,H=100,B=8,f32,i64,zipf,t1"
    return ReleasedCase(case=name, kernel="lookup", implementation="numba", title="compiled loop", times=times)


def releases(*cases: ReleasedCase, **fields: Any) -> Releases:
    names = dict.fromkeys(release for case in cases for release in (*case.times, *case.failed))
    made = {name: environment(numba=name) for name in names}
    return Releases.model_validate(
        {"package": "numba", "threshold": 0.02, "environments": made, "cases": cases, **fields}
    )


def numbas() -> Releases:
    """Releases of which one made a case slower and another fails, with a change that was narrowed down."""
    case = released([0.0, 0.001, 0.4, 0.401]).model_copy(update={"failed": {"1.4": "crashed: the process ended"}})
    narrowed = {"case": case.case, "before": "1.1", "after": "1.2", "last": "1.1.3", "first": "1.2.0"}
    missing = {"1.5": "No solution found when resolving dependencies."}
    made = {name: environment(numba=name, llvmlite=name.replace("1.", "0.4")) for name in (*case.times, "1.4")}
    return releases(case, narrowed=[narrowed], not_measured=missing, environments=made)


@pytest.mark.parametrize("drift", [0.0, 0.2])
@pytest.mark.parametrize("shift", [0.06, -0.06, 0.5])
def test_a_release_that_changed_the_level_is_found_even_while_the_machine_drifts(shift: float, drift: float) -> None:
    found = [changes(releases(released([0, 0, shift, shift], seed, drift=drift))) for seed in range(40)]
    right = [[(one.before, one.after) for one in each] == [("1.1", "1.2")] for each in found]
    assert sum(right) >= 38
    ratios = [each[0].ratio for each in found if each]
    assert sum(one.includes(math.exp(shift)) for one in ratios) >= 0.85 * len(ratios)


def test_noise_and_what_is_below_the_threshold_is_no_change() -> None:
    """Twenty releases of the same code, 200 times: the family-wise error is 2.5 % in each direction, beyond a threshold."""
    assert sum(bool(changes(releases(released([0.0] * 20, seed)))) for seed in range(200)) == 0
    assert not any(changes(releases(released([0.0, 0.01], seed, noise=0.002))) for seed in range(50))


def test_changes_up_and_down_are_told_apart() -> None:
    found = changes(releases(released([0.0, 0.3, 0.3, 0.0, -0.2])))
    assert [(one.before, one.after, one.ratio.estimate > 1) for one in found] == [
        ("1.0", "1.1", True),
        ("1.2", "1.3", False),
        ("1.3", "1.4", False),
    ]


@pytest.mark.parametrize("times", [{}, {"1.0": [1e-5]}, {"1.0": [1e-5] * 3, "1.1": [2e-5] * 3}])
def test_too_few_figures_show_no_change(times: dict[str, list[float]]) -> None:
    case = released([0.0]).model_copy(update={"times": times, "failed": {"1.9": "crashed"}})
    made = releases(case)
    assert changes(made) == []
    assert outcome(made, []).startswith("No ")
    assert "1.9" in markdown(made)


def test_what_was_not_shown_is_not_said_to_be_nothing() -> None:
    """Only intervals within the threshold show that no release changed a case."""
    for noise, said in ((0.0001, "No release changed any of 1 case by more than 2 %."), (0.5, "cannot be ruled out")):
        made = releases(released([0.0, 0.0, 0.0], noise=noise))
        assert changes(made) == []
        assert said in outcome(made, [])
        largest = max(max(one.ratio.high or 0, 1 / (one.ratio.low or 1)) for one in levels(made.cases[0]) if one.ratio)
        assert ("ruled out" in said) == (f"{(largest - 1) * 100:.0f} %" in outcome(made, []))


def test_times_follow_from_the_ratios_though_the_machine_drifts() -> None:
    """A release's own median has what the machine did meanwhile, and stood beside a ratio that it contradicted."""
    oldest, *others = levels(released([0.0, 0.1, 0.2], drift=0.5))
    for one in others:
        assert one.ratio
        assert one.seconds == pytest.approx(oldest.seconds * one.ratio.estimate)


def test_it_is_said_at_which_release_another_package_changes() -> None:
    case = released([0.0, 0.0, 0.0])
    numpys = ("2.3.5", "2.4.6", "2.4.6")
    made = {name: environment(numba=name, numpy=numpy) for name, numpy in zip(case.times, numpys, strict=True)}
    assert "numpy 2.3.5 → 2.4.6 (1.1)" in markdown(releases(case, environments=made))


def test_a_case_has_as_many_processes_at_each_release() -> None:
    with pytest.raises(ValueError, match="processes"):
        releases(released([0.0]).model_copy(update={"times": {"1.0": [1e-5, 1e-5], "1.1": [1e-5]}}))
    with pytest.raises(ValueError, match="environment"):
        releases(released([0.0, 0.0]), environments={"1.0": environment()})


def test_a_change_names_the_release_that_brought_it() -> None:
    (change,) = changes(numbas())
    assert re.fullmatch(
        r"48\.\d % slower \(.*\) from numba 1\.2\.0 on; 1\.1\.3 is as before \(llvmlite 0\.41 → 0\.42 there too\)",
        describe(change, numbas()),
    )
    (found,) = numbas().narrowed
    gap = found.model_copy(update={"first": "1.2.2", "undecided": ["1.2.0", "1.2.1"]})
    said = describe(change, numbas().model_copy(update={"narrowed": [gap]}))
    assert "from numba 1.2.2 on; 1.1.3 is as before, and 1.2.0 and 1.2.1 could not be told" in said
    alone = {name: environment(numba=name) for name in numbas().environments}
    plain = numbas().model_copy(update={"narrowed": [], "environments": alone})
    assert describe(change, plain).endswith("from numba 1.2 on; 1.1 is as before")


def test_a_chart_stays_in_its_box_and_slower_is_higher() -> None:
    drawn = drawing(released([0.0, 0.4, -0.2]), [])
    assert drawn
    places = [(x, y) for x, y, *_ in drawn["points"]]
    assert all(0 < x < drawn["wide"] <= WIDEST and 0 < y < HIGH for x, y in places)
    assert places[1][1] < places[0][1] < places[2][1]
    few, many = (drawing(released([0.0] * number), []) for number in (2, 30))
    assert few
    assert many
    assert few["wide"] < 360 < many["wide"] == WIDEST  # two releases fit a phone
    assert drawing(released([0.0]).model_copy(update={"times": {}}), []) is None


def test_a_phone_has_a_chart_of_its_own_whose_last_release_has_its_label_inside() -> None:
    assert [chart["wide"] for chart in drawings(released([0.0] * 2), [])] == [NARROWEST]
    wide, narrow = drawings(released([0.0] * 30), [])
    assert (wide["wide"], narrow["wide"]) == (WIDEST, NARROWEST)
    for chart in (wide, narrow):
        labelled = [x for x, *_, shown in chart["points"] if shown]
        assert chart["points"][-1][-1]
        assert labelled[-1] <= chart["wide"] - RIGHT
        assert all(after - before >= 50 for before, after in pairwise(labelled))


def test_the_page_and_its_markdown_tell_all_and_no_name_breaks_out(tmp_path: Path) -> None:
    file = saved.result().model_copy(
        update={"w2vbench": saved.result().w2vbench.model_copy(update={"releases": numbas()})}
    )
    report(file, tmp_path)
    golden_files.check("versions.md", (tmp_path / "versions.md").read_text())
    page = (tmp_path / "versions.html").read_text()
    assert "from numba 1.2.0 on" in page
    for text in HOSTILE:
        hostile = numbas().model_copy(update={"package": text, "not_measured": {text: text}})
        report(file.model_copy(update={"w2vbench": file.w2vbench.model_copy(update={"releases": hostile})}), tmp_path)
        assert "<script>alert" not in (tmp_path / "versions.html").read_text()
