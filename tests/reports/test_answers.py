"""Which implementation to use, how much slower the others are, why, and what surprises: true of the figures, whoever wins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.answers import Answer, answers, at_one_size, trust, undecided
from reports.brief import ratio_text
from reports.ranking import AS_FAST, MAY_BE_AS_FAST
from reports.reasons import why
from reports.result_schema import ResultFile
from reports.sizes import nearest, types
from reports.statistics import Interval
from reports.surprises import surprises
from tests import saved
from tests.saved import not_measured, row, without_processes

PEAK: dict[str, Any] = {"peak_bytes": 1_000, "resident_bytes": 0}


def answer(*rows: saved.Content, **suite: Any) -> Answer:
    """The first problem's answer."""
    return next(iter(answers(saved.result(*rows, **suite)).values()))


def processes(*figures: float) -> list[list[float | None]]:
    return [[figure] * 6 for figure in figures]


def used(*rows: saved.Content) -> list[str]:
    """The recommended implementation, and those that tie with it."""
    return [row.slug for row in answer(*rows).ranking.fastest]


# -- which one to use


@pytest.mark.parametrize(
    ("figures", "tie"),
    [
        (processes(AS_FAST - 0.001, AS_FAST - 0.001, AS_FAST - 0.001), True),  # certain, but too little to matter
        (processes(AS_FAST + 0.001, AS_FAST + 0.001, AS_FAST + 0.001), False),  # certain, and it matters
        (processes(0.95, 1.1, 1.2), True),  # might be nothing
        (processes(1.07, 1.08, 1.09), False),  # more than nothing
        (processes(0.9, 1.3, 2.6), False),  # might be nothing, but a guess of 1.45 is noise, and no tie
        (processes(MAY_BE_AS_FAST - 0.01), True),  # one process is no test
        (processes(MAY_BE_AS_FAST + 0.01), False),
    ],
)
def test_a_tie_is_close_or_close_and_uncertain(figures: list[list[float | None]], tie: bool) -> None:
    others = [row("slow", processes(*[50.0] * len(figures)), baseline=True), row("a", processes(*[1.0] * len(figures)))]
    assert used(*others, row("b", figures)) == (["a", "b"] if tie else ["a"])


@given(
    st.permutations(["one-hot", "gather", "take", "csr"]),
    st.lists(st.floats(1e-7, 1e-1) | st.floats(1e-5, 1.06e-5), min_size=4, max_size=4),
    st.booleans(),
)
def test_the_answer_follows_the_figures_whoever_wins(
    order: list[str], figures: list[float], has_baseline: bool
) -> None:
    wall = dict(zip(order, figures, strict=True))
    found = answer(*[row(slug, wall[slug], baseline=has_baseline and slug == "one-hot") for slug in order])
    least = min(wall.values())
    assume(all(abs(figure / least - AS_FAST) > 1e-9 for figure in figures))
    tied = {slug for slug, figure in wall.items() if figure / least < AS_FAST}
    assert {row.slug for row in found.ranking.fastest} == tied
    assert found.use.slug == ("one-hot" if has_baseline and "one-hot" in tied else next(s for s in order if s in tied))
    for one in found.rows:
        assert found.slower(one).estimate == pytest.approx(wall[one.slug] / wall[found.use.slug])
        assert found.slower(found.use, one).estimate == pytest.approx(1 / found.slower(one).estimate)


def test_the_best_of_a_family_is_chosen_among_its_own() -> None:
    found = answer(
        row("loop", 1e-3, baseline=True, family="textbook"),
        row("take", 2e-5),
        row("gather", 1e-4),
        row("numba", 1e-5, family="compiled", needs=["numba"]),
    )
    assert [
        best.slug if (best := found.best(family)) else None for family in ("NumPy/SciPy", "compiled", "framework")
    ] == [
        "take",
        "numba",
        None,
    ]


def test_ratios_are_of_equal_work() -> None:
    found = answer(
        row("chapter", 1e-2, kernel="training.cbow", baseline=True, covers={"pairs": 1000}),
        row("fast", 1e-3, kernel="training.cbow", covers={"pairs": 500}),
    )
    assert found.slower(found.rows[0]).estimate == pytest.approx(5.0)


