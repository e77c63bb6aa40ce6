"""What two revisions differ in: which cases are compared, and why others are not.

One file, because each rule is tried on the same made-up sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from w2vbench.bench.engine.protocol import Facts
from w2vbench.bench.plans.compare.differences import (
    MARKED_WRONG,
    CaseSelection,
    Differences,
    by_importance,
    differences,
)
from w2vbench.bench.plans.compare.worktrees import RevisionError
from w2vbench.reports.compare.tables import GATE_CASES, LeftOut

from tests.bench.plans.sides import facts

Side = dict[str, Facts]


def side(*all_facts: Facts) -> Side:
    return {one.key: one for one in all_facts}


def cases(key: str) -> list[str]:
    """All cases of an implementation."""
    return [one.name for one in CaseSelection().cases(facts(key))]


def compared(made: Differences) -> list[str]:
    return [one.name for one in made.compared]


def excluded(made: Differences) -> dict[str, tuple[str, str]]:
    return {one.name: why for one, why in made.excluded.items()}


KEPT = facts("lookup/kept")
"""An implementation that both sides have, unchanged."""


def of_one(base: Facts | None, head: Facts | None, chosen: CaseSelection | None = None) -> Differences:
    """The differences of one implementation beside an unchanged one, without the unchanged one."""
    sides = [side(KEPT, *([one] if one else [])) for one in (base, head)]
    made = differences(sides[0], sides[1], chosen or CaseSelection())
    same = made.skipped.get(LeftOut.SAME_CODE, [])
    if not chosen or not chosen.everything:
        assert set(cases(KEPT.key)) <= set(same)
        made.skipped[LeftOut.SAME_CODE] = [case for case in same if case not in cases(KEPT.key)]
        if not made.skipped[LeftOut.SAME_CODE]:
            del made.skipped[LeftOut.SAME_CODE]
    return made


# what is compared


def test_changed_code_is_compared_at_every_size_of_its_kernel_as_head_says_it_is() -> None:
    head = facts("lookup/mine", "new")
    made = of_one(facts("lookup/mine", "old"), head)
    assert compared(made) == cases("lookup/mine")
    assert len(compared(made)) == 2
    assert all(one.facts is head for one in made.compared)
    assert made == Differences(compared=made.compared)


def test_the_same_code_is_skipped_and_compared_where_everything_is_asked_for() -> None:
    mine = facts("lookup/mine")
    assert of_one(mine, facts("lookup/mine")) == Differences(skipped={LeftOut.SAME_CODE: cases("lookup/mine")})
    made = of_one(mine, facts("lookup/mine"), CaseSelection(everything=True))
    assert sorted(compared(made)) == sorted([*cases("lookup/mine"), *cases("lookup/kept")])
    assert made == Differences(compared=made.compared)


@pytest.mark.parametrize("side_of", ["base", "head"])
def test_the_same_code_is_measured_where_a_file_that_it_may_read_differs(side_of: str) -> None:
    one, other = facts("lookup/mine", data=["table.npy"]), facts("lookup/mine")
    made = of_one(*((one, other) if side_of == "base" else (other, one)))
    assert compared(made) == cases("lookup/mine")


EFFECT, OTHER_EFFECT = ("a.py:3", "os.environ['A'] = '1'"), ("b.py:9", "gc.disable()")
LATE: dict[str, Any] = {"late_imports": ["tree.deep", "more"]}
STRAYS: dict[str, Any] = {"strays": ["lib/a.py", "more.py"]}


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ({}, {"built": ["src/rows.c"]}, "src/rows.c"),
        ({}, {"signature": ["W", "idx", "out"]}, "takes (W, idx) in BASE and (W, idx, out) in HEAD"),
        ({"effects": [EFFECT]}, {"effects": [EFFECT, OTHER_EFFECT]}, "b.py:9 runs `gc.disable()`"),
        ({}, {"effects": [OTHER_EFFECT]}, "b.py:9 runs `gc.disable()`"),
        (LATE, {}, "it imports tree.deep when it is called"),
        ({}, LATE, "it imports tree.deep when it is called"),
        (STRAYS, {}, "one side uses the other's lib/a.py: "),
        ({}, STRAYS, "one side uses the other's lib/a.py: "),
    ],
)
@pytest.mark.parametrize("everything", [False, True])
def test_changed_code_that_one_process_cannot_compare_is_excluded_with_the_reason(
    base: dict[str, Any], head: dict[str, Any], reason: str, everything: bool
) -> None:
    chosen = CaseSelection(globs=["lookup/mine*"], everything=True) if everything else None
    made = of_one(facts("lookup/mine", "old", **base), facts("lookup/mine", "new", **head), chosen)
    assert list(excluded(made)) == cases("lookup/mine")
    ((status, why),) = set(excluded(made).values())
    assert status == "failed"
    assert reason in why
    assert not made.compared


@pytest.mark.parametrize("unfit", [LATE, STRAYS])
def test_unchanged_code_that_one_process_cannot_compare_is_left_out_unless_asked_for(unfit: dict[str, Any]) -> None:
    mine = facts("lookup/mine", **unfit)
    assert of_one(mine, mine).skipped == {LeftOut.SAME_CODE: cases("lookup/mine")}
    assert list(excluded(of_one(mine, mine, CaseSelection(everything=True)))) == cases("lookup/mine")


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (None, facts("lookup/mine", "new"), Differences(added=["lookup/mine"])),
        (None, facts("lookup/mine", KEPT.identity), Differences(added=["lookup/mine"])),
        (facts("lookup/mine", "old"), None, Differences(removed=["lookup/mine"])),
        (facts("lookup/old"), facts("lookup/new", "new"), Differences(added=["lookup/new"], removed=["lookup/old"])),
        (facts("lookup/old", "x"), facts("lookup/new", "x"), Differences(renamed=[("lookup/old", "lookup/new")])),
        (None, facts("lookup/mine", wrong="yes"), Differences(skipped={MARKED_WRONG: cases("lookup/mine")})),
        (
            facts("lookup/mine"),
            facts("lookup/mine", title="new", file="/other.py", line=99, baseline=True),
            Differences(skipped={LeftOut.SAME_CODE: cases("lookup/mine")}),
        ),
        (
            facts("lookup/mine", effects=[EFFECT]),
            facts("lookup/mine", effects=[("c.py:30", EFFECT[1])]),
            Differences(skipped={LeftOut.SAME_CODE: cases("lookup/mine")}),
        ),
    ],
)
def test_what_is_not_compared_is_reported(base: Facts | None, head: Facts | None, expected: Differences) -> None:
    assert of_one(base, head) == expected


def test_each_old_name_is_used_once_and_the_same_code_in_another_kernel_is_another() -> None:
    base = side(facts("lookup/old", "x"), facts("scatter.rows/was", "y"))
    head = side(facts("lookup/new", "x"), facts("lookup/newer", "x"), facts("scatter.dense/is", "y"))
    made = differences(base, head, CaseSelection())
    assert made.renamed == [("lookup/old", "lookup/new")]
    assert made.added == ["lookup/newer", "scatter.dense/is"]
    assert made.removed == ["scatter.rows/was"]


LACKS: dict[str, Any] = {"missing": ["numba", "scipy"]}
TO_INSTALL = "not installed: pip install numba scipy"
MARKED: dict[str, Any] = {"wrong": "yes"}
NO_NUMBA = "not comparable: HEAD needs numba, which is not installed"


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize(
    ("base", "head", "skipped", "failed"),
    [
        (None, LACKS, TO_INSTALL, ""),
        ({"missing": ["numba"]}, LACKS, TO_INSTALL, ""),
        (MARKED, LACKS, TO_INSTALL, ""),
        (LACKS, {}, TO_INSTALL, ""),
        (MARKED, {}, MARKED_WRONG, ""),
        (MARKED, MARKED, MARKED_WRONG, ""),
        ({}, LACKS, "", NO_NUMBA.replace("numba", "numba and scipy")),
        ({}, {"missing": ["numba"], "wrong": "yes"}, "", NO_NUMBA),
        ({}, MARKED, "", "not comparable: HEAD marks it wrong"),
        ({"identity": "new"}, MARKED, "", "not comparable: HEAD marks it wrong"),
    ],
)
def test_what_one_side_cannot_run_is_left_out_or_fails_where_base_could_measure_it(
    base: dict[str, Any] | None, head: dict[str, Any], skipped: str, failed: str, everything: bool
) -> None:
    before = None if base is None else facts("lookup/mine", **{"identity": "old", **base})
    made = of_one(before, facts("lookup/mine", "new", **head), CaseSelection(everything=everything))
    assert made.skipped == ({skipped: cases("lookup/mine")} if skipped else {})
    assert excluded(made) == (dict.fromkeys(cases("lookup/mine"), ("failed", failed)) if failed else {})
    assert not set(compared(made)) & set(cases("lookup/mine"))


# what is asked for


MANY = ("lookup/a", "scatter.dense/a", "scatter.rows/a", "output.softmax/a")


def changed_everywhere() -> tuple[Side, Side]:
    return side(*(facts(key, "old") for key in MANY)), side(*(facts(key, "new") for key in MANY))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (CaseSelection(), [case for key in MANY for case in cases(key)]),
        (CaseSelection(kernels=["scatter"], globs=["*rows*"]), cases("scatter.rows/a")),
        (CaseSelection(globs=["lookup/*@V=1e5,*"]), cases("lookup/a")[1:]),
    ],
)
def test_a_kernel_or_a_glob_narrows_it_down(chosen: CaseSelection, expected: Sequence[str]) -> None:
    assert sorted(compared(differences(*changed_everywhere(), chosen))) == sorted(expected)


@pytest.mark.parametrize(
    "chosen",
    [
        CaseSelection(kernels=["lookup"], globs=["scatter*"]),
        CaseSelection(globs=["*@V=7,*"], everything=True),
    ],
)
def test_what_matches_nothing_is_refused(chosen: CaseSelection) -> None:
    with pytest.raises(RevisionError, match="no case matches --kernel and --only at either revision"):
        differences(*changed_everywhere(), chosen)


def test_a_kernel_of_neither_side_is_named_with_the_nearest_one() -> None:
    with pytest.raises(RevisionError, match=r"no kernel 'lokup'; did you mean lookup\?"):
        differences(*changed_everywhere(), CaseSelection(kernels=["scatter", "lokup"]))
    base, head = side(facts("gone/a")), side(facts("lookup/a"))
    assert differences(base, head, CaseSelection(kernels=["gone"])).removed == ["gone/a"]


def test_two_sides_without_anything_are_refused_and_a_removed_one_is_named() -> None:
    with pytest.raises(RevisionError):
        differences({}, {}, CaseSelection())
    assert differences(side(facts("lookup/old")), {}, CaseSelection(globs=["lookup/old"])).removed == ["lookup/old"]


def test_what_is_not_selected_is_told_nowhere() -> None:
    base = side(facts("lookup/a"), facts("scatter.rows/old"))
    head = side(facts("lookup/a"), facts("scatter.rows/new", "new"), facts("scatter.dense/no", missing=["numba"]))
    for chosen in (CaseSelection(kernels=["lookup"]), CaseSelection(globs=["lookup/*"])):
        assert differences(base, head, chosen) == Differences(skipped={LeftOut.SAME_CODE: cases("lookup/a")})


def test_every_case_of_both_sides_is_compared_or_reported_somewhere() -> None:
    base = side(*(facts(f"lookup/i{n}", f"{n % 3}") for n in range(12)))
    head = side(*(facts(f"lookup/i{n}", f"{n % 2}", missing=["numba"] * (n in (7, 15))) for n in range(3, 20)))
    made = differences(base, head, CaseSelection())
    reported = Counter([*compared(made), *excluded(made), *(case for some in made.skipped.values() for case in some)])
    named = [*made.added, *(new for _, new in made.renamed)]
    assert set(reported.values()) == {1}
    assert set(reported) == {case for key in head if key not in named for case in cases(key)}
    assert set(base) - set(head) == {*made.removed, *(old for old, _ in made.renamed)}


# too many


KERNELS = ("lookup", "scatter.dense", "scatter.accumulate", "output.softmax", "output.nce")


def all_changed(kernels: Sequence[str], steps: int) -> tuple[Side, Side]:
    """Implementations in which everything changed; the first implementation is the baseline."""
    sides = [
        side(*(facts(f"{kernel}/step{n}", name, baseline=n == 0) for kernel in kernels for n in range(steps)))
        for name in ("old", "new")
    ]
    return sides[0], sides[1]


def test_sixteen_cases_are_compared_and_of_more_the_rest_is_told_with_the_reason() -> None:
    made = differences(*all_changed(["lookup"], GATE_CASES // 2), CaseSelection())
    assert len(made.compared) == GATE_CASES == 16
    assert not made.skipped
    made = differences(*all_changed(["lookup"], GATE_CASES // 2 + 1), CaseSelection())
    assert len(made.compared) == GATE_CASES
    assert list(made.skipped) == [LeftOut.TOO_MANY]
    assert str(GATE_CASES) in LeftOut.TOO_MANY
    everything = [case for n in range(GATE_CASES // 2 + 1) for case in cases(f"lookup/step{n}")]
    assert sorted([*compared(made), *made.skipped[LeftOut.TOO_MANY]]) == sorted(everything)


def test_the_cut_keeps_the_top_of_every_implementations_first_and_then_every_baseline() -> None:
    made = differences(*all_changed(KERNELS, 6), CaseSelection())
    kept = [(one.facts.kernel, one.facts.slug) for one in made.compared]
    first = {kernel: CaseSelection().cases(facts(f"{kernel}/x"))[0].size for kernel in KERNELS}
    assert kept[:5] == [(kernel, "step5") for kernel in KERNELS]
    assert kept[5:10] == [(kernel, "step0") for kernel in KERNELS]
    assert kept[10:15] == [(kernel, "step4") for kernel in KERNELS]
    assert kept[15:] == [(KERNELS[0], "step3")]
    assert all(one.size == first[one.facts.kernel] for one in made.compared)


@pytest.mark.parametrize(
    "chosen", [CaseSelection(kernels=["lookup"]), CaseSelection(globs=["*"]), CaseSelection(everything=True)]
)
def test_nothing_that_is_asked_for_is_cut(chosen: CaseSelection) -> None:
    made = differences(*all_changed(["lookup"], 12), chosen)
    assert len(made.compared) == 24
    assert not made.skipped


def test_larger_sizes_come_after_all_implementations_of_the_first() -> None:
    every = [one for n in range(3) for one in CaseSelection().cases(facts(f"lookup/step{n}", baseline=n == 0))]
    small, large = (one.size for one in every[:2])
    ranked = [(one.facts.slug, one.size) for one in by_importance(every)]
    order = ("step2", "step0", "step1")
    assert ranked == [*((slug, small) for slug in order), *((slug, large) for slug in order)]
    assert by_importance([]) == []
