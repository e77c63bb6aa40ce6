"""``docs/result-file.md``: the result file's fields, from its pydantic models, and the tables that are read from it."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from pydantic import BaseModel
from w2vbench.reports.file.frame import COLUMNS
from w2vbench.reports.file.samples import COLUMNS as SAMPLE_COLUMNS
from w2vbench.reports.file.schema.result import ResultFile

from .tables import code, comments, paragraph, table

HEAD = """# The result file

`reports/out/result.json` has everything that the page shows. It is a file of pytest-benchmark, with more in it: services that
read those read ours. Times are in seconds, memory is in bytes, and names say so. Of a file with more fields than these, all
are kept.

Most readers want [a table](#as-a-table) of it, and not its fields."""


def page() -> str:
    schema = ResultFile.model_json_schema()
    parts = {ResultFile.__name__: schema, **schema["$defs"]}
    return "\n".join(
        [
            HEAD,
            "",
            "## As a table",
            "",
            '`w2vbench.load("result.json")` gives a row for each case; cases.csv has the same columns. Figures that were not measured are NaN.',
            "",
            *table(("column", "what it is"), [(code(name), text) for name, text in COLUMNS.items()]),
            "",
            "## Every sample",
            "",
            '`w2vbench.load_samples("result.json")` gives a row for each sample.',
            "",
            *table(("column", "what it is"), [(code(name), text) for name, text in SAMPLE_COLUMNS.items()]),
            "",
            "## Fields",
            "",
            *(line for name in in_reading_order(parts) for line in section(name, parts[name])),
        ]
    )


def in_reading_order(parts: dict[str, Any]) -> list[str]:
    """A part before those that it is made of."""
    order, waiting = [], [ResultFile.__name__]
    while waiting:
        name = waiting.pop(0)
        if name not in order:
            order.append(name)
            waiting = [*referred(parts[name].get("properties", {})), *waiting]
    return order


def referred(schema: Any) -> list[str]:
    """The parts that a schema refers to."""
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
        return own + [name for value in schema.values() for name in referred(value)]
    return [name for value in schema for name in referred(value)] if isinstance(schema, list) else []


def model(name: str) -> type:
    """The class of a part: a model of pydantic, or a dataclass."""
    modules = [module for at, module in sys.modules.items() if at.startswith("w2vbench.reports.")]
    found: type = next(getattr(module, name) for module in modules if hasattr(module, name))
    return found


def section(name: str, part: dict[str, Any]) -> list[str]:
    described = "" if part.get("description") == BaseModel.__doc__ else part.get("description", "")
    text = paragraph(described)
    said: dict[str, str] = {}
    for base in reversed(model(name).__mro__):
        if base.__module__.startswith("w2vbench"):
            said |= comments(inspect.getsource(base))
    required = part.get("required", [])
    rows: list[tuple[str, ...]] = []
    for field, of in part.get("properties", {}).items():
        missing = "" if field in required else f"; if missing, {default(of)}"
        facts = f"{kind(of)}{missing}", said.get(field, "")
        if facts[1] and rows and rows[-1][1:] == facts:  # fields that are explained together
            rows[-1] = (f"{rows[-1][0]}, {code(field)}", *facts)
        else:
            rows.append((code(field), *facts))
    columns = 3 if any(row[2] for row in rows) else 2
    header = ("field", "type", "meaning")[:columns]
    fields = table(header, [row[:columns] for row in rows])
    return [f"### {name}", "", *([text, ""] if text else []), *fields, ""]


def default(of: dict[str, Any]) -> str:
    if "default" not in of:
        return "empty"
    match of["default"]:
        case None:
            return "null"
        case bool(truth):
            return code(str(truth).lower())
        case int() | float() as number:
            return code(f"{number:g}")
        case text:
            return code(text) if isinstance(text, str) and text else "empty"


def kind(of: dict[str, Any]) -> str:
    """A type as a reader of JSON calls it, with links to parts of the file."""
    if "$ref" in of:
        name = of["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in of:
        return " or ".join(dict.fromkeys(kind(one) for one in of["anyOf"]))
    if "enum" in of:
        return ", ".join(code(str(one)) for one in of["enum"])
    match of.get("type"):
        case "array" if "prefixItems" in of:
            return f"[{', '.join(kind(one) for one in of['prefixItems'])}]"
        case "array":
            return f"list of {kind(of.get('items', {}))}"
        case "object" if isinstance(of.get("additionalProperties"), dict):
            return f"object of {kind(of['additionalProperties'])}"
        case "integer":
            return "whole number"
        case str(simple):
            return {"string": "text", "boolean": "true or false"}.get(simple, simple)
        case _:
            return "any"
