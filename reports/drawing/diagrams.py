"""Small drawings of what each group of kernels computes, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

CELL = 13
WORDS = (3, 1, 3)
"""Rows of the table that the drawn batch names; one of them twice, as words in a text are."""


def table(x: float, y: float, rows: int, columns: int, on: Sequence[int] = ()) -> str:
    """A grid of cells whose rows in ``on`` are dark."""
    return "".join(
        f'<rect class="{"on" if row in on else "cell"}" x="{x + CELL * column}" y="{y + CELL * row}" width="{CELL}" height="{CELL}"/>'
        for row in range(rows)
        for column in range(columns)
    )


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{content}</text>'


def arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A curve from left to right, or right to left, with a tip."""
    middle, tip = (x + to_x) / 2, 5 if to_x > x else -5
    return (
        f'<path class="arrow" d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x - tip} {to_y}"/>'
        f'<path class="tip" d="M{to_x} {to_y}l{-tip} -3v6z"/>'
    )


def drawing(height: int, *parts: str) -> str:
    return f'<svg viewBox="0 0 330 {height}" width="330" aria-hidden="true">{"".join(parts)}</svg>'


def batch(x: float, y: float) -> str:
    """The ids of a batch, one below the other."""
    return "".join(
        f'<rect class="cell" x="{x}" y="{y + 26 * at}" width="22" height="18"/>{text(x + 11, y + 13 + 26 * at, str(word))}'
        for at, word in enumerate(WORDS)
    )


def lookup() -> str:
    arrows = [arrow(46, 44 + 26 * at, 104, 32 + CELL * word) for at, word in enumerate(WORDS)]
    arrows += [arrow(172, 32 + CELL * word, 236, 41 + 26 * at) for at, word in enumerate(WORDS)]
    return drawing(
        128, text(35, 12, "idx", "name"), text(138, 12, "W", "name"), text(270, 12, "W[idx]", "name"), batch(24, 35),
        table(106, 26, 6, 5, WORDS), *(table(238, 35 + 26 * at, 1, 5, [0]) for at in range(3)), *arrows,
        text(35, 122, "B words", "hint"), text(138, 122, "V rows × H numbers", "hint"), text(270, 122, "B rows", "hint"),
    )  # fmt: skip


def one_hot() -> str:
    """A product in which every row of the table is read, and all but one are multiplied by zero."""
    vector = "".join(
        f'<rect class="{"on" if row == 3 else "cell"}" x="{44 + CELL * row}" y="58" width="{CELL}" height="{CELL}"/>'
        f"{text(50.5 + CELL * row, 84, str(int(row == 3)), 'hint')}"
        for row in range(6)
    )
    return drawing(
        128, text(83, 48, "one-hot", "name"), vector, text(140, 69, "×"), text(190, 12, "W", "name"), table(158, 26, 6, 5, range(6)),
        arrow(224, 65, 246, 65), table(248, 58, 1, 5, [0]), text(280, 48, "a row", "name"),
        text(83, 122, "V numbers", "hint"), text(190, 122, "all V rows are read", "hint"),
    )  # fmt: skip


BAG_OF = (0, 0, 1)
"""The bag of each drawn word."""
BAG_Y = (54, 93)
"""Where the row of each bag is drawn: beside its words."""


def bags(x: float) -> str:
    """A bracket beside the ids of each bag."""
    return "".join(f'<path class="arrow" d="M{x + 4} {top}h-4v{height}h4"/>' for top, height in ((36, 42), (88, 16)))


def lookup_bag() -> str:
    arrows = [arrow(46, 44 + 26 * at, 104, 32 + CELL * word) for at, word in enumerate(WORDS)]
    arrows += [arrow(172, 32 + CELL * word, 236, BAG_Y[bag] + 6) for word, bag in zip(WORDS, BAG_OF, strict=True)]
    return drawing(
        128, text(35, 12, "idx", "name"), text(138, 12, "W", "name"), text(270, 12, "sums", "name"), bags(16), batch(24, 35),
        table(106, 26, 6, 5, WORDS), *(table(238, y, 1, 5, [0]) for y in BAG_Y), *arrows,
        text(35, 122, "B bags", "hint"), text(138, 122, "V rows × H numbers", "hint"), text(270, 122, "B rows", "hint"),
    )  # fmt: skip


def scatter(columns: int = 5, of: str = "V rows; a repeated word gets both") -> str:
    arrows = [arrow(27 + CELL * columns, 41 + 26 * at, 194, 32 + CELL * word) for at, word in enumerate(WORDS)]
    return drawing(
        128, text(56, 12, "dout", "name"), text(228, 12, "dW", "name"),
        *(table(24, 35 + 26 * at, 1, columns, [0]) for at in range(3)), table(196, 26, 6, columns, WORDS), *arrows,
        text(24, 122, "B gradients", "hint", "start"), text(222, 122, of, "hint"),
    )  # fmt: skip


def scatter_rows() -> str:
    places = {word: at for at, word in enumerate(sorted({*WORDS}))}
    arrows = [arrow(92, 41 + 26 * at, 194, 45 + 26 * places[word]) for at, word in enumerate(WORDS)]
    rows = [(table(196, 39 + 26 * at, 1, 5, [0]), text(276, 50 + 26 * at, str(word))) for word, at in places.items()]
    return drawing(
        128, text(56, 12, "dout", "name"), text(228, 12, "rows and words", "name"),
        *(table(24, 35 + 26 * at, 1, 5, [0]) for at in range(3)), *(part for row in rows for part in row), *arrows,
        text(24, 122, "B gradients", "hint", "start"), text(222, 122, "touched rows only, each once", "hint"),
    )  # fmt: skip


