"""Pages from their templates, which escape all texts of a result file."""

from __future__ import annotations

from typing import Any


def render(template: str, **values: Any) -> str:
    """Return a page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
