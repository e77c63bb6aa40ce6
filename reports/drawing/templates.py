"""Pages from their templates, which escape all texts of a result file."""

from __future__ import annotations

from typing import Any

KINDS = {"textbook": "textbook", "NumPy/SciPy": "numpy", "compiled": "compiled", "framework": "framework"}
"""Families of implementations, and the class of their marks on a page."""


MARKS = {
    "textbook": '<path class="mark textbook" d="M2.3 2.3h7.4v7.4h-7.4z"/>',
    "numpy": '<circle class="mark numpy" cx="6" cy="6" r="4.2"/>',
    "compiled": '<path class="mark compiled" d="M6 .8L11.2 6L6 11.2L.8 6z"/>',
    "framework": '<path class="mark framework" d="M6 1.2L10.8 9.8L1.2 9.8z"/>',
}
"""Each family's mark, in a box of 12 by 12."""


def render(template: str, **values: Any) -> str:
    """Return a page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("w2vbench.reports", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code
    environment.filters["command"] = command
    environment.globals["marks"] = {kind: Markup(drawn) for kind, drawn in MARKS.items()}
    return environment.get_template(template).render(**values)


def code(text: str) -> str:
    """Return a sentence as HTML, in which backticks mark code."""
    from markupsafe import Markup

    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def command(text: str) -> str:
    """Return a command as HTML, on a line of its own that breaks between words and not behind an option's hyphens."""
    from markupsafe import Markup

    words = Markup(" ").join(Markup("<span>{}</span>").format(word) for word in text.split(" "))
    return Markup('<code class="command">{}</code>').format(words)
