"""What is meant by --kernel and --only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Selection:
    """kernels: names of kernels (``scatter.dense``) or of families (``scatter``). globs: of cases, of their names without the
    size, or of the implementation's alone. Of none, everything is meant."""

    kernels: Sequence[str] = ()
    globs: Sequence[str] = ()

    def has_kernel(self, name: str) -> bool:
        return not self.kernels or not {name, name.partition(".")[0]}.isdisjoint(self.kernels)

    def has_case(self, case: str) -> bool:
        """Whether a case is meant, going by the globs alone."""
        name = case.partition("@")[0]
        names = case, name, name.rpartition("/")[2]
        return not self.globs or any(fnmatchcase(name, glob) for name in names for glob in self.globs)
