"""Pages from their templates, which escape all texts of a result file."""

from __future__ import annotations

from typing import Any

KINDS = {"textbook": "textbook", "NumPy/SciPy": "numpy", "compiled": "compiled", "framework": "framework"}
"""Families of implementations, and the class of their marks on a page."""


def render(template: str, **values: Any) -> str:
    """Return a page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reports", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code
    return environment.get_template(template).render(**values)


def code(text: str) -> str:
    """Return a sentence as HTML, in which backticks mark code."""
    from markupsafe import Markup

    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
