"""Which kernels and cases --kernel and --only select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from impls.catalogue import ORDER


@dataclass(frozen=True)
class Selection:
    """Select kernels by name and cases by glob. An empty selection selects everything.

    Attributes
    ----------
    kernels
        Names of kernels (``scatter.dense``) or of families (``scatter``). A name that is a kernel's own means this kernel
        alone: ``lookup`` is not ``lookup.bag``.
    globs
        Globs of whole case names, of ``kernel/implementation``, or of the implementation's slug.
    """

    kernels: Sequence[str] = ()
    globs: Sequence[str] = ()

    def has_kernel(self, name: str) -> bool:
        families = [one for one in self.kernels if one not in ORDER]
        return not self.kernels or name in self.kernels or name.partition(".")[0] in families

    def has_case(self, case: str) -> bool:
        """Whether the globs select a case, whatever its kernel."""
        name = case.partition("@")[0]
        names = case, name, name.rpartition("/")[2]
        return not self.globs or any(fnmatchcase(name, glob) for name in names for glob in self.globs)
