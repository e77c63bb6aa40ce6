"""A comparison of two revisions, before and beside the racing: what is raced and why not, and what figures mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.race import Track
from bench.engine.workers import Died, Workers
from bench.plans.compare import (
    GATE_CASES,
    MARKED_WRONG,
    OVER_BUDGET,
    TOO_MANY,
    Comparing,
    Contest,
    Facts,
    Measured,
    Outcome,
    Plan,
    Unanswerable,
    Wanted,
    barely,
    by_weight,
    contests_of,
    keep,
    listed,
    memory_of,
    plan,
    record,
    trees_of,
)
from bench.plans.presets import GATE
from bench.plans.revisions import RevisionError, Tree
from impls.case import Size
from reports.comparison import SAME_CODE
from reports.statistics import LEAST_BYTES, Floats

Side = dict[str, Facts]


def facts(key: str, identity: str = "f", **other: Any) -> Facts:
    """What a side says of an implementation; its code is told by identity."""
    kernel, _, slug = key.rpartition("/")
    plain: dict[str, Any] = {
        "dimensions": "VHB",
        "signature": ["W", "idx"],
        "title": slug,
        "baseline": False,
        "wrong": "",
        "missing": [],
        "late_imports": [],
        "strays": [],
        "data": [],
        "built": [],
        "effects": [],
        "file": f"/tree/impls/{kernel}.py",
        "line": 1,
    }
    return Facts(key=key, kernel=kernel, slug=slug, identity=identity, **{**plain, **other})


def side(*all_facts: Facts) -> Side:
    return {one.key: one for one in all_facts}


def cases(key: str) -> list[str]:
    """All cases of an implementation."""
    return [contest.case for contest in contests_of(facts(key))]


def raced(made: Plan) -> list[str]:
    return [contest.case for contest in made.contests]


def fallen(made: Plan) -> dict[str, tuple[str, str]]:
    return {contest.case: why for contest, why in made.fallen.items()}


KEPT = facts("lookup/kept")
"""An implementation that both sides have, unchanged."""


def of_one(base: Facts | None, head: Facts | None, wanted: Wanted | None = None) -> Plan:
    """The plan for one implementation beside an unchanged one, of which nothing is said beyond that."""
    sides = [side(KEPT, *([one] if one else [])) for one in (base, head)]
    made = plan(sides[0], sides[1], wanted or Wanted())
    same = made.left_out.get(SAME_CODE, [])
    if not wanted or not wanted.everything:
        assert set(cases(KEPT.key)) <= set(same)
        made.left_out[SAME_CODE] = [case for case in same if case not in cases(KEPT.key)]
        if not made.left_out[SAME_CODE]:
            del made.left_out[SAME_CODE]
    return made


# what is raced


def test_changed_code_is_raced_at_every_size_of_its_kernel_as_head_says_it_is() -> None:
    head = facts("lookup/mine", "new")
    made = of_one(facts("lookup/mine", "old"), head)
    assert raced(made) == cases("lookup/mine")
    assert len(raced(made)) == 2
    assert all(contest.facts is head for contest in made.contests)
    assert made == Plan(contests=made.contests)


def test_the_same_code_is_left_out_and_raced_where_everything_is_asked_for() -> None:
    mine = facts("lookup/mine")
    assert of_one(mine, facts("lookup/mine")) == Plan(left_out={SAME_CODE: cases("lookup/mine")})
    made = of_one(mine, facts("lookup/mine"), Wanted(everything=True))
    assert sorted(raced(made)) == sorted([*cases("lookup/mine"), *cases("lookup/kept")])
    assert made == Plan(contests=made.contests)


def test_a_new_title_baseline_or_place_is_no_change() -> None:
    head = facts("lookup/mine", title="new", file="/other.py", line=99, baseline=True)
    assert of_one(facts("lookup/mine"), head).left_out == {SAME_CODE: cases("lookup/mine")}


@pytest.mark.parametrize("side_of", ["base", "head"])
def test_the_same_code_is_measured_where_a_file_that_it_may_read_differs(side_of: str) -> None:
    one, other = facts("lookup/mine", data=["table.npy"]), facts("lookup/mine")
    made = of_one(*((one, other) if side_of == "base" else (other, one)))
    assert raced(made) == cases("lookup/mine")


def test_an_extension_that_is_installed_once_cannot_be_compared_with_itself() -> None:
    made = of_one(facts("lookup/mine"), facts("lookup/mine", built=["src/rows.c"]))
    assert list(fallen(made)) == cases("lookup/mine")
    ((status, reason),) = set(fallen(made).values())
    assert status == "failed"
    assert "src/rows.c" in reason


def test_what_an_import_changes_for_the_whole_process_cannot_be_compared_in_one() -> None:
    effect, other = ["a.py:3", "os.environ['A'] = '1'"], ["b.py:9", "gc.disable()"]
    for base, head, told in ([effect], [effect, other], other), ([effect], [], effect), ([], [other], other):
        made = of_one(facts("lookup/mine", effects=base), facts("lookup/mine", effects=head))
        ((status, reason),) = set(fallen(made).values())
        assert status == "failed"
        assert f"{told[0]} runs `{told[1]}`" in reason
    moved = ["c.py:30", effect[1]]
    made = of_one(facts("lookup/mine", effects=[effect]), facts("lookup/mine", effects=[moved]))
    assert made.left_out == {SAME_CODE: cases("lookup/mine")}


def test_what_only_one_side_has_is_told_and_not_raced() -> None:
    assert of_one(None, facts("lookup/mine", "new")) == Plan(added=["lookup/mine"])
    assert of_one(facts("lookup/mine", "old"), None) == Plan(removed=["lookup/mine"])
    made = of_one(facts("lookup/old", "old"), facts("lookup/new", "new"))
    assert made == Plan(added=["lookup/new"], removed=["lookup/old"])


def test_the_same_code_under_a_new_name_is_renamed_and_neither_added_nor_removed() -> None:
    made = of_one(facts("lookup/old", "x"), facts("lookup/new", "x"))
    assert made == Plan(renamed=[("lookup/old", "lookup/new")])


def test_each_old_name_is_used_once_and_the_same_code_in_another_kernel_is_another() -> None:
    base = side(facts("lookup/old", "x"), facts("scatter.rows/was", "y"))
    head = side(facts("lookup/new", "x"), facts("lookup/newer", "x"), facts("scatter.dense/is", "y"))
    made = plan(base, head, Wanted())
    assert made.renamed == [("lookup/old", "lookup/new")]
    assert made.added == ["lookup/newer", "scatter.dense/is"]
    assert made.removed == ["scatter.rows/was"]


def test_a_copy_of_what_is_still_there_is_added() -> None:
    made = of_one(None, facts("lookup/mine", KEPT.identity))
    assert made == Plan(added=["lookup/mine"])


@pytest.mark.parametrize("everything", [False, True])
def test_a_changed_signature_cannot_be_compared_and_says_both(everything: bool) -> None:
    base, head = facts("lookup/mine", "old"), facts("lookup/mine", "new", signature=["W", "idx", "out"])
    made = of_one(base, head, Wanted(globs=["lookup/mine*"], everything=everything) if everything else None)
    assert list(fallen(made)) == cases("lookup/mine")
    ((status, reason),) = set(fallen(made).values())
    assert status == "failed"
    assert "takes (W, idx) in BASE and (W, idx, out) in HEAD" in reason
    assert not made.contests


@pytest.mark.parametrize("late", ["base", "head", "both"])
def test_changed_code_that_imports_its_tree_when_called_cannot_be_compared(late: str) -> None:
    base, head = (
        facts("lookup/mine", name, late_imports=["tree.deep", "more"] if late in (name, "both") else [])
        for name in ("base", "head")
    )
    made = of_one(base, head)
    assert list(fallen(made)) == cases("lookup/mine")
    ((status, reason),) = set(fallen(made).values())
    assert status == "failed"
    assert "tree.deep" in reason
    assert "more" not in reason


def test_unchanged_code_that_imports_its_tree_when_called_is_left_out_unless_asked_for() -> None:
    late = facts("lookup/mine", late_imports=["tree.deep"])
    assert of_one(late, late).left_out == {SAME_CODE: cases("lookup/mine")}
    assert list(fallen(of_one(late, late, Wanted(everything=True)))) == cases("lookup/mine")


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize(
    "base", [None, {"missing": ["numba"]}, {"missing": ["numba"], "wrong": "yes"}, {"wrong": "yes"}]
)
@pytest.mark.parametrize("head", [{"missing": ["numba", "scipy"]}, {"missing": ["numba", "scipy"], "wrong": "yes"}])
def test_without_its_package_on_either_side_it_is_left_out_with_what_to_install(
    base: dict[str, Any] | None, head: dict[str, Any], everything: bool
) -> None:
    before = None if base is None else facts("lookup/mine", "old", **base)
    made = of_one(before, facts("lookup/mine", "new", **head), Wanted(everything=everything))
    assert made.left_out == {"not installed: pip install numba scipy": cases("lookup/mine")}
    assert not set(raced(made)) & set(cases("lookup/mine"))
    assert not made.fallen


def test_a_package_that_only_base_needs_is_missing_too() -> None:
    """Raced, its BASE lane fails, and the comparison with it."""
    made = of_one(facts("lookup/mine", "old", missing=["numba"]), facts("lookup/mine", "new"))
    assert not made.contests


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("code", ["old", "new"])
@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ({"missing": ["numba"]}, "needs numba, which is not installed"),
        ({"missing": ["numba", "scipy"]}, "needs numba and scipy, which is not installed"),
        ({"missing": ["numba"], "wrong": "yes"}, "needs numba, which is not installed"),
        ({"wrong": "duplicates are lost"}, "marks it wrong"),
    ],
)
def test_what_base_could_measure_and_head_cannot_does_not_pass_in_silence(
    head: dict[str, Any], reason: str, code: str, everything: bool
) -> None:
    made = of_one(facts("lookup/mine", "old"), facts("lookup/mine", code, **head), Wanted(everything=everything))
    assert fallen(made) == dict.fromkeys(cases("lookup/mine"), ("failed", f"not comparable: HEAD {reason}"))
    assert not set(raced(made)) & set(cases("lookup/mine"))
    assert not made.left_out


def test_only_what_is_asked_for_falls() -> None:
    base, head = side(facts("lookup/a"), facts("lookup/b")), side(facts("lookup/a", wrong="yes"), facts("lookup/b"))
    assert not plan(base, head, Wanted(globs=["lookup/b"])).fallen
    assert list(fallen(plan(base, head, Wanted(globs=["lookup/a@V=1e5*"])))) == cases("lookup/a")[1:]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize(("base", "head"), [("yes", ""), ("yes", "yes")])
def test_what_base_marks_as_wrong_is_never_raced(base: str, head: str, everything: bool) -> None:
    made = of_one(
        facts("lookup/mine", "old", wrong=base), facts("lookup/mine", "new", wrong=head), Wanted(everything=everything)
    )
    assert made.left_out == {MARKED_WRONG: cases("lookup/mine")}
    assert not set(raced(made)) & set(cases("lookup/mine"))


def test_what_only_head_has_and_marks_as_wrong_is_left_out() -> None:
    made = of_one(None, facts("lookup/mine", "new", wrong="yes"))
    assert made == Plan(left_out={MARKED_WRONG: cases("lookup/mine")})


@pytest.mark.parametrize("before", [{}, {"wrong": "yes"}, {"missing": ["numba"]}])
@pytest.mark.parametrize("other", [{}, {"wrong": "yes"}, {"missing": ["numba"]}])
def test_what_is_never_raced_may_be_renamed_too(before: dict[str, Any], other: dict[str, Any]) -> None:
    made = of_one(facts("lookup/old", "x", **before), facts("lookup/new", "x", **other))
    assert made == Plan(renamed=[("lookup/old", "lookup/new")])


@pytest.mark.parametrize("stray", ["base", "head", "both"])
def test_changed_code_that_uses_the_other_sides_files_cannot_be_compared(stray: str) -> None:
    base, head = (
        facts("lookup/mine", name, strays=[f"lib/{name}.py", "more.py"] if stray in (name, "both") else [])
        for name in ("base", "head")
    )
    made = of_one(base, head)
    assert list(fallen(made)) == cases("lookup/mine")
    ((status, reason),) = set(fallen(made).values())
    assert status == "failed"
    file = "lib/head.py" if stray == "head" else "lib/base.py"
    assert reason.startswith(f"not comparable: one side uses the other's {file}: ")
    assert not made.contests


def test_unchanged_code_that_uses_the_other_sides_files_is_left_out_unless_asked_for() -> None:
    stray = facts("lookup/mine", strays=["lib/a.py"])
    assert of_one(stray, stray).left_out == {SAME_CODE: cases("lookup/mine")}
    assert list(fallen(of_one(stray, stray, Wanted(everything=True)))) == cases("lookup/mine")


# what is asked for


MANY = ("lookup/a", "scatter.dense/a", "scatter.rows/a", "output.softmax/a")


def changed_everywhere() -> tuple[Side, Side]:
    return side(*(facts(key, "old") for key in MANY)), side(*(facts(key, "new") for key in MANY))


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(), MANY),
        (Wanted(kernels=["lookup"]), MANY[:1]),
        (Wanted(kernels=["scatter"]), MANY[1:3]),
        (Wanted(kernels=["scatter.rows"]), MANY[2:3]),
        (Wanted(globs=["lookup/a"]), MANY[:1]),
        (Wanted(globs=["lookup/a@*"]), MANY[:1]),
        (Wanted(globs=["*/a"]), MANY),
        (Wanted(globs=["scatter.*"]), MANY[1:3]),
        (Wanted(kernels=["scatter"], globs=["*rows*"]), MANY[2:3]),
    ],
)
def test_a_kernel_a_family_or_a_glob_narrows_it_down(wanted: Wanted, keys: Sequence[str]) -> None:
    made = plan(*changed_everywhere(), wanted)
    assert sorted(raced(made)) == sorted(case for key in keys for case in cases(key))


def test_a_glob_may_choose_sizes() -> None:
    made = plan(*changed_everywhere(), Wanted(globs=["lookup/*@V=1e5,*"]))
    assert raced(made) == [case for case in cases("lookup/a") if "@V=1e5," in case]
    assert len(made.contests) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(kernels=["nothing"]),
        Wanted(kernels=["look"]),
        Wanted(globs=["LOOKUP/a"]),
        Wanted(globs=["lookup"]),
        Wanted(globs=[""]),
        Wanted(kernels=["lookup"], globs=["scatter*"]),
        Wanted(globs=["*@V=7,*"], everything=True),
    ],
)
def test_what_matches_nothing_is_refused(wanted: Wanted) -> None:
    with pytest.raises(RevisionError, match="no case matches"):
        plan(*changed_everywhere(), wanted)


def test_two_sides_without_anything_are_refused_and_a_removed_one_is_named() -> None:
    with pytest.raises(RevisionError):
        plan({}, {}, Wanted())
    assert plan(side(facts("lookup/old")), {}, Wanted(globs=["lookup/old"])).removed == ["lookup/old"]


def test_what_is_of_another_kernel_is_told_nowhere() -> None:
    base = side(facts("lookup/a"), facts("scatter.rows/old"))
    head = side(facts("lookup/a"), facts("scatter.rows/new", "new"), facts("scatter.dense/no", missing=["numba"]))
    assert plan(base, head, Wanted(kernels=["lookup"])) == Plan(left_out={SAME_CODE: cases("lookup/a")})


def test_what_a_glob_does_not_match_is_not_told_as_removed() -> None:
    base, head = side(facts("lookup/a"), facts("scatter.rows/old")), side(facts("lookup/a"))
    assert plan(base, head, Wanted(globs=["lookup/*"])).removed == []


def test_every_case_of_both_sides_is_raced_or_told_somewhere() -> None:
    base = side(*(facts(f"lookup/i{n}", f"{n % 3}") for n in range(12)))
    head = side(*(facts(f"lookup/i{n}", f"{n % 2}", missing=["numba"] * (n in (7, 15))) for n in range(3, 20)))
    made = plan(base, head, Wanted())
    told = Counter([*raced(made), *fallen(made), *(case for some in made.left_out.values() for case in some)])
    named = [*made.added, *(new for _, new in made.renamed)]
    assert set(told.values()) == {1}
    assert set(told) == {case for key in head if key not in named for case in cases(key)}
    assert set(base) - set(head) == {*made.removed, *(old for old, _ in made.renamed)}


# too many


KERNELS = ("lookup", "scatter.dense", "scatter.accumulate", "output.softmax", "output.nce")


def ladders(kernels: Sequence[str], rungs: int) -> tuple[Side, Side]:
    """Ladders in which everything changed; the first rung is the baseline."""
    sides = [
        side(*(facts(f"{kernel}/rung{n}", name, baseline=n == 0) for kernel in kernels for n in range(rungs)))
        for name in ("old", "new")
    ]
    return sides[0], sides[1]


def test_sixteen_cases_are_raced_and_of_more_the_rest_is_told_with_the_reason() -> None:
    made = plan(*ladders(["lookup"], GATE_CASES // 2), Wanted())
    assert len(made.contests) == GATE_CASES == 16
    assert not made.left_out
    made = plan(*ladders(["lookup"], GATE_CASES // 2 + 1), Wanted())
    assert len(made.contests) == GATE_CASES
    assert list(made.left_out) == [TOO_MANY]
    assert str(GATE_CASES) in TOO_MANY
    everything = [case for n in range(GATE_CASES // 2 + 1) for case in cases(f"lookup/rung{n}")]
    assert sorted([*raced(made), *made.left_out[TOO_MANY]]) == sorted(everything)


def test_the_cut_keeps_the_top_of_every_ladder_first_and_then_every_baseline() -> None:
    made = plan(*ladders(KERNELS, 6), Wanted())
    kept = [(contest.facts.kernel, contest.facts.slug) for contest in made.contests]
    first = {kernel: contests_of(facts(f"{kernel}/x"))[0].size for kernel in KERNELS}
    assert kept[:5] == [(kernel, "rung5") for kernel in KERNELS]
    assert kept[5:10] == [(kernel, "rung0") for kernel in KERNELS]
    assert kept[10:15] == [(kernel, "rung4") for kernel in KERNELS]
    assert kept[15:] == [(KERNELS[0], "rung3")]
    assert all(contest.size == first[contest.facts.kernel] for contest in made.contests)


def test_the_top_is_the_highest_rung_that_changed() -> None:
    base, head = ladders(KERNELS, 6)
    base |= {f"{kernel}/rung5": facts(f"{kernel}/rung5", "new") for kernel in KERNELS}
    made = plan(base, head, Wanted())
    assert [contest.facts.slug for contest in made.contests[:10]] == ["rung4"] * 5 + ["rung0"] * 5


@pytest.mark.parametrize("wanted", [Wanted(kernels=["lookup"]), Wanted(globs=["*"]), Wanted(everything=True)])
def test_nothing_that_is_asked_for_is_cut(wanted: Wanted) -> None:
    made = plan(*ladders(["lookup"], 12), wanted)
    assert len(made.contests) == 24
    assert not made.left_out


def test_what_the_cut_keeps_does_not_depend_on_what_is_left_out_for_other_reasons() -> None:
    base, head = ladders(KERNELS, 6)
    more = side(*(facts(f"{kernel}/same{n}") for kernel in KERNELS for n in range(3)))
    assert raced(plan({**base, **more}, {**head, **more}, Wanted())) == raced(plan(base, head, Wanted()))


def test_larger_sizes_come_after_all_rungs_of_the_first() -> None:
    contests = [contest for n in range(3) for contest in contests_of(facts(f"lookup/rung{n}", baseline=n == 0))]
    small, large = (contest.size for contest in contests[:2])
    ranked = [(contest.facts.slug, contest.size) for contest in by_weight(contests)]
    order = ("rung2", "rung0", "rung1")
    assert ranked == [*((slug, small) for slug in order), *((slug, large) for slug in order)]
    assert by_weight([]) == []


def test_a_contest_is_named_by_its_case_and_sides_of_equal_content_are_not_mixed_up() -> None:
    size = GATE.sizes(KEPT)[0]
    assert Contest(KEPT, size).case == f"lookup/kept@{size}"
    assert Contest(KEPT, size) == Contest(KEPT, Size.parse(str(size)))
    assert Contest(KEPT, size) != Contest(facts("lookup/kept"), size)


# memory


@pytest.mark.parametrize(
    ("base", "control", "head", "verdict"),
    [
        (1000, 1000, 1000, "same"),
        (1000, 1000, 1000 + LEAST_BYTES, "same"),
        (1000, 1000, 1001 + LEAST_BYTES, "more"),
        (1000, 1000, 1000 - LEAST_BYTES, "same"),
        (1000, 1000, 999 - LEAST_BYTES, "less"),
        (0, 0, 10**9, "more"),
        (10**9, 10**9, 0, "less"),
        (1000, 1000 + LEAST_BYTES, 1000, "same"),
        (1000, 1001 + LEAST_BYTES, 10**9, "unknown"),
        (1001 + LEAST_BYTES, 1000, 1000, "unknown"),
        (10**9, 10**9 + 2 * 10**7, 10**9 + 2 * 10**7, "same"),
        (10**9, 10**9, 10**9 + 2 * 10**7 + 1, "more"),
        (10**9, 10**9 - 2 * 10**7, 10**9 - 2 * 10**7 - 1, "less"),
        (10**9, 10**9 + 2 * 10**7 + 1, 10**9, "unknown"),
        (None, 1000, 1000, "unknown"),
        (1000, None, 1000, "unknown"),
        (1000, 1000, None, "unknown"),
    ],
)
def test_memory_is_compared_by_the_threshold_and_beyond_pythons_own_noise(
    base: int | None, control: int | None, head: int | None, verdict: str
) -> None:
    assert memory_of({"base": base, "control": control, "head": head}, 0.02) == verdict


@pytest.mark.parametrize(("threshold", "verdict"), [(0.02, "more"), (0.04, "more"), (0.06, "same")])
def test_memory_has_the_threshold_that_is_asked_for(threshold: float, verdict: str) -> None:
    assert memory_of({"base": 10**6, "control": 10**6, "head": 10**6 + 50_000}, threshold) == verdict


def test_memory_that_was_never_weighed_is_unknown() -> None:
    assert memory_of({}, 0.02) == "unknown"
    assert memory_of({"base": 1, "control": 1}, 0.02) == "unknown"


# figures


def measured(*processes: tuple[Floats, Floats, Floats]) -> Measured:
    """Processes of base, control and head, in logarithms of seconds."""
    made = Measured()
    made.looks[0] = [dict(zip(("base", "control", "head"), process, strict=True)) for process in processes]
    return made


logs = st.lists(st.floats(-20, 5), min_size=1, max_size=9)


@given(st.lists(logs, min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_swapping_both_sides_of_identical_lanes_turns_the_sign(bases: list[list[float]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [(np.array(base), np.array(base) + rng.normal(size=len(base))) for base in bases]
    forth = measured(*((base, base, head) for base, head in sides)).stage(0).median
    back = measured(*((head, head, base) for base, head in sides)).stage(0).median
    assert back.ratios == [-ratio for ratio in forth.ratios]
    assert forth.controls == back.controls == [0.0] * len(bases)


def test_swapping_bases_two_lanes_turns_the_control_alone() -> None:
    rng = np.random.default_rng(3)
    base, control, head = rng.normal(size=(3, 30))
    one = measured((base, control, head))
    plain, swapped = one.stage(0).median, one.stage(0, ("control", "base", "head")).median
    assert swapped.ratios == plain.ratios
    assert swapped.controls == [-ratio for ratio in plain.controls]


def test_a_slowed_head_gives_its_factor_in_every_launch_and_drift_cancels() -> None:
    rng = np.random.default_rng(4)
    processes = []
    for _ in range(5):
        drift = np.cumsum(rng.normal(size=30))
        processes.append((drift, drift, drift + math.log(1.25)))
    found = measured(*processes)
    assert found.stage(0).median.ratios == pytest.approx([math.log(1.25)] * 5)
    assert found.stage(1).median.ratios == []


@pytest.mark.parametrize("skewed", ["lognormal", "exponential", "mostly fast"])
def test_identical_code_has_a_ratio_of_one_on_skewed_times(skewed: str) -> None:
    """A ratio to the mean of BASE's two lanes would be biased: it fails the same bound."""
    rng = np.random.default_rng(5)
    shape = (2000, 3, 30)
    times = {
        "lognormal": lambda: rng.lognormal(sigma=0.5, size=shape),
        "exponential": lambda: 1 + rng.exponential(size=shape),
        "mostly fast": lambda: 1 + 0.5 * (rng.random(shape) < 0.3) + 0.01 * rng.random(shape),
    }[skewed]()
    lanes = np.log(times)
    look = measured(*((one[0], one[1], one[2]) for one in lanes)).stage(0).median
    for ratios in (look.ratios, look.controls):
        assert abs(np.mean(ratios)) < 4 * np.std(ratios) / math.sqrt(len(ratios))
    to_mean = np.median(lanes[:, 2] - np.log(times[:, :2].mean(axis=1)), axis=1)
    assert abs(to_mean.mean()) > 4 * to_mean.std() / math.sqrt(len(to_mean))