def test_without_processes_medians_decide_and_there_is_no_interval() -> None:
    found = answer(
        without_processes("loop", 1e-3, baseline=True), without_processes("gather", 1e-5), engine="pytest-benchmark"
    )
    ratio = found.slower(found.rows[0])
    assert (found.use.slug, ratio.low) == ("gather", None)
    assert ratio.estimate == pytest.approx(100)


# -- at which size


def test_the_default_size_is_the_one_that_most_kernels_have() -> None:
    result = saved.result(
        *(row("a", 1e-5, V=V, B=100, kernel=kernel) for kernel in ("x.a", "x.b") for V in (1_000, 100_000)),
        row("a", 1e-5, V=1_000_000, B=8, kernel="x.c"),
        row("a", 1e-5, V=100_000, B=8, kernel="x.c"),
    )
    assert [(one.kernel, one.size.V, one.size.B) for one in at_one_size(result)] == [
        ("x.a", 100_000, 100),
        ("x.b", 100_000, 100),
        ("x.c", 100_000, 8),  # has no B = 100: V counts first
    ]


def test_the_nearest_size_has_the_same_type_first() -> None:
    its = list(
        answers(
            saved.result(row("a", 1e-5, V=1_000), row("a", 1e-5, V=10_000, dtype="f64"), row("a", 1e-5, V=100_000, B=1))
        ).values()
    )
    found = [
        nearest(its, lambda one: one.size, V, 100, 100, dtype)
        for V, dtype in ((10_000, types(its[0].size)), (10_000, types(its[1].size)), (90_000, types(its[0].size)))
    ]
    assert [(one.size.V, one.size.dtype) for one in found] == [(1_000, "f32"), (10_000, "f64"), (100_000, "f32")]


# -- why


def test_the_reason_is_what_is_moved_where_that_differs() -> None:
    result = saved.result(
        row("one-hot", 1e-2, B=8, V=100_000, baseline=True, read_bytes=320e6, written_bytes=0.0, flops=160e6),
        row("gather", 1e-6, B=8, V=100_000, read_bytes=3200.0, written_bytes=0.0, flops=0.0),
    )
    assert why(next(iter(answers(result).values())), result) == (
        "`one-hot` moves 320 MB a call, 40.0 MB a word; `gather` moves 3.20 kB a call, 400 B a word. "
        "`one-hot` computes 160 million operations; `gather` none."
    )


@pytest.mark.parametrize(
    ("book", "use", "reason"),
    [
        ({"loops": True}, {}, "`loop` loops over the batch in Python, 10.0 µs a word; `fast` loops inside NumPy."),
        (
            {"loops": True},
            {"family": "compiled"},
            "`loop` loops over the batch in Python, 10.0 µs a word; `fast` loops in compiled code.",
        ),
        ({"peak_bytes": 400_000}, PEAK, "`loop` needs 400 kB of memory, `fast` 1.00 kB."),
        ({}, {}, ""),
    ],
)
def test_with_equal_work_the_reason_is_how_it_is_done(book: dict[str, Any], use: dict[str, Any], reason: str) -> None:
    moved: dict[str, Any] = {"read_bytes": 20_000.0, "written_bytes": 20_000.0}
    result = saved.result(row("loop", 1e-3, baseline=True, **moved, **book), row("fast", 1e-5, **moved, **use))
    assert (
        why(next(iter(answers(result).values())), result)
        == f"`loop` and `fast` both move 40.0 kB a call. {reason}".rstrip()
    )


