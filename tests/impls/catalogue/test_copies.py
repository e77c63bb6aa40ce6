"""Another copy of the implementations, and files with folders beside them: two versions side by side in one process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import BuiltinFunctionType

import numpy as np
import pytest
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.catalogue.discovery import CatalogueError, from_copy, from_file, own
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.training.implementations import SKIP_GRAM

from tests.impls.catalogue.files import module, written


def result_of(file: Path, *beside: Path) -> object:
    """What a file's one implementation returns."""
    (mine,) = from_file(file, beside)
    return mine(0, 0)


@pytest.fixture(autouse=True)
def _as_before(tmp_path: Path) -> Iterator[None]:
    """What a test loads from its folder is forgotten; sys.path must be as it was without that."""
    list(own())
    path = list(sys.path)
    yield
    assert sys.path == path
    for name, loaded in list(sys.modules.items()):
        folders = getattr(loaded, "__path__", None)  # torch.classes has one that is no list
        places = [getattr(loaded, "__file__", None), *(folders if isinstance(folders, Iterable) else ())]
        if any(place and str(place).startswith(str(tmp_path)) for place in places):
            del sys.modules[name]


# files with folders beside them


@pytest.mark.parametrize("mark", [".git", "pyproject.toml", None])
def test_a_file_may_import_what_its_project_keeps_in_the_top_folder_and_in_src(
    tmp_path: Path, mark: str | None
) -> None:
    top = tmp_path / "project"
    written(top / "topmost" / "inner.py", "ROW = 'top'\n")
    written(top / "src" / "sourced.py", "ROW = 'src'\n")
    statement = "from topmost.inner import ROW\nimport sourced"
    file = module(top / "a" / "b" / "mine.py", statement, "ROW + sourced.ROW")
    if mark:
        written(top / mark, "")
        (mine,) = (i for i in catalogue.load([file], installed=False) if i.slug == "mine")
        assert mine(0, 0) == "topsrc"
    else:
        with pytest.raises(CatalogueError, match="topmost"):
            catalogue.load([file], installed=False)


def test_the_files_own_folder_goes_first_then_those_beside_it_in_their_order_then_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "installed")
    for folder in ("own", "first", "second", "installed"):
        written(tmp_path / folder / "nearest.py", f"ROW = {folder!r}\n")
    file = module(tmp_path / "own" / "mine.py", "from nearest import ROW", "ROW")
    beside = tmp_path / "first", tmp_path / "second"
    for folders in (beside, [tmp_path / "own"] * 2, [tmp_path / "nowhere"]):
        assert result_of(file, *folders) == "own"
    (tmp_path / "own" / "nearest.py").unlink()
    sys.path_importer_cache.pop(str(tmp_path / "own"), None)
    assert result_of(file, *beside) == "first"
    assert result_of(file, *reversed(beside)) == "second"
    assert result_of(file) == "installed"


@pytest.mark.parametrize("place", ["twins.py", "sub/twins.py", "twins/rows.py", "twins/__init__.py"])
def test_two_trees_with_the_same_names_each_get_their_own(tmp_path: Path, place: str) -> None:
    """BASE and HEAD, or two students' files: neither may be timed with the other's code.

    What they use stands beside them, in their own folder, or in a package, with or without __init__.py.
    """
    name = "twins.rows" if "rows" in place else "twins"
    files = []
    for side in ("base", "head"):
        written(tmp_path / side / place, f"def row():\n    return {side!r}\n")
        files.append(module(tmp_path / side / "sub" / "mine.py", f"from {name} import row", "row()"))
    assert [result_of(file, file.parents[1]) for file in files] == ["base", "head"]
    assert not [loaded for loaded in sys.modules if loaded.startswith("twins")]
    assert [result_of(file, file.parents[1]) for file in reversed(files)] == ["head", "base"]


def test_what_is_beside_is_forgotten_and_the_path_put_back_after_an_error_too(tmp_path: Path) -> None:
    written(tmp_path / "besides_failing.py", "")
    statement = "import besides_failing\nraise ValueError"
    file = module(tmp_path / "sub" / "mine.py", statement, "0")
    before = set(sys.modules), list(sys.path)
    with pytest.raises(CatalogueError, match=r"mine\.py, line 4: ValueError"):
        from_file(file, [tmp_path])
    assert (set(sys.modules), sys.path) == before