def test_the_typical_time_is_the_median_launchs_median() -> None:
    found = measured(*((np.log([s, s, 9.0 * s]),) * 3 for s in (1e-6, 2e-6, 5e-3)))
    assert found.typical_s(0, "base") == pytest.approx(2e-6)
    assert found.typical_s(1, "base") is None


def test_a_launchs_events_are_kept_by_case_and_lane() -> None:
    contests = contests_of(facts("lookup/mine"))
    events = [
        {
            "event": "timed",
            "lane": f"{c.case}|{lane}",
            "calls": 3,
            "rounds": 2,
            "prepare_s": 0.5 * factor,
            "wall_s": [1.0, None, factor * 2.0],
            "cpu_s": [0.9, None, 1.1],
        }
        for c in contests
        for lane, factor in (("base", 1), ("control", 1), ("head", 2))
    ]
    measured = {"peak_bytes": 77, "resident_bytes": 8192, "needs": ["torch"]}
    events += [{"event": "memory", "lane": f"{contests[0].case}|head", **measured}]
    events += [{"event": "done"}]
    found: dict[Contest, Measured] = {}
    keep(contests, events, found, 1)
    keep(contests, events, found, 1)
    for contest in contests:
        assert [len(look) for look in found[contest].looks] == [0, 2]
        assert found[contest].looks[1][0]["base"] == pytest.approx([0.0, math.log(2)])
        assert found[contest].stage(1).median.ratios == pytest.approx([math.log(2) / 2] * 2)
        assert found[contest].stage(1).mean.ratios == pytest.approx([math.log(5 / 3)] * 2)
        setup = found[contest].stage(1).setup
        assert setup is not None
        assert setup.ratios == pytest.approx([math.log(2)] * 2)
        assert setup.controls == [0.0, 0.0]
        assert found[contest].plan == {"base": [3, 2], "control": [3, 2], "head": [3, 2]}
    assert [found[contest].peak_bytes for contest in contests] == [{"head": 77}, {}]
    assert [found[contest].resident_bytes for contest in contests] == [{"head": 8192}, {}]
    assert [found[contest].needs for contest in contests] == [{"torch"}, set()]