def scatter_bag() -> str:
    arrows = [arrow(92, BAG_Y[bag] + 6, 194, 32 + CELL * word) for word, bag in zip(WORDS, BAG_OF, strict=True)]
    return drawing(
        128, text(56, 12, "dout", "name"), text(228, 12, "dW", "name"), *(table(24, y, 1, 5, [0]) for y in BAG_Y),
        table(196, 26, 6, 5, WORDS), *arrows,
        text(24, 122, "B gradients", "hint", "start"), text(222, 122, "V rows; a bag’s words all get its gradient", "hint"),
    )  # fmt: skip


def output() -> str:
    return drawing(
        128, text(56, 12, "h", "name"), text(150, 12, "W_out", "name"), text(256, 12, "scores", "name"),
        table(24, 51, 1, 5, [0]), arrow(92, 58, 114, 58), table(116, 26, 6, 5, (0, 2, 5)),
        *(arrow(184, 32 + CELL * row, 244, 32 + CELL * row) for row in (0, 2, 5)), *(table(246, 26 + CELL * row, 1, 1, [0]) for row in (0, 2, 5)),
        text(266, 36, "target", "hint", "start"), text(266, 62, "negative", "hint", "start"), text(266, 101, "negative", "hint", "start"),
        text(150, 122, "only the target and K others are scored", "hint"),
    )  # fmt: skip


def softmax() -> str:
    rows = range(6)
    return drawing(
        128, text(56, 12, "h", "name"), text(150, 12, "W_out", "name"), text(256, 12, "scores", "name"),
        table(24, 51, 1, 5, [0]), arrow(92, 58, 114, 58), table(116, 26, 6, 5, rows),
        *(arrow(184, 32 + CELL * row, 244, 32 + CELL * row) for row in rows), table(246, 26, 6, 1, [2]),
        text(266, 62, "target", "hint", "start"), text(150, 122, "all V rows are scored", "hint"),
    )  # fmt: skip


def sampling() -> str:
    heights = (72, 52, 40, 30, 24, 19, 15, 12, 10, 8, 7, 6, 5, 5, 4, 4)
    bars = (
        f'<rect class="{"on" if at in (0, 3, 9) else "cell"}" x="{24 + 13 * at}" y="{98 - height}" width="11" height="{height}"/>'
        for at, height in enumerate(heights)
    )
    return drawing(
        128, text(24, 12, "p ∝ count^0.75", "name", "start"), *bars, text(240, 62, "K drawn,", "hint", "start"),
        text(240, 78, "not the target", "hint", "start"),
        text(128, 116, "V words, the most frequent first", "hint"),
    )  # fmt: skip


def update() -> str:
    return drawing(
        128, text(56, 12, "gradient", "name"), text(228, 12, "W", "name"), *(table(24, 35 + 26 * at, 1, 5, [0]) for at in (0, 1)),
        arrow(92, 42, 194, 45), arrow(92, 68, 194, 71), text(143, 34, "− rate ×", "hint"), table(196, 26, 6, 5, (1, 3)),
        text(56, 122, "rows that occurred", "hint"), text(228, 122, "V rows", "hint"),
    )  # fmt: skip


def dense_update() -> str:
    return drawing(
        128, text(56, 12, "gradient", "name"), text(228, 12, "W", "name"), table(24, 26, 6, 5, range(6)),
        arrow(92, 65, 194, 65), text(143, 50, "− rate ×", "hint"), table(196, 26, 6, 5, range(6)),
        text(24, 122, "V rows, most of them 0", "hint", "start"), text(250, 122, "all V rows change", "hint"),
    )  # fmt: skip


def training() -> str:
    widths, words, x, boxes = (30, 34, 62, 26, 34), ("we", "the", "people", "of", "the"), 24, []
    middles = []
    for width, word in zip(widths, words, strict=True):
        centre = word == "people"
        boxes.append(
            f'<rect class="{"black" if centre else "cell"}" x="{x}" y="62" width="{width}" height="22" rx="3"/>'
            f"{text(x + width / 2, 77, word, 'inverse' if centre else '')}"
        )
        middles.append(x + width / 2)
        x += width + 8
    arcs = (
        f'<path class="arrow" d="M{middles[2]} 60C{middles[2]} {34 - abs(at - 2) * 6} {middle} {34 - abs(at - 2) * 6} {middle} 58"/>'
        for at, middle in enumerate(middles)
        if at != 2
    )
    return drawing(
        128, text(24, 12, "a word and the words around it…", "hint", "start"), *arcs, *boxes,
        text(24, 106, "…told from K words drawn at random", "hint", "start"), text(24, 123, "tariff   ocean   nine   who   peace", "hint", "start"),
    )  # fmt: skip


DIAGRAMS: dict[str, Callable[[], str]] = {
    "one-hot": one_hot,
    "lookup": lookup,
    "lookup.bag": lookup_bag,
    "scatter": scatter,
    "scatter.rows": scatter_rows,
    "scatter.bag": scatter_bag,
    "scatter.scalar": partial(scatter, 1, "V numbers; a repeated word gets both"),
    "output.softmax": softmax,
    "output": output,
    "sampling": sampling,
    "update": update,
    "update.adam": dense_update,
    "training": training,
}
"""By the names that kernels give their drawings."""


def diagram(name: str) -> str:
    """Return a drawing; empty where there is none of this name."""
    return DIAGRAMS.get(name, str)()
