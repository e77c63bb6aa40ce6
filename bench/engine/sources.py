"""The sides of a comparison from inside a worker: their trees loaded in one process, listed, and raced in pairs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine import memory
from bench.engine.contract import ERROR, OK, OUT_OF_MEMORY, PAST_LIMIT, WRONG, check_problem, compiling, describe
from bench.engine.lane import Lane, lane_of
from bench.engine.timing import Emit, calibrate, race, sampled
from bench.engine.verify import Failed, Verifier
from bench.engine.watch import Guard, names, patched
from impls import catalogue
from impls.identity import implementation_identity
from impls.interface import INTERFACE_VERSION, Implementation, Problem
from impls.trees import Tree

from .data_files import built_from, read_by

CHECKED = ("base", "head")
"""Lanes whose results are checked before they are timed: the control's code is BASE's."""
ALIKE = 2.0
"""Lanes whose calls a sample differ by no more than this factor make the same number."""


@dataclass(frozen=True)
class Side:
    """What one tree has. package: name of the copy of ``impls`` that its kernels come from. root: what it may differ in."""

    implementations: dict[str, Implementation]
    package: str
    root: Path

    def make(self, kernel: str, size: str, corpus: Path, seed: list[int]) -> Problem:
        """The inputs of a kernel at a size, as this side makes them."""
        case, words = import_module(f"{self.package}.case"), import_module(f"{self.package}.words")
        owner = next(i.kernel for i in self.implementations.values() if i.kernel.name == kernel)
        return owner.make(case.Size.parse(size), words.Corpus.load(corpus), np.random.default_rng(seed))


def load(side: dict[str, Any], name: str) -> Side:
    """A side's implementations: the package in its tree, or the files that are named. Raises whatever is wrong there."""
    tree = Path(side["tree"])
    if not side["files"]:
        folder = tree / "impls"
        package = f"w2vbench_{name}"
        found, root = catalogue.copied(folder, package), folder
    else:
        beside = [folder for folder in (tree, tree / "src") if folder.is_dir()]
        files = [file for file in map(Path, side["files"]) if file.is_file()]
        found = [i for file in files for i in catalogue.from_file(file, beside, name)]
        package, root = catalogue.__name__.rpartition(".")[0], tree
    keys = [i.key for i in found]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise catalogue.CatalogueError(f"two implementations are called {twice}: rename one")
    return Side(dict(zip(keys, found, strict=True)), package, root)


def listing(spec: dict[str, Any], emit: Emit) -> None:
    """What each side has, and a digest of the code of each implementation."""
    for name, other in (("base", "head"), ("head", "base")):
        emit("stage", name=f"loading {name.upper()}", lane=None)
        try:
            side = load(spec[name], name)
            trees = Path(spec[name]["tree"]), Path(spec[other]["tree"])
            found = [described(i, side.root, *trees, spec["differing"]) for i in side.implementations.values()]
            version = sys.modules[f"{side.package}.interface"].INTERFACE_VERSION
            if version != INTERFACE_VERSION:
                raise catalogue.CatalogueError(
                    f"its interface is of version {version}, and this w2vbench measures version {INTERFACE_VERSION}: "
                    "compare with the w2vbench of that revision"
                )
        except BaseException as error:  # SystemExit too: it is that side's doing, not the other's
            meant = str(error) if type(error).__name__ == "CatalogueError" else describe(error)  # the copy's class too
            emit("side", name=name, error=meant, implementations=[], interface=None)
            continue
        emit("side", name=name, error="", implementations=found, interface=version)
    emit("done")


