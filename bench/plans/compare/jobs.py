"""What workers are asked for in a comparison: where each side comes from, and which cases one job measures, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import ImplementationSource, Measure, MeasurementSettings, MeasureOptions, Variant
from w2vbench.bench.plans.run.presets import GATE
from w2vbench.impls.interface.case import Size
from w2vbench.reports.compare.stages import HEAD

from .differences import ComparedCase
from .samples import CHECKED_SIDES, SIDES, Side, variant_name
from .worktrees import Tree

LEAST_ROUNDS = 5


def sources_of(base: Tree, head: Tree, files: Sequence[Path] = ()) -> dict[str, ImplementationSource]:
    """Return where each side is loaded from. files: outside implementations, relative to the trees."""
    return {
        side.source: ImplementationSource(tree=str(tree.folder), files=tuple(str(tree.folder / file) for file in files))
        for side, tree in zip(SIDES, (base, base, head), strict=True)
    }


def job_of(
    context: RunContext,
    cases: Sequence[ComparedCase],
    sides: Sequence[Side],
    *,
    process: int,
    check: bool,
    **options: Any,
) -> Measure:
    """Return a job that measures some sides of the cases of one problem, with HEAD's inputs.

    Parameters
    ----------
    process
        Its number, which sets the inputs.
    check
        Whether results are checked before they are timed.
    options
        Others of ``MeasureOptions``.
    """
    return Measure(
        **context.job_fields(),
        kernel=cases[0].facts.kernel,
        size=str(cases[0].size),
        inputs=HEAD,
        options=MeasureOptions(process=process, least_rounds=LEAST_ROUNDS, reuse=True, **options),
        cases=tuple(
            tuple(
                Variant(
                    name=variant_name(case, side.name),
                    key=case.facts.key,
                    source=side.source,
                    check=check and side.name in CHECKED_SIDES,
                    slowed=side.slowed,
                )
                for side in sides
            )
            for case in cases
        ),
    )


def by_problem(cases: Sequence[ComparedCase]) -> list[list[ComparedCase]]:
    """Return cases problem by problem."""
    problems: dict[tuple[str, Size], list[ComparedCase]] = {}
    for case in cases:
        problems.setdefault((case.facts.kernel, case.size), []).append(case)
    return list(problems.values())


def gate_settings(context: RunContext) -> MeasurementSettings:
    """Return a context's settings, with samples as a comparison takes them."""
    gate = GATE.settings
    return replace(context.settings, rounds=gate.rounds, sample_s=gate.sample_s, variant_s=gate.variant_s)