@pytest.mark.parametrize(("needs", "verdict"), [(set(), "more"), ({"numba"}, "more"), ({"torch"}, "unknown")])
def test_memory_gets_a_verdict_only_where_tracing_sees_all_of_it(needs: set[str], verdict: str) -> None:
    (contest, *_) = contests_of(facts("lookup/mine"))
    measured = Measured(peak_bytes={"base": 785, "control": 785, "head": 10**7}, needs=needs)
    made = Plan([contest], fallen={contest: ("inconclusive", "because")})
    found = record(contest, Outcome(made, {contest: measured}, {}, set(), 0.0), Path("/tree"), 0.02)
    assert (found["memory"], found["untraced"]) == (verdict, verdict == "unknown")


# falling


def comparing(*keys: str) -> Comparing:
    """A comparison that never starts a worker."""
    contests = [contest for key in keys for contest in contests_of(facts(key))]
    return Comparing(Track(Workers(), Path("nowhere")), Plan(contests=contests), lambda text, done, total: None)


@pytest.mark.parametrize(
    ("side_name", "status", "verdict", "told"),
    [
        ("head", "wrong", "wrong", "HEAD: because"),
        ("head", "error", "wrong", "HEAD: error: because"),
        ("head", "crashed", "broken", "HEAD: crashed: because"),
        ("head", "timeout", "broken", "HEAD: timeout: because"),
        ("head", "out of memory", "broken", "HEAD: out of memory: because"),
        ("head", "skipped", "broken", "HEAD: skipped: because"),
        ("base", "wrong", "failed", "BASE: because"),
        ("base", "error", "failed", "BASE: error: because"),
        ("base", "crashed", "failed", "BASE: crashed: because"),
        ("base", "out of memory", "failed", "BASE: out of memory: because"),
        ("", "crashed", "failed", "crashed: because"),
        ("", "error", "failed", "error: because"),
    ],
)
def test_a_case_falls_as_wrong_or_broken_only_by_heads_own_fault(
    side_name: str, status: str, verdict: str, told: str
) -> None:
    under_way = comparing("lookup/mine")
    first, second = under_way.plan.contests
    under_way.fall(first, side_name, status, "because")
    assert under_way.plan.fallen == {first: (verdict, told)}
    assert under_way.racing == [second]