def described(
    implementation: Implementation, root: Path, top: Path, other: Path, differing: Sequence[str] = ()
) -> dict[str, Any]:
    """What the parent needs to know of an implementation.

    root: what its code is followed in, a part of the tree below top. other: the other side's tree, of which it must use nothing.
    differing: files that differ between the trees.
    """
    kernel = implementation.kernel
    file, _, line = catalogue.source(implementation).rpartition(":")
    found = implementation_identity(implementation, Tree(root, (root, root / "src", Path(file).parent)))
    strays = [] if root.is_relative_to(other) else sorted(filter(Tree(other).has_file, found.outside))
    inside = [name for name in differing if (top / name).is_relative_to(root)]
    return {
        "key": implementation.key,
        "kernel": kernel.name,
        "dimensions": kernel.dimensions,
        "signature": [*kernel.parameters],
        "slug": implementation.slug,
        "title": implementation.title,
        "baseline": implementation.baseline,
        "wrong": implementation.wrong,
        "missing": catalogue.missing(implementation),
        "identity": found.digest,
        "late_imports": [*found.late],
        "strays": [str(Path(file).resolve().relative_to(other.resolve())) for file in strays],
        "data": read_by(found, Path(file), top, inside),
        "built": built_from(found, Path(file), top, inside),
        "effects": [
            [f"{Path(at).resolve().relative_to(top.resolve())}:{one.line}", one.text] for at, one in found.effects
        ],
        "file": file,
        "line": int(line),
    }


def launch(spec: dict[str, Any], emit: Emit) -> None:
    """Race each contest's lanes, problem after problem in a random order.

    All inputs come from HEAD, and each launch has its own. A lane that fails ends the launch, which is then run again
    without its case. The sides are loaded in a random order: what is loaded first may lie better in memory, or have its
    types known to numba first.
    """
    emit("stage", name="loading both sides", lane=None)
    seed = [spec["seed"], spec["launch"]]
    order = np.random.default_rng([*seed, 1])
    which = list(dict.fromkeys(side for _, side, _ in spec["lanes"]))
    sides, patches = {}, {}
    for side in (which[at] for at in order.permutation(len(which))):
        sides[side] = load(spec[side], side)
        patches[side] = names().put_back()
    emit("waits")
    try:
        for lane, side, _ in spec["lanes"]:
            if patches[side] and spec["problems"]:
                one = spec["problems"][0]
                case = f"{one['kernel']}/{one['slugs'][0]}@{one['size']}|{lane}"
                raise Failed(case, WRONG, f"{patched(patches[side])} when its file is loaded")
        for at in order.permutation(len(spec["problems"])):
            one = spec["problems"][at]
            emit("stage", name="inputs", lane=None)
            problem = sides["head"].make(one["kernel"], one["size"], Path(spec["corpus"]), seed)
            contest(one, problem, sides, spec, order, emit)
    except Failed as failure:
        emit("out", lane=failure.lane, status=failure.status, reason=failure.reason)
        return
    emit("done")


def contest(
    one: dict[str, Any],
    problem: Problem,
    sides: dict[str, Side],
    spec: dict[str, Any],
    order: np.random.Generator,
    emit: Emit,
) -> None:
    """The cases of one problem: each a group of lanes of the same number of calls and rounds."""
    groups, verifiers = [], {}
    own = next(i.kernel for i in sides["head"].implementations.values() if i.kernel.name == one["kernel"])
    guard = Guard(own, problem, careful=False)
    looks, first = np.random.default_rng(int(order.integers(1 << 32))), int(order.integers(len(problem.batches)))
    for at in order.permutation(len(one["slugs"])):
        slug = one["slugs"][at]
        case = f"{one['kernel']}/{slug}@{one['size']}"
        group = []
        for place in order.permutation(len(spec["lanes"])):
            name, side, slowed = spec["lanes"][place]
            key = f"{one['kernel']}/{slug}"
            kernel = sides["head"].implementations[key].kernel  # whose reference both are checked against
            implementation = replace(sides[side].implementations[key], kernel=kernel)
            group.append(
                let_in(
                    f"{case}|{name}",
                    implementation,
                    problem,
                    slowed,
                    spec["check"] and name in CHECKED,
                    emit,
                    guard,
                    first,
                )
            )
            verifiers[group[-1].name] = Verifier(group[-1], looks)
        emit("stage", name="calibration", lane=group[0].name)
        agree(group, spec["plan"].get(case, {}), verifiers, spec)
        groups.append(group)
    timed = race(groups, order, verifiers, emit)
    if reason := guard.blame(whole=True):
        again = (Verifier(lane, looks, Guard(own, problem, careful=True)) for group in groups for lane in group)
        for verifier in again:
            sampled(verifier.lane, verifier.lane.calls, verifier, wanted=False)
        raise RuntimeError(f"an implementation {reason}, and none does so again")
    for group in groups:
        for lane in group:
            wall, cpu = timed[lane.name]
            plan = {"calls": lane.calls, "rounds": lane.rounds, "prepare_s": lane.prepare_s}
            emit("timed", lane=lane.name, **plan, wall_s=wall, cpu_s=cpu)
    if spec["check"]:
        weighed = [lane.name for group in groups for lane in group]
        groups.clear()
        verifiers.clear()
        del group, lane  # workspaces are let go, so that a child has room for its own
        problem.buffers.clear()
        weigh(weighed, one["kernel"], problem, sides, spec, emit)