def test_an_installed_package_that_a_file_imports_first_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded once, and both sides share it."""
    written(tmp_path / "site" / "installed_for_both.py", "")
    monkeypatch.syspath_prepend(tmp_path / "site")
    from_file(module(tmp_path / "sub" / "mine.py", "import installed_for_both", "0"), [tmp_path])
    assert "installed_for_both" in sys.modules


# copies of the package


def test_a_copy_has_the_same_implementations_in_the_same_order_and_shares_no_module(package_copy: Path) -> None:
    before = dict(sys.modules)
    found = from_copy(package_copy, "copy_one")
    assert [i.key for i in found] == [i.key for i in own()]
    for theirs, mine in zip(found, own(), strict=True):
        assert theirs.function is not mine.function
        assert theirs.kernel is not mine.kernel
        assert type(theirs) is not type(mine)
    new = {name: str(loaded.__file__) for name, loaded in sys.modules.items() if name not in before}
    assert {name.partition(".")[0] for name in new} == {"copy_one"}
    assert all(Path(file).is_relative_to(package_copy) for file in new.values())
    assert all(sys.modules[name] is before[name] for name in before)


def both(base: Path, other: Path, change: tuple[str, str] = ("", "")) -> list[dict[str, Implementation]]:
    """The implementations of a copy, and of a copy of it with a change in lookup.py, by their keys."""
    shutil.copytree(base, other)
    text = (other / "lookup.py").read_text(encoding="utf-8")
    (other / "lookup.py").write_text(text.replace(*change), encoding="utf-8")
    return [{i.key: i for i in from_copy(folder, f"copy_{side}")} for side, folder in (("base", base), ("head", other))]


def test_two_copies_differ_in_what_was_changed_and_in_nothing_else(package_copy: Path, tmp_path: Path) -> None:
    sides = both(package_copy, tmp_path / "other", ("np.asarray(W[idx])", "np.asarray(W[idx] + 1)"))
    W, idx = np.arange(12.0).reshape(4, 3), np.array([1, 2])
    gathered, taken = ([side[f"lookup/{slug}"](W, idx) for side in sides] for slug in ("gather", "take"))
    assert np.array_equal(gathered[0] + 1, gathered[1])
    assert np.array_equal(taken[0], taken[1])


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("lookup.py", "if x\n", SyntaxError),
        ("corpus/words.py", "1 / 0\n", ZeroDivisionError),
        ("catalogue/discovery.py", "", AttributeError),
    ],
)
def test_what_is_wrong_with_a_copy_is_raised_as_it_is(
    package_copy: Path, file: str, text: str, error: type[Exception]
) -> None:
    (package_copy / file).write_text(text, encoding="utf-8")
    with pytest.raises(error):
        from_copy(package_copy, "copy_broken")
    assert [i.key for i in own()]


def test_a_folder_without_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no package of implementations"):
        from_copy(tmp_path / "nowhere", "copy_of_nothing")


# compiled code called from two copies


@pytest.mark.parametrize("key", ["training.cbow/numba", "training.skip-gram/numba", "output.negative-sampling/numba"])
def test_both_copies_call_machine_code_itself(
    key: str, package_copy: Path, tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba's own call knows the classes of one copy by heart, and looks those of the other up at each call."""
    sides = both(package_copy, tmp_path / "other")
    size = sys.modules["copy_head.interface.case"].Size(300, 16, 40, 3, index="i32")
    problem = sides[1][key].kernel.make(size, corpus, np.random.default_rng(0))
    started = [side[key].start(problem) for side in sides]

    def looked_up(self: object, value: object) -> None:
        pytest.fail(f"numba looks up the type of {type(value)}")

    monkeypatch.setattr("numba.core.dispatcher._DispatcherBase.typeof_pyval", looked_up)
    for function, last in started:
        called = getattr(last[0], "one_pass", function)
        assert isinstance(called, BuiltinFunctionType)
        function(*problem.batches[0], *last)


def test_a_text_of_other_types_is_made_what_the_machine_code_was_compiled_for(corpus: Corpus) -> None:
    """It takes numbers for what it knows them as, and lists them as if one lay after the other."""
    size = Size(300, 16, 40, 3, index="i32")
    problem = SKIP_GRAM[-1].kernel.make(size, corpus, np.random.default_rng(0))
    words, starts = problem.batches[0]
    learnt = []
    for text in (words, words.astype(np.int64), np.repeat(words, 2)[::2]):
        step, (model,) = SKIP_GRAM[-1].start(problem)
        step(text, starts.astype(np.int32 if text is not words else np.int64), model)
        learnt.append(model.W_in.copy())
    assert not np.array_equal(learnt[0], SKIP_GRAM[-1].start(problem)[1][0].W_in)
    np.testing.assert_array_equal(learnt[1], learnt[0])
    np.testing.assert_array_equal(learnt[2], learnt[0])