def test_where_the_textbook_was_profiled_and_grows_its_slowest_line_is_the_reason() -> None:
    book = row("loop", 1e-3, baseline=True, read_bytes=1e6, written_bytes=1e6, loops=True, grows_with="V")
    lines = [
        {"number": at, "text": text, "hits": 1, "time_s": time_s}
        for at, text, time_s in ((1, "dW[...] = 0", 0.9), (2, "for i", 0.1))
    ]
    profile = {"calls": 1, "unit_s": 1e-9, "hook_s": 1e-7, "lines": lines}
    result = saved.result(book, row("fast", 1e-5, read_bytes=1e6, written_bytes=1e6), profiles={book["name"]: profile})
    assert (
        why(next(iter(answers(result).values())), result)
        == "`loop` and `fast` both move 2.00 MB a call. 90 % of the time of `loop` is `dW[...] = 0`."
    )


def test_of_those_that_tie_an_exact_one_is_recommended() -> None:
    assert used(
        row("slow", 1.0, baseline=True), row("table", 1e-5, title="a table, approximate"), row("alias", 1e-5)
    ) == ["alias", "table"]


def test_a_ratio_below_one_beside_a_tie_keeps_its_sign() -> None:
    assert [ratio_text(Interval(ratio)) for ratio in (0.95, 1.004, 1.06, 1.9, 28_000)] == [
        "-5 %",
        "+0 %",
        "+6 %",
        "1.9×",
        "28,000×",
    ]
    assert ratio_text(Interval(4.1, 1.35, 12.4)) == "~4.1×"


def test_a_limit_that_does_not_apply_is_no_reason() -> None:
    limits = {"read": [[1e5, 1e9]], "matmul": {"f32": 1e9}}
    found = [
        why(next(iter(answers(result).values())), result)
        for flops in (1e3, 1e6)
        for result in [saved.result(
            row("loop", 1e-3, baseline=True, read_bytes=1e3, written_bytes=0.0, flops=flops),
            row("fast", 2e-6, read_bytes=1e3, written_bytes=0.0, flops=flops), limits=limits)]
    ]  # fmt: skip
    assert "A matrix product of as many operations takes 50 % of the time of `fast`." in found[0]
    assert "matrix product" not in found[1]


def test_a_file_without_bytes_gives_no_reason_of_bytes() -> None:
    result = saved.result(row("loop", 1e-3, baseline=True, read_bytes=1e6, written_bytes=0.0), row("fast", 1e-5))
    assert why(next(iter(answers(result).values())), result) == ""


def test_stages_without_a_time_give_no_reason() -> None:
    rows = [
        row(name, 1e-3, kernel="training.cbow", baseline=name == "chapter-3", family="textbook")
        for name in ("chapter-3", "chapter-4-1", "chapter-4-2")
    ]
    result = saved.result(*rows, stages={one["name"]: {"lookup": 0.0} for one in rows})
    assert "spends" not in why(next(iter(answers(result).values())), result)
    assert isinstance(surprises(result), list)


def test_without_a_textbook_or_its_work_there_is_no_reason() -> None:
    for rows in ([row("a", 1e-5), row("b", 1e-4)], [row("a", 1e-3, baseline=True), row("b", 1e-5)]):
        result = saved.result(*rows)
        assert why(next(iter(answers(result).values())), result) == ""


# -- surprises


def test_nothing_surprises_where_the_textbook_is_the_slowest() -> None:
    assert surprises(saved.result(row("loop", 1e-3, baseline=True), row("take", 1e-5))) == []


def test_a_later_implementation_that_loses_to_the_textbook_surprises_with_the_reason() -> None:
    rows = [
        row("loop", 2e-5, kernel="scatter.scalar", baseline=True, family="textbook", **PEAK),
        row("bincount", 4e-4, kernel="scatter.scalar", peak_bytes=12_000_000, resident_bytes=0),
        row("add-at", 1e-5, kernel="scatter.scalar"),
    ]
    (found,) = surprises(saved.result(*rows))
    assert found.title == "`bincount` is 20× slower than the textbook’s `loop`"
    assert found.text == "400 µs against 20.0 µs for scatter.scalar at V = 10,000, B = 100: it needs 12.0 MB of memory."


