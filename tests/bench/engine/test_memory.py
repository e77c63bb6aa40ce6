"""Which figure stands for the memory of a call: traced allocation, resident growth, or neither."""

from __future__ import annotations

import sys
from mmap import MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from w2vbench.bench.engine.worker.profiling import memory
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import gather, lookup, take
from w2vbench.reports.file.frame import frame
from w2vbench.reports.file.memory import NOISE_BYTES, RESOLUTION_BYTES, peak, untraced
from w2vbench.reports.findings.answers import answers
from w2vbench.reports.run.case_table import case_table
from w2vbench.reports.run.markdown import as_markdown

from tests import saved
from tests.processes import PATIENCE_S
from tests.saved import Content, row

MB = 10**6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the mark")
def test_resident_growth_is_what_a_call_takes_and_not_what_it_reads_of_files(tmp_path: Path) -> None:
    """A forked process maps a library's pages again at its first call: 2 MB of NumPy's, 20 of torch's."""
    (tmp_path / "library").write_bytes(b"x" * 32 * MB)

    with (tmp_path / "library").open("rb") as file:
        library = mmap(file.fileno(), 0, prot=PROT_READ)

    def reads() -> None:
        assert sum(library[at] for at in range(0, len(library), 4096))

    def takes() -> None:
        pages = mmap(-1, 16 * MB)
        for at in range(0, len(pages), 4096):
            pages[at] = 1

    def touches() -> None:
        pages = mmap(-1, 16 * MB, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        pages.madvise(MADV_HUGEPAGE)
        for at in range(0, len(pages), 4 * MB):
            pages[at] = 1

    def work() -> dict[str, int]:
        memory.disable_huge_pages()
        return {call.__name__: memory.resident_growth(call)[1] or 0 for call in (reads, takes, touches)}

    (found,) = memory.in_children([work], [PATIENCE_S], dict[str, int])
    assert isinstance(found, dict)
    assert found["reads"] < MB
    assert found["takes"] == pytest.approx(16 * MB, abs=MB)
    assert found["touches"] < MB  # a huge page would be 2 MB each


def test_who_has_given_no_answer_is_not_asked_again(corpus: Corpus) -> None:
    """A child of JAX's may wait forever for threads that it does not have, at every size."""
    problem = lookup.make(Size(100, 100, 100), corpus, np.random.default_rng(0))
    both = [(gather, PATIENCE_S), (take, PATIENCE_S)]
    found = memory.measure_together(both, problem, {gather.key: "no answer in 2 s"})
    assert [(one.variant, one.why_not) for one in found] == [(gather.key, "no answer in 2 s"), (take.key, "")]
    assert found[1].peak_bytes == pytest.approx(100 * 100 * 4, rel=0.05)


@pytest.mark.parametrize(
    ("misses_some", "traced", "resident", "shown"),
    [
        (False, 1_000, None, "1.00 kB"),
        (False, None, 4 * MB, "4.00 MB resident"),
        (False, 8 * MB, 8 * MB, "8.00 MB"),
        (False, 8 * MB, 0, "8.00 MB"),
        (False, 8 * MB, 8 * MB + NOISE_BYTES, "8.00 MB"),
        (False, 8 * MB, 8 * MB + NOISE_BYTES + 1, "9.05 MB resident"),
        (False, 100 * MB, 110 * MB, "100 MB"),
        (False, 100 * MB, 110 * MB + 1, "110 MB resident"),
        (True, 785, 16 * MB, "16.0 MB resident"),
        (True, 785, RESOLUTION_BYTES, "262 kB resident"),
        (False, None, None, None),
        (True, None, None, None),
        (True, 785, None, None),
        (True, 785, 0, None),
        (True, 785, RESOLUTION_BYTES - 1, None),
        (True, 8 * MB, 0, "8.00 MB"),  # NumPy's part of it, from memory that the process had
        (True, 8 * MB, None, None),
    ],
)
def test_resident_growth_stands_where_it_is_larger_by_more_than_noise_or_tracing_misses_some(
    misses_some: bool, traced: int | None, resident: int | None, shown: str | None
) -> None:
    """What tracing misses never has a false small number."""
    found = peak(traced, resident, misses_some)
    assert (found and str(found)) == shown


sizes = st.none() | st.integers(0, 1 << 40)


@pytest.mark.parametrize(
    ("needs", "missed"), [([], False), (["numba"], False), (["torch"], True), (["numba", "gensim"], True)]
)
def test_libraries_with_allocators_of_their_own_are_known(needs: list[str], missed: bool) -> None:
    assert untraced(needs) == missed


def test_tables_csv_and_report_have_the_figure_and_explain_its_mark() -> None:
    both: Content = {"peak_bytes": 16 * MB, "resident_bytes": 16 * MB}
    setup: Content = {"prepare_bytes": 900, "prepare_resident_bytes": 4 * MB}
    full = row("full", 1e-3, baseline=True, **both, prepare_bytes=0)
    result = saved.result(
        full,
        row("torch", 1e-4, needs=["torch"], **both | {"peak_bytes": 785}, **setup),
        row("gensim", 1e-4, needs=["gensim"], peak_bytes=1_085),
    )
    cases = frame(result)
    assert cases.memory_kind.fillna("").to_list() == ["traced", "resident", ""]
    assert cases.memory_bytes.fillna(-1).to_list() == [16 * MB, 16 * MB, -1]
    assert cases.peak_bytes.to_list() == [16 * MB, 785, 1_085]
    (answer,) = answers(result).values()
    table = case_table(answer, list(cases.itertuples()))
    at = table.header.index("memory + set-up")
    assert [shown[at] for shown in table.rows] == ["16.0 MB", "16.0 MB resident + 4.00 MB resident", "–"]
    assert "is growth of the process's resident set" in as_markdown(result)
    assert "785" not in as_markdown(result)
    assert "resident" not in as_markdown(saved.result(full))


TORCH: Content = {"needs": ["torch"], "peak_bytes": 1}