def let_in(
    name: str,
    implementation: Implementation,
    problem: Problem,
    slowed: float,
    checked: bool,
    emit: Emit,
    guard: Guard,
    place: int,
) -> Lane:
    """Prepare a lane, and check it where asked. Raises Failed."""
    emit("stage", name="prepare", lane=name, patience=compiling(implementation))
    try:
        lane = lane_of(name, implementation, problem, slowed, place)
        if reason := guard.blame():
            raise Failed(name, WRONG, f"{reason} in its prepare")
        if checked:
            emit("stage", name="check", lane=name)
            verdict = check_problem(implementation, problem, lane.function, lane.last)
            problem.reset()
            if reason := guard.blame():
                raise Failed(name, WRONG, f"{reason} in a call")
            if verdict.status != OK:
                raise Failed(name, status=verdict.status, reason=verdict.reason)
    except Failed:
        raise
    except MemoryError as error:
        raise Failed(name, status=OUT_OF_MEMORY, reason=PAST_LIMIT) from error
    except Exception as error:
        raise Failed(name, status=ERROR, reason=describe(error)) from error
    return lane


def agree(
    group: Sequence[Lane], plan: dict[str, list[int]], verifiers: dict[str, Verifier], spec: dict[str, Any]
) -> None:
    """Find how many calls each lane of a group makes a sample, and give all the same number of rounds; or take the plan's.

    Lanes that are about as fast make the same number of calls, so that what a sample costs beside them cancels out.
    """
    for lane in group:
        lane.calls, lane.rounds = plan.get(lane.name.rpartition("|")[2]) or (1, 0)
        calibrate(lane, spec, verifiers[lane.name])
    if not plan:
        first = next(lane for lane in group if lane.name.endswith("|base"))
        for lane in group:
            if first.calls / ALIKE <= lane.calls <= first.calls * ALIKE:
                lane.calls = first.calls
        rounds = min(lane.rounds for lane in group)
        for lane in group:
            lane.rounds = rounds


def weigh(
    names: Sequence[str], kernel: str, problem: Problem, sides: dict[str, Side], spec: dict[str, Any], emit: Emit
) -> None:
    """Each lane's peak memory, in a child of its own."""
    side_of = {name: side for name, side, _ in spec["lanes"]}
    for name in names:
        case, _, lane = name.rpartition("|")
        emit("stage", name="memory", lane=None)
        implementation = sides[side_of[lane]].implementations[case.partition("@")[0]]
        found = memory.measure(implementation, problem, spec["time_limit_s"] / 2)
        figures = {key: found.get(key) for key in ("peak_bytes", "resident_bytes")}
        emit("memory", lane=name, **figures, needs=implementation.requires)
