"""A screen of the deck page: what it has, and which cases, charts and whole steps the screens show."""

from __future__ import annotations

import re
from dataclasses import dataclass

ACCUMULATE = "V=1e6,H=100,B=1e4,f64,i64,zipf,t1"
ONE = "V=1e6,H=100,B=1,f64,i64,zipf,t1"
NEGATIVES = "V=1e6,H=100,B=1,K=5,f64,i64,zipf,t1"
DRAWS = "V=1e6,H=1,B=1,K=5,f64,i64,zipf,t1"
BATCH = "V=1e5,H=100,B=100,f64,i64,zipf,t1"
STEP = "V=1e4,H=100,B=100,K=5,f32,i32,zipf,t1"
LOOP_DENSE = f"scatter.dense/loop@{BATCH}"
FULL = f"output.softmax/full@{ONE}"
BOOK = f"output.negative-sampling/book-layers@{NEGATIVES}"
DENSE = f"output.negative-sampling/einsum-dense@{NEGATIVES}"
ROWS = f"output.negative-sampling/einsum-rows@{NEGATIVES}"


@dataclass(frozen=True)
class Side:
    """Code on one side of a screen."""

    title: str  # what it is
    case: str  # the case that measures it; a layer's method, such as ``MatMul.forward``, has no case

    @property
    def key(self) -> str:
        return self.case.partition("@")[0]

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer's method, and no implementation of a kernel."""
        return "/" not in self.key


@dataclass(frozen=True)
class Screen:
    """One idea."""

    slides: str  # which slides: ``7 to 9``; empty for what the deck does not have
    short: str  # its name in the list of screens
    title: str  # the idea, as a heading
    claim: str  # what the slides claim
    lesson: str  # what one should have learnt
    sides: tuple[Side, ...] = ()  # code, next to each other
    found: tuple[str, ...] = ()  # sentences on what this machine says
    # what else is drawn, by name
    diagram: str = ""
    chart: str = ""
    example: str = ""
    figures: bool = True  # whether there is a table of figures below the code

    @property
    def anchor(self) -> str:
        """Where links go."""
        return re.sub(r"[^a-z0-9]+", "-", f"{'slide ' if self.short[0].isdigit() else ''}{self.short}".lower())

    @property
    def label(self) -> str:
        """Which slides, in words."""
        if not self.slides:
            return "Beyond the deck"
        return f"Slide{'s' * (not self.slides.isdigit())} {self.slides}"


CHARTS = {
    "products": (
        "Time of one word or example, by vocabulary",
        (("one-hot × W", "lookup/one-hot-dot"), ("full softmax", "output.softmax/full"), ("W[idx]", "lookup/gather")),
    ),
    "gradients": (
        "Time of one example, by vocabulary",
        (
            ("the book’s layers", "output.negative-sampling/book-layers"),
            ("one dense gradient", "output.negative-sampling/einsum-dense"),
            ("rows and values", "output.negative-sampling/einsum-rows"),
        ),
    ),
}
"""Charts of time against V: their titles, and lines by label and implementation."""

CHAPTERS = (
    ("Chapter 3", "training.cbow/chapter-3"),
    ("Section 4.1", "training.cbow/chapter-4-1"),
    ("Section 4.2", "training.cbow/chapter-4-2"),
    ("Rows, lazy Adam", "training.cbow/sparse"),
)
"""Whole steps of training, as the book goes on and beyond it."""
