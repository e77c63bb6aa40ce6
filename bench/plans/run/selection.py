"""Which kernels and cases --kernel and --only select."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from w2vbench.impls.catalogue.discovery import kernel_names


@dataclass(frozen=True)
class Selection:
    """Select kernels by name and cases by glob. An empty selection selects everything."""

    # Names of kernels (``scatter.dense``) or of families (``scatter``). A name that is a kernel's own means this kernel
    # alone: ``lookup`` is not ``lookup.bag``.
    kernels: Sequence[str] = ()
    # globs of whole case names, of ``kernel/implementation``, or of the implementation's slug
    globs: Sequence[str] = ()

    def has_kernel(self, name: str) -> bool:
        families = [one for one in self.kernels if one not in kernel_names()]
        return not self.kernels or name in self.kernels or name.partition(".")[0] in families

    def has_case(self, case: str) -> bool:
        """Whether the globs select a case, whatever its kernel."""
        name = case.partition("@")[0]
        names = case, name, name.rpartition("/")[2]
        return not self.globs or any(fnmatchcase(name, glob) for name in names for glob in self.globs)

    @staticmethod
    def matches_nothing(where: str) -> str:
        """Return the message for a selection that matches no case. where: ``at either revision``."""
        return f"no case matches --kernel and --only{' ' * bool(where)}{where}; w2vbench list shows the names"


def no_such_kernel(asked: Sequence[str], names: Sequence[str]) -> str:
    """Return what to say of the first name that is no kernel and no family of kernels; an empty string if all are."""
    names = list(dict.fromkeys(names))
    for kernel in asked:
        if any(Selection([kernel]).has_kernel(name) for name in names):
            continue
        families = dict.fromkeys(name.partition(".")[0] for name in names)
        by_ending = {
            **{name.rpartition(".")[2]: name for name in names},
            **{name: name for name in (*names, *families)},
        }
        near = [name for name in by_ending if name.startswith(kernel)] or get_close_matches(kernel, by_ending, 1)
        guess = f"did you mean {by_ending[near[0]]}? " if near else ""
        return f"no kernel {kernel!r}; {guess}there are {', '.join(names)}"
    return ""


def hint_for(key: str, keys: Iterable[str]) -> str:
    """Return what to write instead of a key that no implementation has."""
    keys = list(keys)
    kernel, _, name = key.partition("/")
    names = [one.partition("/")[2] for one in keys if one.startswith(f"{kernel}/")]
    if not names:
        near = get_close_matches(key, keys, 1)
        return f"did you mean {near[0]}?" if near else "w2vbench list shows the names (write them as in lookup/gather)"
    near = get_close_matches(name, names, 1)
    return (
        f"did you mean {kernel}/{near[0]}?"
        if near
        else f"{kernel} has {', '.join(names)}; one of your own needs --impl FILE"
    )
