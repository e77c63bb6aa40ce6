"""What a repository writes about its implementations: ``[tool.w2vbench]`` in its pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .impls.messages import UserError

EXAMPLE = 'implementations = ["kernels.py"]'


def implementation_files(start: Path) -> list[Path]:
    """Return the files that the nearest pyproject.toml names, in this folder or above; an empty list if it names none.

    Raises
    ------
    UserError
        If the file cannot be read, or says something else than a list of files.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            table = table_of(file)
            if table is not None:
                return [folder / name for name in names(table, file)]
        if (folder / ".git").exists():
            break
    return []


def table_of(file: Path) -> Any:
    """Return the ``[tool.w2vbench]`` of a pyproject.toml, or None."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {' '.join(str(error).split())}") from error
    tool = content.get("tool")
    return tool.get("w2vbench") if isinstance(tool, dict) else None


def names(table: Any, file: Path) -> list[str]:
    """Return the names of files in a table of settings."""
    if not isinstance(table, dict) or "implementations" not in table:
        raise UserError(f"{file}: [tool.w2vbench] names no implementations: write {EXAMPLE}")
    if unknown := sorted({*table} - {"implementations"}):
        raise UserError(f"{file}: [tool.w2vbench] has an unknown setting {unknown[0]!r}; there is implementations")
    value = table["implementations"]
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise UserError(f"{file}: [tool.w2vbench] implementations must be a list of files: write {EXAMPLE}")
    return value
