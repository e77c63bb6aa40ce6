"""Which implementation to use, how much slower the others are, why, and what surprises: true of the figures, whoever wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import Answer, answers, at_one_size, trust, undecided
from w2vbench.reports.findings.ranking import AS_FAST, MAY_BE_AS_FAST
from w2vbench.reports.findings.reasons import why
from w2vbench.reports.findings.sizes import nearest, types
from w2vbench.reports.findings.surprises import surprises

from tests import golden_files, saved
from tests.saved import Content, not_measured, processes, row, without_processes


def answer(*rows: Content) -> Answer:
    """The first problem's answer."""
    return next(iter(answers(saved.result(*rows)).values()))


# -- which one to use


@pytest.mark.parametrize(
    ("figures", "tie"),
    [
        ([AS_FAST - 0.001] * 3, True),  # certain, but too little to matter
        ([AS_FAST + 0.001] * 3, False),  # certain, and it matters
        ([0.95, 1.1, 1.2], True),  # might be nothing
        ([1.07, 1.08, 1.09], False),  # more than nothing
        ([0.9, 1.3, 2.6], False),  # might be nothing, but a guess of 1.45 is noise, and no tie
        ([MAY_BE_AS_FAST - 0.01], True),  # one process is no test
        ([MAY_BE_AS_FAST + 0.01], False),
    ],
)
def test_a_tie_is_close_or_close_and_uncertain(figures: list[float], tie: bool) -> None:
    slow, a = (processes(*[wall] * len(figures)) for wall in (50.0, 1.0))
    found = answer(row("slow", slow, baseline=True), row("a", a), row("b", processes(*figures)))
    assert [one.slug for one in found.ranking.fastest] == (["a", "b"] if tie else ["a"])


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
    assert {one.slug for one in found.ranking.fastest} == tied
    assert found.use.slug == ("one-hot" if has_baseline and "one-hot" in tied else next(s for s in order if s in tied))
    for one in found.rows:
        assert found.slower(one).estimate == pytest.approx(wall[one.slug] / wall[found.use.slug])
        assert found.slower(found.use, one).estimate == pytest.approx(1 / found.slower(one).estimate)


def test_the_best_of_a_family_is_chosen_among_its_own() -> None:
    loop = row("loop", 1e-3, baseline=True, family="textbook")
    numba = row("numba", 1e-5, family="compiled", needs=["numba"])
    found = answer(loop, row("take", 2e-5), row("gather", 1e-4), numba)
    best = [found.best(family) for family in ("NumPy/SciPy", "compiled", "framework")]
    assert [one and one.slug for one in best] == ["take", "numba", None]


def test_the_default_size_is_the_one_that_most_kernels_have() -> None:
    sizes = {"x.a": [(1_000, 100), (100_000, 100)], "x.b": [(1_000, 100), (100_000, 100)]}
    sizes["x.c"] = [(1_000_000, 8), (100_000, 8)]  # has no B = 100: V counts first
    rows = [row("a", 1e-5, V=V, B=B, kernel=kernel) for kernel, its in sizes.items() for V, B in its]
    found = [(one.kernel, one.size.V, one.size.B) for one in at_one_size(saved.result(*rows))]
    assert found == [("x.a", 100_000, 100), ("x.b", 100_000, 100), ("x.c", 100_000, 8)]


def test_the_nearest_size_has_the_same_type_first() -> None:
    rows = row("a", 1e-5, V=1_000), row("a", 1e-5, V=10_000, dtype="f64"), row("a", 1e-5, V=100_000, B=1)
    its = [one.size for one in answers(saved.result(*rows)).values()]
    f32, f64, _ = map(types, its)
    wanted = ((10_000, f32), (10_000, f64), (90_000, f32))
    assert [nearest(its, lambda size: size, V, 100, 100, dtype) for V, dtype in wanted] == its


# -- what is said: why, what surprises, and what is not known


def two(book: Content, use: Content, book_s: float = 1e-3, use_s: float = 1e-5, **suite: Any) -> ResultFile:
    """The textbook's loop and a fast way that moves as many bytes, if nothing else is said."""
    moved: Any = {"read_bytes": 20_000.0, "written_bytes": 20_000.0}
    rows = row("loop", book_s, baseline=True, **moved | book), row("fast", use_s, **moved | use)
    return saved.result(*rows, **suite)


def textbook(*others: Content, wall_s: float = 1e-3, **extra: Any) -> ResultFile:
    return saved.result(row("loop", wall_s, baseline=True, family="textbook", **extra), *others)


def chapters(walls: Sequence[float], *stages: dict[str, float]) -> ResultFile:
    """The book's training, chapter by chapter, with the time that its stages take; and a fast way."""
    names = ("chapter-3", "chapter-4-1", "chapter-4-2")
    kernel: Any = {"kernel": "training.cbow"}
    rows = [
        row(name, wall, baseline=name == "chapter-3", family="textbook", **kernel)
        for name, wall in zip(names, walls, strict=True)
    ]
    timed = {one["name"]: parts for one, parts in zip(rows, stages, strict=False)}
    return saved.result(*rows, row("numba", 1e-3, family="compiled", **kernel), stages=timed)


