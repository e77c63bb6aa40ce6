"""Which installed distributions some code uses: those that it imports, and what these require."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

OURS = "w2vbench"
"""This program itself, whose code is followed."""


def used_by(modules: Iterable[str]) -> frozenset[str]:
    """Return the names of the distributions that modules belong to, with all that they require.

    Names of modules that no distribution has, such as the standard library's, are left out.
    """
    tops = {module.partition(".")[0] for module in modules}
    found = {canonical(name) for top in tops for name in provided().get(top, ())} - {OURS}
    return frozenset(found.union(*map(required_by, found)))


@cache
def provided() -> dict[str, list[str]]:
    return dict(packages_distributions())


@cache
def required_by(distribution: str) -> frozenset[str]:
    """Return all that a distribution requires, directly or not, except for its extras."""
    found: set[str] = set()
    left = [distribution]
    while left:
        for name in direct(left.pop()) - found:
            found.add(name)
            left.append(name)
    return frozenset(found)


def direct(distribution: str) -> set[str]:
    try:
        wanted = requires(distribution) or ()
    except PackageNotFoundError:
        return set()
    return {canonical(one) for one in wanted if "extra ==" not in one}


def canonical(requirement: str) -> str:
    """Return a distribution's name as package indexes write it: ``scikit-learn`` for ``Scikit_Learn>=1``."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
