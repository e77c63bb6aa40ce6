"""Digests of code: equal where only comments, names and places changed, different where a call may take another time."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from bench.engine.sources import facts as described
from impls import catalogue, trees
from impls import follower as module
from impls.identity import Identity, implementation_identity
from impls.interface import Implementation
from impls.trees import Tree

Files = dict[str, str]
Edit = tuple[str, str, str]
"""A file, and what of it is replaced by what."""

TOP = '''
"""An implementation, and all that it uses."""
import functools

import numpy as np
from impls.lookup import lookup

from . import tools
from .straight import once as direct

TABLE = np.arange(6.0)
STEP = 2
SIZES = {"small": [1, 2], "large": (3, 4)}


class Base:
    @staticmethod
    def halved(x):
        return x / 2


class Scaler(Base):
    factor = 3

    def __init__(self, by):
        self.by = by

    def times(self, x):
        return self.halved(x) * self.factor * self.by

    @property
    def doubled(self):
        return self.by * 2

    @classmethod
    def made(cls):
        return cls(5)


SCALER = Scaler(7)


def multiplier(factor):
    def multiply(x):
        return x * factor

    return multiply


multiplied = multiplier(11)


def helper(x, by=13, *, least=0):
    """What it does."""
    total = x + by  # a remark
    return max(total, least)


def countdown(n):
    return n and countdown(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


@functools.lru_cache
def remembered(n):
    return n + 17


def unrelated(x):
    return x - 1


@lookup.implementation("called", "one that mine calls")
def called(W, idx):
    return W[idx] + 19


def prepare(problem):
    return [problem, tools.shift(23)]


@lookup.implementation("mine", "mine", prepare=prepare)
def mine(W, idx, out):
    """Rows."""
    rows = np.take(W, idx, axis=0) + TABLE[:STEP].sum() + SIZES["large"][0]
    rows = tools.shift(rows) + direct(rows) + helper(rows)
    rows = SCALER.times(rows) + Scaler.made().doubled
    rows = [row * 29 for row in multiplied(rows)]
    return rows, countdown(3), even(4), remembered(5), called(W, idx), min(rows, key=lambda row: row + 31)
'''
WORLD: Files = {
    "__init__.py": "",
    "top.py": TOP,
    "tools.py": "from .deep import inner, SIGN\n\n\ndef shift(x):\n    return inner(x) * SIGN\n\n\ndef idle():\n    return 0\n",
    "deep.py": "SIGN = -1\n\n\ndef inner(x):\n    return x - 37\n",
    "straight.py": "from . import deep\n\n\ndef once(x):\n    return deep.inner(x) + 41\n",
    "other.py": "VALUE = 1\n",
}

Load = Callable[[Files], tuple[str, list[str]]]


def edited(*edits: Edit, files: Files = WORLD) -> Files:
    """Files with some text in them replaced, which must be there."""
    changed = dict(files)
    for file, old, new in edits:
        assert old in changed[file]
        changed[file] = changed[file].replace(old, new)
    return changed


def only(body: str, result: str, **others: str) -> Files:
    """A tree whose one implementation needs no more than body."""
    head = "import functools\nimport numpy as np\nfrom impls.lookup import lookup\n"
    mine = f"\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return {result}\n"
    return {
        "__init__.py": "",
        "top.py": head + body + mine,
        **{f"{name}.py": text for name, text in others.items()},
    }


def identity(implementation: Implementation, root: Path) -> Identity:
    """Of an implementation that belongs to a tree."""
    file = Path(implementation.function.__code__.co_filename)
    return implementation_identity(implementation, Tree(root, (root, root / "src", file.parent)))


def write(root: Path, files: Files) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Writes a tree, loads it under a name of its own as ``catalogue.from_copy`` does, and gives its identity."""
    numbers = itertools.count()

    def made(files: Files) -> tuple[str, list[str]]:
        name = f"identified_{next(numbers)}"
        root = write(tmp_path_factory.mktemp("tree") / "tree", files)
        spec = spec_from_file_location(name, root / "__init__.py", submodule_search_locations=[str(root)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
        found = identity(import_module(f"{name}.top").mine, root)
        return found.digest, [*found.late_imports]

    yield made
    for name in [name for name in sys.modules if name.startswith("identified_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def original(load: Load) -> str:
    return load(WORLD)[0]


def never(root: str) -> str:
    raise AssertionError(f"the text of all of {root} was taken")


@pytest.fixture
def _followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever cannot be followed fails the test."""
    monkeypatch.setattr(trees, "tree_digest", never)


def test_the_same_text_at_another_place_under_another_name_is_the_same(load: Load, original: str) -> None:
    assert load(WORLD) == (original, [])
    assert len(original) == 20


@pytest.mark.usefixtures("_followed")
def test_nothing_of_a_plain_implementation_is_beyond_following(load: Load, original: str) -> None:
    assert load(edited(("other.py", "1", "2")))[0] == original


SAME: dict[str, list[Edit]] = {
    "comment": [("top.py", "# a remark", "# another"), ("tools.py", "\n\n\ndef shift", "\n# new\ndef shift")],
    "docstring": [
        ("top.py", '"""What it does."""', '"""What else."""'),
        ("top.py", '"""Rows."""', '""'),
        ("deep.py", "    return x - 37", '    """New."""\n    return x - 37'),
    ],
    "docstring gone": [("top.py", '    """What it does."""\n', ""), ("top.py", '    """Rows."""\n', "")],
    "module docstring": [("top.py", '"""An implementation, and all that it uses."""', "")],
    "moved lines": [
        ("top.py", "import functools\n", "import functools\n\n\n\n\n"),
        ("top.py", "\n    total", "\n\n    total"),
    ],
    "line breaks in an expression": [
        ("top.py", "return max(total, least)", "return max(\n        total,\n        least,\n    )")
    ],
    "renamed local": [("top.py", "total", "amount"), ("top.py", "row ", "line "), ("top.py", "row:", "line:")],
    "renamed argument": [("top.py", "(self, x)", "(self, y)"), ("top.py", "(x) * self", "(y) * self")],
    "renamed helper": [("top.py", "helper", "assistant")],
    "renamed helper of a helper": [
        ("deep.py", "def inner", "inner = None\n\n\ndef innermost"),
        ("deep.py", "x - 37\n", "x - 37\n\n\ninner = innermost\n"),
    ],
    "renamed constant": [("top.py", "TABLE", "ENTRIES")],
    "renamed class": [("top.py", "Scaler", "Stretcher")],
    "renamed imported name": [("top.py", "direct", "immediate")],
    "renamed import of a foreign package": [("top.py", "as np", "as numpy"), ("top.py", "np.", "numpy.")],
    "reordered functions": [
        ("top.py", "def unrelated(x):\n    return x - 1\n", ""),
        ("top.py", "def even(n):\n    return n == 0 or odd(n - 1)\n", ""),
        ("top.py", "def prepare", "def even(n):\n    return n == 0 or odd(n - 1)\n\n\ndef prepare"),
    ],
    "unrelated function": [("top.py", "return x - 1\n", "return x - 2\n"), ("tools.py", "return 0", "return 1")],
    "unrelated function added": [("deep.py", "SIGN = -1", "SIGN = -1\n\n\ndef more():\n    return 1\n")],
    "unrelated module": [("other.py", "VALUE = 1", "VALUE = 2")],
    "annotations": [
        ("top.py", "total = x", "total: int = x"),
        ("top.py", "(n):", "(n: int) -> int:"),
        ("tools.py", "shift(x)", "shift(x: object) -> object"),
    ],
    "moved to another module": [
        ("deep.py", "def inner(x):\n    return x - 37\n", "from .other import inner\n"),
        ("other.py", "VALUE = 1\n", "def inner(x):\n    return x - 37\n"),
    ],
    "title of the implementation": [("top.py", '"mine", "mine"', '"mine", "my own"')],
    "a constant computed otherwise": [
        ("top.py", "STEP = 2", "STEP = 1 + 1"),
        ("top.py", "np.arange(6.0)", "1.0 * np.arange(6)"),
    ],
}


@pytest.mark.parametrize("edits", SAME.values(), ids=SAME)
def test_what_takes_no_time_is_no_change(load: Load, original: str, edits: list[Edit]) -> None:
    assert load(edited(*edits)) == (original, [])


def test_a_module_file_may_get_another_name(load: Load, original: str) -> None:
    files = edited(("top.py", "from . import tools", "from . import kit"), ("top.py", " tools.", " kit."))
    files = edited(("top.py", ".straight", ".bent"), files=files)
    files["kit.py"], files["bent.py"] = files.pop("tools.py"), files.pop("straight.py")
    assert load(files) == (original, [])


CHANGED: dict[str, Edit] = {
    "constant": ("top.py", "row * 29", "row * 30"),
    "constant in a lambda": ("top.py", "row + 31", "row + 32"),
    "type of a constant": ("top.py", "row * 29", "row * 29.0"),
    "operator": ("top.py", "total = x + by", "total = x - by"),
    "comparison": ("top.py", "n == 0", "n != 0"),
    "keyword of a call": ("top.py", "axis=0", "out=0"),
    "order of arguments": ("top.py", "max(total, least)", "max(least, total)"),
    "statement added": ("top.py", "    total = x + by", "    x = x\n    total = x + by"),
    "builtin": ("top.py", "max(total", "min(total"),
    "numpy function": ("top.py", "np.take", "np.choose"),
    "numpy method": ("top.py", ".sum()", ".max()"),
    "helper in a module": ("tools.py", "inner(x) *", "inner(x) +"),
    "helper imported by name": ("straight.py", "+ 41", "+ 42"),
    "helper two levels deep": ("deep.py", "x - 37", "x - 38"),
    "constant two levels deep": ("deep.py", "SIGN = -1", "SIGN = 1"),
    "default": ("top.py", "by=13", "by=14"),
    "keyword default": ("top.py", "least=0", "least=1"),
    "module constant": ("top.py", "STEP = 2", "STEP = 3"),
    "nested module constant": ("top.py", "(3, 4)", "(3, 5)"),
    "list to tuple": ("top.py", "[1, 2]", "(1, 2)"),
    "array": ("top.py", "np.arange(6.0)", "np.arange(7.0)"),
    "entry of an array": ("top.py", "np.arange(6.0)", "np.arange(6.0)[::-1]"),
    "dtype of an array": ("top.py", "np.arange(6.0)", "np.arange(6.0, dtype=np.float32)"),
    "prepare": ("top.py", "[problem,", "[problem, problem,"),
    "what prepare calls": ("top.py", "tools.shift(23)", "tools.idle()"),
    "method": ("top.py", "* self.by", "+ self.by"),
    "static method of a base class": ("top.py", "x / 2", "x // 2"),
    "property": ("top.py", "self.by * 2", "self.by + self.by"),
    "class method": ("top.py", "cls(5)", "cls(6)"),
    "class attribute": ("top.py", "factor = 3", "factor = 4"),
    "instance": ("top.py", "Scaler(7)", "Scaler(8)"),
    "base class": ("top.py", "class Scaler(Base)", "class Scaler(Base, dict)"),
    "closure": ("top.py", "multiplier(11)", "multiplier(12)"),
    "function in a closure": ("top.py", "return x * factor", "return x + factor"),
    "implementation that is called": ("top.py", "+ 19", "+ 20"),
    "function under a cache": ("top.py", "n + 17", "n + 18"),
    "cache taken away": ("top.py", "@functools.lru_cache\n", ""),
    "recursive function": ("top.py", "countdown(n - 1)", "countdown(n - 2)"),
    "one of two that call each other": ("top.py", "n != 0 and even(n - 1)", "n != 0 and even(n - 3)"),
}


@pytest.mark.parametrize("edit", CHANGED.values(), ids=CHANGED)
def test_what_may_take_time_is_a_change(load: Load, original: str, edit: Edit) -> None:
    digest, late = load(edited(edit))
    assert digest != original
    assert late == []


FACTS: dict[str, tuple[str, str]] = {
    "jit": ("", ", jit=True"),
    "one thread": ("", ", one_thread=True"),
    "packages that it needs": ("", ", requires=('json',)"),
    "set-up": ("", ", prepare=len"),
}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_what_is_said_of_an_implementation_is_a_change_where_it_runs_otherwise(
    load: Load, facts: tuple[str, str]
) -> None:
    one, other = (
        load(edited(("top.py", '"mine", "mine", prepare=prepare', f'"mine", "mine"{fact}'))) for fact in facts
    )
    assert one != other


@pytest.mark.parametrize(
    "fact",
    [
        "summary='x'",
        "slide=3",
        "grows_with='V'",
        "temporaries='VH'",
        "traffic=len",
        "baseline=True",
        "source_functions=(helper,)",
    ],
)
def test_what_is_only_shown_of_an_implementation_is_no_change(load: Load, original: str, fact: str) -> None:
    assert load(edited(("top.py", '"mine", "mine",', f'"mine", "mine", {fact},')))[0] == original


Change = tuple[str, str, str, str]
"""What comes before mine, with ``@@`` in it or in the last; two texts for that; what mine returns."""

FOLLOWED: dict[str, Change] = {
    "partial": ("h = functools.partial(np.take, axis=@@)\n", "0", "1", "h(W, idx)"),
    "partial of one's own": ("def f(x, y):\n    return x + @@\nh = functools.partial(f, 1)\n", "0", "1", "h(W)"),
    "bound method": ("class A:\n    def f(self):\n        return @@\nh = A().f\n", "0", "1", "h()"),
    "instance of a bound method": (
        "class A:\n    def f(self):\n        return 0\na = A()\na.x = @@\nh = a.f\n",
        *("0", "1", "h()"),
    ),
    "one's own decorator": (
        "def twice(f):\n    @functools.wraps(f)\n    def inner(x):\n        return f(f(x))\n    return inner\n"
        "@twice\ndef h(x):\n    return x + @@\n",
        *("0", "1", "h(W)"),
    ),
    "set in the code": ("", "2", "3", "W in {1, @@}"),
    "set of functions": ("def f():\n    return @@\nS = {f}\n", "0", "1", "S"),
    "foreign function under a name": ("from numpy.linalg import @@ as h\n", "norm", "det", "h(W)"),
    "ufunc under a name": ("from numpy import @@ as h\n", "add", "subtract", "h(W, 1)"),
    "generator": ("def h(x):\n    yield x + @@\n", "0", "1", "list(h(W))"),
    "nested function": (
        "def h(x):\n    def i():\n        return y\n    y = x + @@\n    return i\n",
        "0",
        "1",
        "h(W)()",
    ),
    "super": (
        "class A:\n    def f(self):\n        return @@\nclass B(A):\n    def f(self):\n        return super().f()\n",
        *("0", "1", "B().f()"),
    ),
    "exception": ("class Bad(ValueError):\n    code = @@\n", "0", "1", "Bad(W)"),
}


def versions(load: Load, change: Change) -> tuple[tuple[str, list[str]], ...]:
    """Identities of the first text, of the same again, and of the second."""
    body, old, new, result = change
    one, again, other = (load(only(body.replace("@@", at), result.replace("@@", at))) for at in (old, old, new))
    return one, again, other


@pytest.mark.usefixtures("_followed")
@pytest.mark.parametrize("change", FOLLOWED.values(), ids=FOLLOWED)
def test_a_value_of_another_kind_is_followed_too(load: Load, change: Change) -> None:
    one, again, other = versions(load, change)
    assert one == again
    assert one != other


NJIT = "import numba\n@numba.njit(@@)\ndef h(x):\n    return x\n"
WIDE = "class A(np.ndarray):\n    pass\nT = np.zeros(2000).view(A)\nT[700] = @@\n"
ENTRIES = "class C(dict):\n    __getattr__ = dict.{}\nO = C(size=@@)\n"

MISSED: dict[str, Change] = {
    "signature of a compiled function": (NJIT, "'f4(f4)'", "'f8(f8)'", "h(W)"),
    "signature where there was none": (NJIT, "", "'f8(f8)'", "h(W)"),
    "option of a compiled function": (NJIT, "", "fastmath=True", "h(W)"),
    "body of a compiled function": (NJIT.replace("return x", "return x + @@").replace("(@@)", ""), "1", "2", "h(W)"),
    "compiled function of a namespace": (
        "import types, numba\nM = types.SimpleNamespace()\nM.h = numba.njit(lambda x: x + @@)\n",
        *("1", "2", "M.h(W)"),
    ),
    "signature of a vectorized function": (
        "import numba\n@numba.vectorize([@@])\ndef h(x):\n    return x\n",
        *("'f4(f4)'", "'f8(f8)'", "h(W)"),
    ),
    "body of a vectorized function": (
        "import numba\n@numba.vectorize\ndef h(x):\n    return x + @@\n",
        *("1", "2", "h(W)"),
    ),
    "types of a generalized ufunc": (
        "import numba\n@numba.guvectorize([@@], '(n)->(n)')\ndef h(x, y):\n    y[:] = x\n",
        *("'f4[:],f4[:]'", "'f8[:],f8[:]'", "h(W)"),
    ),
    "layout of a generalized ufunc": (
        "import numba\n@numba.guvectorize(['f8[:],f8[:]'], '@@')\ndef h(x, y):\n    y[:] = x\n",
        *("(n)->(n)", "(m)->(m)", "h(W)"),
    ),
    "signature of a C callback": (
        "import numba\n@numba.cfunc('@@')\ndef h(x):\n    return x\n",
        *("f4(f4)", "f8(f8)", "h.ctypes(W)"),
    ),
    "method of a compiled class": (
        "import numba\nfrom numba.experimental import jitclass\n@jitclass([('x', numba.float64)])\nclass A:\n"
        "    def __init__(self):\n        self.x = 0\n    def f(self):\n        return self.x + @@\n",
        *("1", "2", "A().f()"),
    ),
    "one of two thousand entries of an array of a class of its own": (WIDE, "1", "2", "T"),
    "strides of an array": ("T = np.ones((6, 4, 8))[:, :, @@]\n", "::2", ":4", "T @ W"),
    "alignment of an array": (
        "T = np.frombuffer(bytes(65), np.uint8)[@@:][:64].view(np.float64)\n",
        *("0", "1", "T"),
    ),
    "entry of a dict that gives its entries as attributes": (ENTRIES.format("get"), "1", "2", "O.size"),
    "entry of a dict that raises for other attributes": (ENTRIES.format("__getitem__"), "1", "2", "O.size"),
    "name that an attrgetter asks for": ("import operator\nh = operator.attrgetter('@@')\n", "T", "dtype", "h(W)"),
    "value of an enumeration": (
        "import enum\nclass E(enum.IntEnum):\n    A = @@\nO = E.A\n",
        *("1", "2", "O"),
    ),
    "number of a class of its own": ("class N(float):\n    pass\nO = N(@@)\n", "1", "2", "O"),
    "slot": (
        "class A:\n    __slots__ = ('x', 'y')\n    def __getattr__(self, name):\n        raise KeyError(name)\n"
        "O = A()\nO.x = @@\n",
        *("1", "2", "O.x"),
    ),
    "what a module calls when it is imported": ("T = [3, 1]\ndef f():\n    T.@@()\nf()\n", "sort", "reverse", "W"),
    "function in np.vectorize": ("h = np.vectorize(lambda x: x + @@)\n", "1", "2", "h(W)"),
    "function in np.frompyfunc": ("h = np.frompyfunc(lambda x: x + @@, 1, 1)\n", "1", "2", "h(W)"),
    "arguments of an itemgetter": ("import operator\nh = operator.itemgetter(@@)\n", "1", "2", "h(W)"),
    "dict whose get is kept": ("h = {1: @@}.get\n", "1", "2", "h(1)"),
    "array whose take is kept": ("h = np.array([1, @@]).take\n", "1", "2", "h(idx)"),
    "size of a cache": ("@functools.lru_cache(maxsize=@@)\ndef h(x):\n    return x\n", "1", "None", "h(1)"),
    "wrapper class of one's own": (
        "class Twice:\n    def __init__(self, f):\n        functools.update_wrapper(self, f)\n"
        "    def __call__(self, x):\n        return self.__wrapped__(x) + @@\n@Twice\ndef h(x):\n    return x\n",
        *("1", "2", "h(W)"),
    ),
    "attribute of a function": ("def h():\n    return h.size\nh.size = @@\n", "1", "2", "h()"),
    "method of a named tuple": (
        "import typing\nclass P(typing.NamedTuple):\n    x: int\n    def f(self):\n        return @@\nO = P(1)\n",
        *("1", "2", "O.f()"),
    ),
    "method of a list of one's own": (
        "class P(list):\n    def f(self):\n        return @@\nO = P()\n",
        "1",
        "2",
        "O.f()",
    ),
    "factory of a defaultdict": ("import collections\nO = collections.defaultdict(lambda: @@)\n", "1", "2", "O[1]"),
    "memory order of an array": ("T = np.ones((2, 2), order='@@')\n", "C", "F", "T @ W"),
    "SciPy's ufunc under a name": ("from scipy.special import @@ as h\n", "expit", "log_expit", "h(W)"),
    "names by which arguments are passed": ("def h(@@):\n    return 1\n", "x, y", "y, x", "h(x=W, y=idx)"),
    "metaclass": (
        "class M(type):\n    def __getitem__(cls, x):\n        return @@\nclass A(metaclass=M):\n    pass\n",
        *("1", "2", "A[1]"),
    ),
}


@pytest.mark.parametrize("change", MISSED.values(), ids=MISSED)
def test_a_change_that_was_missed_is_seen(load: Load, change: Change) -> None:
    one, again, other = versions(load, change)
    assert one == again
    assert one != other


INVENTED: dict[str, tuple[str, str]] = {
    "data class": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\n", "A().x"),
    "context manager": ("import contextlib\n@contextlib.contextmanager\ndef h():\n    yield 1\n", "h()"),
    "errstate as a decorator": ("@np.errstate(all='ignore')\ndef h(x):\n    return x\n", "h(W)"),
    "single dispatch": ("@functools.singledispatch\ndef h(x):\n    return x\n", "h(W)"),
    "folder without an __init__.py": ("from .bare import deep\nfrom . import bare\n", "bare.deep"),
    "class in a function": ("def h(x):\n    class A:\n        y = x\n    return A\n", "h(W)"),
    "name of the module": ("def h(x):\n    return __name__\n", "h(W)"),
    "path of the file": ("import os\nHERE = os.path.dirname(__file__)\n", "HERE"),
}


@pytest.mark.parametrize(("body", "result"), INVENTED.values(), ids=INVENTED)
def test_a_change_that_was_invented_is_none(load: Load, body: str, result: str) -> None:
    assert load({**only(body, result), "bare/deep.py": ""}) == load({**only(body, result), "bare/deep.py": ""})


def test_a_helper_that_is_reached_through_its_module_may_get_another_name(load: Load, original: str) -> None:
    assert load(edited(("top.py", "tools.shift", "tools.moved"), ("tools.py", "shift", "moved")))[0] == original


def test_an_annotation_in_a_class_takes_no_time(load: Load) -> None:
    one, _, other = versions(load, ("class A:\n    x: @@ = 1\n", "int", "float", "A.x"))
    assert one == other


ENDLESS: dict[str, tuple[str, str]] = {
    "list that holds itself": ("L = []\nL.append(L)\n", "L"),
    "dict that holds itself": ("D = {}\nD['up'] = D\n", "D"),
    "chain of two hundred functions": (
        "".join(f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(200)) + "def f200(x):\n    return x\n",
        "f0(W)",
    ),
}


@pytest.mark.parametrize(("body", "result"), ENDLESS.values(), ids=ENDLESS)
def test_what_goes_round_in_data_ends_too(load: Load, body: str, result: str) -> None:
    assert load(only(body, result)) == load(only(body, result))


OPAQUE = {
    "pattern": ("import re\nP = re.compile('a')\n", "P.match(W)"),
    "generator of random numbers": ("RNG = np.random.default_rng(0)\n", "RNG.random()"),
    "module passed on": ("from . import deep\n", "getattr(deep, 'f')(W)"),
    "submodule by attribute": ("from . import sub\n", "sub.deep.f(W)"),
    "relative import when called": ("def h(x):\n    from . import deep\n    return deep.f(x)\n", "h(W)"),
    "relative import of a name when called": ("def h(x):\n    from .deep import f\n    return f(x)\n", "h(W)"),
    **{name: (f"def h(x):\n    return {name}(x)\n", "h(W)") for name in module.OPEN_ENDED},
    "open-ended and only passed on": ("def h(f, x):\n    return f(x)\n", "h(eval, W)"),
    "open-ended in a nested function": ("def h(x):\n    return lambda: globals()[x]\n", "h(W)"),
}


@pytest.mark.parametrize(("body", "result"), OPAQUE.values(), ids=OPAQUE)
def test_where_code_cannot_be_followed_any_change_of_the_tree_counts_but_no_comment(
    load: Load, body: str, result: str
) -> None:
    def version(value: int, remark: str = "") -> Files:
        text = f'"""Doc{remark}."""\n\ndef f(x):\n    """It is {value}."""\n    return {value}{remark}\n'
        return only(
            body,
            result,
            deep=text.replace(f"It is {value}", "It is so"),
            **{"sub/deep": text},
            **{"sub/__init__": "from . import deep"},
        )

    plain = load(version(1))
    assert plain[1] == []
    assert load(version(1)) == plain
    assert load(version(1, "  # so")) == plain
    assert load(version(2))[0] != plain[0]


@pytest.mark.usefixtures("_followed")
@pytest.mark.parametrize("name", module.OPEN_ENDED)
def test_ones_own_function_of_an_open_ended_name_is_followed(load: Load, name: str) -> None:
    one, again, other = versions(load, (f"def {name}(x):\n    return x + @@\n", "1", "2", f"{name}(W)"))
    assert one == again
    assert one != other


def test_a_file_that_is_no_python_counts_as_its_text(load: Load) -> None:
    body, result = OPAQUE["pattern"]
    one, other = (load(only(body, result, broken=text)) for text in ("if x\n", "if y\n"))
    assert one != other
    assert load(only(body, result, broken="if x\n")) == one


def test_hidden_folders_and_environments_are_not_of_the_tree(tmp_path: Path) -> None:
    write(
        tmp_path, {".git/a.py": "", "env/pyvenv.cfg": "", "env/lib/b.py": "", "b/c.py": "", "a.py": "", "b/d.txt": ""}
    )
    assert {file.relative_to(tmp_path).as_posix() for file in trees.python_files(tmp_path)} == {"a.py", "b/c.py"}
    of = Tree(tmp_path)
    assert [of.has_file(str(tmp_path / name)) for name in ("a.py", "b/c.py")] == [True, True]
    assert not any(of.has_file(str(tmp_path / name)) for name in (".git/a.py", "env/lib/b.py", "../a.py"))


# imports when called


@pytest.mark.parametrize(
    ("statement", "late"),
    [
        ("import deep as f", ["deep"]),
        ("from sub.deep import f", ["sub.deep"]),
        ("import deep, sub", ["deep", "sub"]),
        ("from . import deep as f", []),
        ("from .deep import f", []),
        ("from .sub.deep import f", []),
        ("import numpy as f", []),
        ("from numpy.linalg import norm as f", []),
        ("import json, os.path", []),
        ("import nonexistent_pkg_xyz", []),
    ],
)
@pytest.mark.parametrize("where", ["mine", "helper", "prepare", "nested"])
def test_the_trees_own_modules_imported_by_full_name_when_called_are_told(
    load: Load, statement: str, late: list[str], where: str
) -> None:
    body = f"def h(x):\n    {statement}\n    return x\n"
    if where == "nested":
        body = f"def h(x):\n    def inner():\n        {statement}\n    return inner\n"
    files = only(body, "h(W)", deep="def f(): pass\n", **{"sub/__init__": "", "sub/deep": "def f(): pass\n"})
    if where == "mine":
        files["top.py"] = files["top.py"].replace("    return h(W)", f"    {statement}")
    elif where == "prepare":
        files["top.py"] = files["top.py"].replace("'mine')", "'mine', prepare=h)").replace("return h(W)", "return W")
    assert load(files)[1] == late


def test_an_import_at_the_top_of_a_file_is_no_late_one(load: Load) -> None:
    assert load(only("from .deep import f\n", "f()", deep="import json\ndef f():\n    return json\n"))[1] == []


# the real package, and files from outside


@pytest.mark.usefixtures("_followed")
def test_every_implementation_of_this_package_can_be_followed() -> None:
    root = Path(catalogue.__file__).parent
    found = {i.key: identity(i, root) for i in catalogue.own()}
    assert len(found) > 40
    for one in found.values():
        assert (one.late_imports, one.effects) == ((), ())
        assert not [file for file in one.outside_files if Path(file).is_relative_to(root)]
    # two kernels may share an implementation's code, but within one kernel no two are the same
    assert len({(key.partition("/")[0], one.digest) for key, one in found.items()}) == len(found)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A copy of this package, which tests may change before they load it under the name of ``copy_of_impls``."""
    folder = tmp_path / "elsewhere" / "impls"
    shutil.copytree(Path(catalogue.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "copy_of_impls"]:
        del sys.modules[name]


def digests(implementations: list[Implementation], root: Path) -> dict[str, str]:
    return {i.key: identity(i, root).digest for i in implementations}


def test_a_copy_of_this_package_has_the_same_digests(copy: Path) -> None:
    mine = digests(list(catalogue.own()), Path(catalogue.__file__).parent)
    assert digests(catalogue.from_copy(copy, "copy_of_impls"), copy) == mine


def test_one_changed_line_of_this_package_changes_one_digest(copy: Path) -> None:
    file = copy / "lookup.py"
    text = file.read_text(encoding="utf-8")
    assert text.count('mode="clip"') == 2
    file.write_text(text.replace('out=out, mode="clip"', 'out=out, mode="wrap"'), encoding="utf-8")
    mine = digests(list(catalogue.own()), Path(catalogue.__file__).parent)
    theirs = digests(catalogue.from_copy(copy, "copy_of_impls"), copy)
    assert [key for key in mine if mine[key] != theirs[key]] == ["lookup/take-out"]


def test_options_of_compilation_are_a_change_of_all_that_is_compiled(copy: Path) -> None:
    file = copy / "compiled.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(', "fastmath": set(FASTMATH_FLAGS)') == 1
    file.write_text(text.replace(', "fastmath": set(FASTMATH_FLAGS)', ""), encoding="utf-8")
    mine = digests(list(catalogue.own()), Path(catalogue.__file__).parent)
    theirs = digests(catalogue.from_copy(copy, "copy_of_impls"), copy)
    jitted = {i.key for i in catalogue.own() if i.jit}
    trained = {key for key in mine if key.startswith("training.") and key.endswith("/numba")}
    assert jitted
    assert {key for key in mine if mine[key] != theirs[key]} == jitted | trained


def test_how_a_kernel_makes_its_inputs_is_a_change_of_its_implementations(copy: Path) -> None:
    file = copy / "lookup.py"
    text = file.read_text(encoding="utf-8")
    line = "    W = normals(rng, (size.V, size.H), size.float_type)\n"
    assert text.count(line) == 1
    file.write_text(text.replace(line, line + "    W[0] = 0\n"), encoding="utf-8")
    mine = digests(list(catalogue.own()), Path(catalogue.__file__).parent)
    theirs = digests(catalogue.from_copy(copy, "copy_of_impls"), copy)
    assert {key for key in mine if mine[key] != theirs[key]} == {key for key in mine if key.startswith("lookup/")}


EFFECTS = {
    "environment": ("import os\nos.environ['X_OF_A_TEST'] = '1'\n", True),
    "environment by its own name": ("from os import environ\nenviron.update(X_OF_A_TEST='1')\n", True),
    "under a condition": ("import os, sys\nif sys.platform:\n    os.environ['X_OF_A_TEST'] = '1'\n", True),
    "kept result": ("OLD = np.seterr(divide='warn')\n", True),
    "a call": ("import gc\ngc.get_count()\n", True),
    "when run as a script": ("import os\nif __name__ == '__main__':\n    os.environ['X'] = '1'\n", False),
    "warnings": ("import warnings\nwarnings.filterwarnings('ignore', 'none of this')\n", False),
    "path": ("import sys\nsys.path.append('.')\nsys.path.pop()\n", False),
    "a table": ("T = np.arange(3)\nT[1] = 7\nT.setflags(write=False)\n", False),
    "a docstring and names": ("'doc'\nX = 1\nY = max(1, 2)\n", False),
    "in a function": ("import os\ndef f():\n    os.environ['X'] = '1'\n", False),
}


@pytest.mark.parametrize(("text", "wide"), EFFECTS.values(), ids=EFFECTS)
def test_what_a_file_changes_for_the_whole_process_when_it_is_imported_is_told(
    text: str, wide: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_OF_A_TEST", "0")
    statement = "import numpy as np\n" + text
    for name, body in (("itself", statement), ("beside", "import near_effect")):
        root = write(tmp_path / name, {"near_effect.py": statement})
        file = write(root, {"mine.py": OUTSIDE.format(statement=body, call="W")}) / "mine.py"
        (mine,) = catalogue.from_file(file, [root])
        found = [Path(at).name for at, _ in identity(mine, root).effects]
        assert found == ([] if not wide else ["mine.py" if name == "itself" else "near_effect.py"])


def test_effects_of_a_copied_packages_other_modules_are_told(copy: Path) -> None:
    write(copy, {"extra.py": "import gc\n\ngc.get_count()\n"})
    (first, *_) = catalogue.from_copy(copy, "copy_of_impls")
    ((file, effect),) = identity(first, copy).effects
    assert (Path(file).name, effect.line, effect.text) == ("extra.py", 3, "gc.get_count()")


READING = {
    "np.load": "np.load('x')",
    "open": "open('x')",
    "Path.read_text": "pathlib.Path('x').read_text()",
    "json": "json.load(W)",
    "ctypes": "np.ctypeslib.load_library('x', '.')",
    "memmap": "np.memmap('x')",
    "what cannot be followed": "eval('1')",
}


@pytest.mark.parametrize("call", READING.values(), ids=READING)
def test_code_that_reads_files_is_known_to(call: str, tmp_path: Path) -> None:
    body = f"import json, pathlib\nimport numpy as np\ndef f(p):\n    return {call}\n"
    for reads in (False, True):
        root = tmp_path / str(reads)
        text = OUTSIDE.format(statement=body, call="f(W)" if reads else "W")
        (mine,) = catalogue.from_file(write(root, {"mine.py": text}) / "mine.py", [root])
        assert identity(mine, root).reads_files == reads


def test_a_config_that_claims_every_attribute_is_no_implementation() -> None:
    class Config(dict[str, object]):
        __getattr__ = dict.get

    class Strict(dict[str, object]):
        __getattr__ = dict.__getitem__

    assert not any(map(module.is_implementation, (Config(), Strict(), None, Implementation)))
    assert module.is_implementation(next(iter(catalogue.own())))


OUTSIDE = """
from impls.lookup import lookup
{statement}

@lookup.implementation("mine", "mine")
def mine(W, idx):
    return {call}
"""


def from_outside(root: Path, files: Files, statement: str, call: str) -> str:
    """The digest of a file that uses its neighbours, in a tree of its own."""
    file = write(root, {**files, "sub/mine.py": OUTSIDE.format(statement=statement, call=call)}) / "sub" / "mine.py"
    (mine,) = catalogue.from_file(file, [root])
    return identity(mine, root).digest


@pytest.mark.parametrize(
    ("name", "statement", "call", "text"),
    [
        ("near_function", "from near_function import f", "f()", "def f():\n    return @@\n"),
        ("near_module", "import near_module", "near_module.f()", "def f():\n    return @@\n"),
        ("near_instance", "from near_instance import O", "O", "class F:\n    pass\nO = F()\nO.x = @@\n"),
        pytest.param(
            *("near_class", "from near_class import F", "F().f()", "class F:\n    def f(self):\n        return @@\n"),
        ),
        pytest.param(
            *("near_manager", "from near_manager import f", "f()"),
            "from contextlib import contextmanager\n@contextmanager\ndef f():\n    yield @@\n",
        ),
    ],
)
def test_what_a_file_imports_from_its_tree_is_followed(
    tmp_path: Path, name: str, statement: str, call: str, text: str
) -> None:
    one, again, other = (
        from_outside(tmp_path / place, {f"{name}.py": text.replace("@@", value)}, statement, call)
        for place, value in (("one", "1"), ("again", "1"), ("other", "2"))
    )
    assert one == again
    assert one != other


def used_outside(tree: Path, other: Path, name: str, statement: str, call: str) -> frozenset[str]:
    """Files outside of its tree that a file uses, if what it imports is found elsewhere."""
    file = write(tree, {"mine.py": OUTSIDE.format(statement=statement, call=call)}) / "mine.py"
    sys.path.insert(0, str(other))
    try:
        (mine,) = catalogue.from_file(file, [tree])
        return identity(mine, tree).outside_files
    finally:
        sys.path.remove(str(other))
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "statement", "call"),
    [
        ("far_function", "from far_function import f", "f()"),
        ("far_module", "import far_module", "far_module.f()"),
        ("far_method", "from far_method import F", "F().f()"),
        ("far_instance", "from far_instance import O", "O.f()"),
    ],
)
def test_files_outside_of_the_tree_that_are_used_are_told(tmp_path: Path, name: str, statement: str, call: str) -> None:
    text = "def f():\n    return 1\nclass F:\n    def f(self):\n        return 1\nO = F()\n"
    other = write(tmp_path / "other", {f"{name}.py": text, "unused.py": ""})
    found = used_outside(tmp_path / "tree", other, name, statement, call)
    assert str(other / f"{name}.py") in found
    assert not [file for file in found if Path(file).is_relative_to(tmp_path / "tree")]
    assert not [file for file in found if Path(file).name == "unused.py"]


def test_a_module_that_is_built_into_python_has_no_file(tmp_path: Path) -> None:
    assert "" not in used_outside(tmp_path / "tree", tmp_path, "nothing", "import time", "time.time()")


def test_a_file_that_uses_its_own_tree_uses_none_of_the_other(tmp_path: Path) -> None:
    files = {"near_one.py": "def f():\n    return 1\n"}
    other = write(tmp_path / "other", files)
    write(tmp_path / "tree", files)
    found = used_outside(tmp_path / "tree", other, "near_one", "from near_one import f", "f()")
    assert not [file for file in found if Path(file).is_relative_to(tmp_path)]


def test_what_is_told_of_an_implementation_has_the_other_trees_files_in_it(tmp_path: Path) -> None:
    tree, other = (
        write(tmp_path / "tree", {}),
        write(tmp_path / "other", {"lib/far_told.py": "def f():\n    return 1\n"}),
    )
    file = write(tree, {"mine.py": OUTSIDE.format(statement="from far_told import f", call="f()")}) / "mine.py"
    sys.path.insert(0, str(other / "lib"))
    try:
        (mine,) = catalogue.from_file(file, [tree])
        found = [described(mine, tree, tree, place).strays for place in (other, tree, tmp_path, tmp_path / "nowhere")]
    finally:
        sys.path.remove(str(other / "lib"))
        sys.modules.pop("far_told", None)
    assert found == [("lib/far_told.py",), (), (), ()]


def test_a_file_is_the_same_wherever_its_tree_is(tmp_path: Path) -> None:
    assert from_outside(tmp_path / "a", {}, "", "W[idx]") == from_outside(tmp_path / "b" / "c", {}, "", "W[idx]")


def test_an_environment_inside_the_tree_is_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {".venv/pyvenv.cfg": "", ".venv/lib/installed_here.py": "def f():\n    return 1\n"}
    monkeypatch.syspath_prepend(tmp_path / "head" / ".venv" / "lib")
    write(tmp_path / "head", installed)
    import_module("installed_here")
    try:
        head = from_outside(tmp_path / "head", installed, "import installed_here", "installed_here.f()")
        base = from_outside(tmp_path / "base", {}, "import installed_here", "installed_here.f()")
    finally:
        del sys.modules["installed_here"]
    assert head == base


@pytest.mark.parametrize(("statement", "late"), [("from space.sub import deep", ["space.sub"]), ("import json", [])])
def test_a_late_import_is_told_by_where_it_leads(load: Load, statement: str, late: list[str]) -> None:
    """A folder without __init__.py is a package too; a file deep in the tree is no module of its bare name."""
    files = {**only(f"def h():\n    {statement}\n", "h()"), "space/sub/deep.py": "", "space/sub/json.py": ""}
    assert load(files)[1] == late


def test_a_module_imported_by_a_text_counts(load: Load) -> None:
    body, result = "from importlib import import_module\n", "import_module('deep').f(W)"
    assert load(only(body, result, deep="F = 1\n")) != load(only(body, result, deep="F = 2\n"))
