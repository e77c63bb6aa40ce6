"""A notebook as Python's text: what of it is run, where its lines stand, and what is IPython's."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from w2vbench.bench.engine.worker.profiling.lines import hooked_lines
from w2vbench.bench.plans.book.loading import load_classes
from w2vbench.bench.plans.book.text import read_text, text_of_notebook

from tests.bench.engine.book import notebook


@pytest.mark.parametrize(
    ("cell", "run"),
    [
        ("import os, sys\nsys.path.append('..')", "import os, sys"),
        ("GPU = False\nSIZES: tuple = (1, -2)\nx = input()", "GPU = False\nSIZES: tuple = (1, -2)"),
        ("import numpy as np\nkind = np.float32\nother = unknown.float32", "import numpy as np\nkind = np.float32"),
        ("a = 1\nb = a + 1\nc = d\nb.x = 1", "a = 1\nb = a + 1"),
        ("try:\n    import cupy\nexcept ImportError:\n    cupy = None", "try:\n    import cupy\nexcept ImportError:\n    cupy = None"),
        ("def f():\n    print(1)\nf()\nclass A:\n    pass\nfor i in range(3):\n    A()", "def f():\n    print(1)\n\nclass A:\n    pass"),
        ("'a text'\nprint('x')", ""),
    ],
)  # fmt: skip
def test_what_a_notebook_defines_is_run_and_nothing_else(cell: str, run: str) -> None:
    assert ast.unparse(text_of_notebook(notebook(cell)).run) == run


def test_lines_are_counted_by_code_cell_and_a_modules_by_themselves(tmp_path: Path) -> None:
    text = text_of_notebook(notebook("a = 1\nb = 2\n", "", "c = 3"))
    assert [text.place(line) for line in (1, 2, 3, 4)] == [
        "code cell 1, line 1",
        "code cell 1, line 2",
        "code cell 2, line 1",
        "code cell 3, line 1",
    ]
    (tmp_path / "a.py").write_text("x = 1\n")
    assert read_text(tmp_path / "a.py").place(1) == "line 1"


@pytest.mark.parametrize(
    ("cell", "python", "magics"),
    [
        ("%timeit f()\nx = 1", "pass\nx = 1", 1),
        ("def f():\n    !ls\n    return 1", "def f():\n    pass\n    return 1", 1),
        ("np.dot?\nx = 1", "pass\nx = 1", 1),
        ("x = (7\n     % 4)\ny = 5 \\\n  % 3", "x = (7\n     % 4)\ny = 5 \\\n  % 3", 0),
        ("\n%%bash\necho def", "pass\npass\npass", 3),
    ],
)
def test_only_lines_that_are_not_python_are_ipythons(cell: str, python: str, magics: int) -> None:
    text = text_of_notebook(notebook(cell))
    assert (text.code, text.magics) == (f"{python}\n", magics)


def test_a_class_of_a_notebook_has_its_source_and_can_be_profiled(tmp_path: Path) -> None:
    body = "class MatMul:\n    def forward(self, x):\n        y = x + 1\n        return y"
    (tmp_path / "nb.ipynb").write_bytes(notebook("class MatMul:\n    first = 'try'", "%matplotlib inline", body))
    kind = load_classes(tmp_path / "nb.ipynb")["MatMul"]  # the last definition, as when all cells are run
    method = vars(kind)["forward"]
    assert inspect.getsource(kind) == f"{body}\n"
    lines, first = inspect.getsourcelines(method)
    assert "".join(lines).strip() == body.partition("\n")[2].strip()
    _, found = hooked_lines(kind().forward, method, [(1,), (2,)])
    assert {line - first: hits for line, (hits, _) in found.items()} == {1: 2, 2: 2}
