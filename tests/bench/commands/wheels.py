"""A folder of wheels of a small package, ``gathers``: its releases differ in how long they take."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

FAST = "def rows(W, idx):\n    return W[idx]\n"
SLOW = "def rows(W, idx):\n    for _ in range(60):\n        out = W[idx]\n    return out\n"
FAILS = "raise ImportError('built for another machine')\n"
MINE = """import gathers
import numpy as np
from w2vbench.impls.lookup import lookup


@lookup.implementation("theirs", "by the package")
def theirs(W, idx):
    return gathers.rows(W, idx)


@lookup.implementation("own", "without it")
def own(W, idx):
    return np.take(W, idx, axis=0)
"""
"""A file of two implementations, of which one uses the package."""


def wheels(folder: Path, releases: Mapping[str, str]) -> Path:
    """Write a wheel of each release with its source code, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for version, code in releases.items():
        info = f"gathers-{version}.dist-info"
        files = {
            "gathers.py": f'__version__ = "{version}"\n{code}',
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: gathers\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        with zipfile.ZipFile(folder / f"gathers-{version}-py3-none-any.whl", "w") as wheel:
            for name, text in files.items():
                wheel.writestr(name, text)
    return folder