def test_a_tie_with_the_textbook_and_a_compiler_that_gains_nothing_surprise() -> None:
    tie = surprises(saved.result(row("loop", 1e-5, baseline=True, family="textbook"), row("take", 1e-5)))
    compiled = surprises(
        saved.result(row("loop", 1e-3, baseline=True), row("take", 1e-5), row("numba", 1.05e-5, family="compiled"))
    )
    assert [one.title for one in tie] == ["Nothing clearly beats the textbook: lookup at V = 10,000, B = 100"]
    assert [one.title for one in compiled] == ["Compiling gains hardly anything: lookup at V = 10,000"]


def test_a_slower_chapter_surprises_with_the_stage_that_is_why() -> None:
    rows = [
        row(name, wall, kernel="training.cbow", baseline=name == "chapter-3", family="textbook")
        for name, wall in (("chapter-3", 0.4), ("chapter-4-1", 0.2), ("chapter-4-2", 0.3))
    ]
    stages = {rows[2]["name"]: {"sampling": 8.0, "output": 2.0}}
    found = surprises(saved.result(*rows, row("numba", 1e-3, kernel="training.cbow"), stages=stages))
    assert found[0].title == "Chapter 4.2 trains cbow slower than chapter 4.1"
    assert found[0].text.endswith("at V = 10,000: 80 % of it is sampling.")


@pytest.mark.parametrize(("sampled_s", "surprising"), [(1.05e-3, True), (9.5e-4, False)])
def test_the_books_negative_sampling_surprises_where_it_gains_nothing(sampled_s: float, surprising: bool) -> None:
    rows = [
        row("full", 1e-3, kernel="output.softmax", baseline=True),
        row("book-layers", sampled_s, kernel="output.negative-sampling", baseline=True, K=5),
    ]
    fast = [
        row("fast", 1e-5, kernel=kernel, K=K) for kernel, K in (("output.softmax", 0), ("output.negative-sampling", 5))
    ]
    found = surprises(saved.result(*rows, *fast))
    assert [one.title for one in found] == [
        "The book’s negative sampling is no faster than full softmax at V = 10,000"
    ] * surprising


# -- what is not known


def question(*rows: saved.Content, **suite: Any) -> str:
    result = saved.result(*rows, **suite)
    return undecided(next(iter(answers(result).values())), result)


def test_what_is_undecided_comes_with_the_command_that_decides_it() -> None:
    noisy = row("a", processes(1.0, 1.0, 1.0)), row("b", processes(0.9, 1.3, 2.6))
    found = question(*noisy)
    assert found.startswith("`b` looks 1.4× slower than `a`, but these processes do not settle it (95 % interval ")
    assert found.endswith("--kernel lookup --vocab 10000 --batch 100 --only a --only b --processes 20")
    assert question(*noisy, command="w2vbench run --impl 'my file.py' --vocab 10000").endswith(
        " --only b --impl 'my file.py' --processes 20"
    )
    assert question(row("a", 1e-5), row("b", 1e-3)) == ""
    assert question(row("a", processes(1.0)), row("b", processes(2.0))).startswith(
        "1 process is too few for intervals; "
    )
    assert question(without_processes("a", 1.0), without_processes("b", 2.0)).startswith("No separate processes")


def test_trust_is_the_spread_of_the_ratios_and_of_the_machine() -> None:
    steady = saved.result(row("a", 1e-5), row("b", 1e-3), environment={"clock_variation": 1.53})
    assert (
        trust(steady)
        == "A ratio is known to ±0 % typically, and nine of ten to ±0 %. The machine’s speed varied 1.5-fold: expect more between runs."
    )
    alone = saved.result(row("a", 1e-5))
    assert trust(alone) == "There are no ratios here."
    few = saved.result(row("a", processes(1.0)), row("b", processes(2.0)))
    assert trust(few) == "Ratios have no intervals: there are too few processes."


@pytest.mark.parametrize("path", [saved.PROBLEM, saved.PYTEST])
def test_real_files_have_an_answer_for_each_problem(path: Any) -> None:
    result = ResultFile.model_validate(json.loads(path.read_text()))
    assert len(answers(result)) == len({row.group for row in result.benchmarks})


def test_a_problem_without_figures_has_no_answer() -> None:
    assert answers(saved.result(not_measured=[not_measured("gather", "crashed", "")])) == {}