@pytest.mark.parametrize(
    ("lane", "where", "verdict"),
    [("head", "HEAD", "broken"), ("base", "BASE", "failed"), ("control", "BASE", "failed")],
)
def test_the_lane_that_failed_takes_its_case_down_and_no_other(lane: str, where: str, verdict: str) -> None:
    under_way = comparing("lookup/mine", "lookup/other")
    contests = list(under_way.plan.contests)
    under_way.blame(contests, f"{contests[1].case}|{lane}", "crashed", "signal 11")
    assert under_way.plan.fallen == {contests[1]: (verdict, f"{where}: crashed: signal 11")}
    assert under_way.racing == [contests[0], *contests[2:]]


def test_if_no_lane_is_to_blame_all_that_were_raced_fall() -> None:
    under_way = comparing("lookup/mine", "lookup/other")
    contests = list(under_way.plan.contests)
    under_way.blame(contests[:3], None, "crashed", "out of nowhere")
    assert list(under_way.plan.fallen) == contests[:3]
    assert set(under_way.plan.fallen.values()) == {("failed", "crashed: out of nowhere")}
    assert under_way.racing == contests[3:]


def test_the_budget_cuts_the_last_cases_and_of_suspects_says_that_they_are_inconclusive() -> None:
    under_way = comparing("lookup/mine", "lookup/other")
    contests = list(under_way.plan.contests)
    under_way.ends = under_way.started + 1000.0
    under_way.cut(contests, 100.0, 18, 0)  # 1000 of 1800 seconds: two of four
    assert under_way.plan.contests == contests[:2]
    assert under_way.plan.left_out == {OVER_BUDGET: [contest.case for contest in contests[2:]]}
    assert under_way.plan.over_budget == [contest.case for contest in contests[2:]]
    under_way.ends = under_way.started
    under_way.cut(contests[:2], 1.0, 17, 1)
    assert {status for status, _ in under_way.plan.fallen.values()} == {"inconclusive"}
    assert list(under_way.plan.fallen) == contests[:2]
    assert len(under_way.plan.over_budget) == 2


