"""Word vectors on disk, in both of word2vec's formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from w2vbench.bench.plans.train.vectors import save

from tests.vectors import load

names = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=names, H=st.integers(1, 5), binary=st.booleans(), seed=st.integers(0, 99))
def test_vectors_survive_the_disk_to_the_last_bit(
    tmp_path: Path, names: list[str], H: int, binary: bool, seed: int
) -> None:
    W = np.random.default_rng(seed).normal(size=(len(names), H)).astype(np.float32)
    save(tmp_path / "v", names, W, binary)
    back, vectors = load(tmp_path / "v")
    assert back == names
    np.testing.assert_array_equal(vectors, W)
    assert [file.name for file in tmp_path.iterdir()] == ["v"]


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_them(tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    W = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    save(tmp_path / "v", ["naïve", "don't", "x"], W, binary)
    found = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert found.index_to_key == ["naïve", "don't", "x"]
    np.testing.assert_array_equal(found.vectors, W)


def test_a_failing_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        save(tmp_path / "v", ["one"], np.zeros((2, 3), np.float32), True)
    assert list(tmp_path.iterdir()) == []