def sampled(wall_s: float) -> ResultFile:
    """The book's negative sampling beside its full softmax, which takes 1 ms; and fast ways of both."""
    softmax: Any = {"kernel": "output.softmax"}
    sampling: Any = {"kernel": "output.negative-sampling", "K": 5}
    books = row("full", 1e-3, baseline=True, **softmax), row("book-layers", wall_s, baseline=True, **sampling)
    return saved.result(*books, row("fast", 1e-5, **softmax), row("fast", 1e-5, **sampling))


def profiled() -> ResultFile:
    figures = {"dW[...] = 0": {"hits": 1, "time_s": 0.9}, "for i": {"hits": 1, "time_s": 0.1}}
    profiles = {row("loop", 1e-3)["name"]: saved.profile(figures)}
    return two({"loops": True, "grows_with": "V"}, {}, profiles=profiles)


LIMITS = {"read": [[1e5, 1e9]], "matmul": {"f32": 1e9}}
NO_BYTES = {"read_bytes": None, "written_bytes": None}
PEAK: dict[str, Any] = {"peak_bytes": 1_000, "resident_bytes": 0}
LARGE: dict[str, Any] = {"peak_bytes": 12_000_000, "resident_bytes": 0}
UNSURE = row("a", processes(1.0, 1.0, 1.0)), row("b", processes(0.9, 1.3, 2.6))
SITUATIONS = {
    "what is moved differs": two(
        {"B": 8, "V": 100_000, "read_bytes": 320e6, "written_bytes": 0.0, "flops": 160e6},
        {"B": 8, "V": 100_000, "read_bytes": 3200.0, "written_bytes": 0.0, "flops": 0.0},
    ),
    "a loop in Python": two({"loops": True}, {}),
    "a loop in Python beside a compiled one": two({"loops": True}, {"family": "compiled"}),
    "memory": two({"peak_bytes": 400_000}, PEAK),
    "equal in all that is known": two({}, {}),
    "a profile of code that grows": profiled(),
    "a limit that applies": two({"flops": 1e3}, {"flops": 1e3}, use_s=2e-6, limits=LIMITS),
    "a limit that does not apply": two({"flops": 1e6}, {"flops": 1e6}, use_s=2e-6, limits=LIMITS),
    "bytes of the textbook's alone": two({}, NO_BYTES),
    "no bytes": two(NO_BYTES, NO_BYTES),
    "no textbook": saved.result(row("a", 1e-5), row("b", 1e-4)),
    "a tie, of which one is approximate": textbook(row("table", 1e-5, title="approximate"), row("alias", 1e-5)),
    "stages without a time": chapters([1e-3] * 3, *[{"lookup": 0.0}] * 3),
    "a later chapter that is slower": chapters([0.4, 0.2, 0.3], {}, {}, {"sampling": 8.0, "output": 2.0}),
    "the textbook's is the slowest": textbook(row("take", 1e-5)),
    "a later way loses to the textbook's": textbook(row("bincount", 4e-4, **LARGE), row("add-at", 1e-5), wall_s=2e-5, **PEAK),
    "a tie with the textbook's": textbook(row("take", 1e-5), wall_s=1e-5),
    "a compiler that gains nothing": textbook(row("take", 1e-5), row("numba", 1.05e-5, family="compiled")),
    "negative sampling that gains nothing": sampled(1.05e-3),
    "negative sampling that gains a little": sampled(9.5e-4),
    "undecided": saved.result(*UNSURE),
    "undecided, of a file of one's own": saved.result(*UNSURE, command="w2vbench run --impl 'my file.py' --vocab 10000"),
    "one process": saved.result(row("a", processes(1.0)), row("b", processes(2.0))),
    "no processes": saved.result(without_processes("a", 1.0), without_processes("b", 2.0), engine="pytest-benchmark"),
    "a machine that changes its speed": saved.result(row("a", 1e-5), row("b", 1e-3), environment={"clock_variation": 1.53}),
    "one implementation": saved.result(row("a", 1e-5)),
    "no figures": saved.result(not_measured=[not_measured("gather", "crashed", "")]),
}  # fmt: skip


def said(result: ResultFile) -> str:
    """All that is said of a file, a line each."""
    lines = [f"{one.title}: {one.text}" for one in surprises(result)]
    for problem, one in answers(result).items():
        fastest = ", ".join(row.slug for row in one.ranking.fastest)
        lines += [f"{problem}: use {fastest}", why(one, result), *undecided(one, result)]
    return "".join(f"- {line}\n" for line in [*lines, trust(result)] if line)


def test_what_is_said_reads_as_it_was_checked_by_eye() -> None:
    golden_files.check("answers.md", "\n".join(f"# {name}\n\n{said(made)}" for name, made in SITUATIONS.items()))


@pytest.mark.parametrize(
    ("compiled_s", "surprising"),
    [
        ([1.05e-5] * 5, True),
        ([0.8e-5] * 5, False),
        ([4.5e-5] * 5, False),
        ([1.05e-5, 0.4e-5, 2.5e-5, 1e-5, 1.1e-5], False),  # hardly known
    ],
)
def test_compiling_surprises_only_if_it_is_known_to_make_no_difference(
    compiled_s: list[float], surprising: bool
) -> None:
    rows = row("take", processes(*[1e-5] * 5)), row("mine", processes(*compiled_s), family="compiled")
    titles = [one.title for one in surprises(saved.result(*rows))]
    assert any(title.startswith("Compiling gains hardly anything") for title in titles) == surprising