def test_a_budget_with_room_for_all_cuts_nothing() -> None:
    under_way = comparing("lookup/mine")
    under_way.ends = under_way.started + 1000.0
    under_way.cut(list(under_way.plan.contests), 1.0, 8, 0)
    under_way.cut(list(under_way.plan.contests), 1.0, 0, 0)
    assert len(under_way.racing) == 2
    assert not under_way.plan.left_out
    assert not under_way.plan.over_budget


class Told(Workers):
    """A worker that has said already what each side has."""

    def __init__(self, **sides: dict[str, Any]) -> None:
        super().__init__()
        plain = {"event": "side", "error": "", "implementations": [], "interface": 1}
        self.said = [{**plain, "name": name, **said} for name, said in sides.items()]

    def work(self, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        return iter([{"event": "stage"}, *self.said, {"event": "done"}])


def test_both_sides_are_listed_by_key() -> None:
    one = facts("lookup/mine", strays=["lib/a.py"])
    found = listed(Track(Told(base={}, head={"implementations": [vars(one)]}), Path("nowhere")))
    assert (found[0], {key: vars(mine) for key, mine in found[1].items()}) == ({}, {"lookup/mine": vars(one)})


@pytest.mark.parametrize(
    ("base", "head", "message", "answerable"),
    [
        ({"error": "SyntaxError: no"}, {}, "BASE cannot be loaded: SyntaxError: no", False),
        ({}, {"error": "SyntaxError: no"}, "HEAD cannot be loaded: SyntaxError: no", True),
        ({"error": "SyntaxError: no"}, {"error": "SyntaxError: no"}, "HEAD cannot be loaded: SyntaxError: no", True),
        ({}, {"interface": 2}, r"version 1 in BASE, 2 in HEAD\)", False),
    ],
)
def test_what_is_not_heads_fault_leaves_the_question_open(
    base: dict[str, Any], head: dict[str, Any], message: str, answerable: bool
) -> None:
    with pytest.raises(RevisionError, match=message) as caught:
        listed(Track(Told(base=base, head=head), Path("nowhere")))
    assert isinstance(caught.value, Unanswerable) is not answerable


def test_workers_are_told_both_folders_and_the_files_in_each() -> None:
    trees = Tree("main", Path("/b"), "1" * 40), Tree("the work tree", Path("/h"), "2" * 40)
    base, head = {"tree": "/b", "files": []}, {"tree": "/h", "files": []}
    assert trees_of(*trees) == {"base": base, "control": base, "head": head}
    files = trees_of(*trees, [Path("sub/mine.py")])
    assert [files[name]["files"] for name in ("base", "head")] == [["/b/sub/mine.py"], ["/h/sub/mine.py"]]


# limits that are no fault of HEAD's


def run_of(*events: dict[str, Any], death: Died | None = None) -> Iterator[dict[str, Any]]:
    yield from events
    if death:
        raise death


def test_a_limit_that_base_does_not_keep_either_is_no_fault_of_heads() -> None:
    died = Died("lookup/mine", "timeout", "the check took longer than 30 s")
    assert "BASE fails too (timeout: the check took" in barely(lambda: run_of(death=died), 30, "timeout")
    failed = {"event": "verdict", "status": "error", "reason": "broken"}
    assert "BASE fails too (error: broken)" in barely(lambda: run_of(failed), 30, "timeout")


def test_a_limit_that_base_keeps_with_room_to_spare_is_heads_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = {"event": "verdict", "status": "ok", "reason": ""}
    assert barely(lambda: run_of(fine, {"event": "done"}), 30, "timeout") == ""
    clock = iter([0.0, 1.0, 1.0, 17.0, 17.0])
    monkeypatch.setattr("bench.plans.compare.time.monotonic", lambda: next(clock))
    assert "a step of BASE takes 16 s of the 30 s too" in barely(lambda: run_of(fine, {"event": "done"}), 30, "timeout")


def test_what_falls_by_a_limit_that_base_barely_keeps_is_inconclusive() -> None:
    made = comparing("lookup/mine")
    (first, *_) = made.plan.contests
    made.fall(first, "head", "timeout", "too long", "BASE fails too")
    assert made.plan.fallen[first] == ("inconclusive", "HEAD: timeout: too long; but BASE fails too")
    made.fall(first, "head", "timeout", "too long")
    assert made.plan.fallen[first] == ("broken", "HEAD: timeout: too long")
