"""``w2vbench environments``: the environments that comparisons of packages made and kept."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from .app import app
from .options import Json


@app.command(epilog="Example: [bold]w2vbench environments --remove all[/bold] frees the space")
def environments(
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="NAME",
            help="Delete one, or all of them; may be given several times.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the environments that compare --packages and versions made, with their packages and sizes, or remove them."""
    from bench.commands import terminal as show
    from bench.plans import environments as kept
    from bench.plans.session import PlanError

    every = {one.name: one for one in kept.kept()}
    if unknown := [name for name in remove or () if name not in every and name != "all"]:
        raise PlanError(
            f"no environment {unknown[0]!r} is kept in {kept.cache_folder()}: w2vbench environments lists them"
        )
    chosen = [one for name, one in every.items() if remove and ({name, "all"} & {*remove})]
    for one in chosen:
        kept.remove(one)
    if json:
        listed = [one for one in every.values() if one not in chosen]
        print(json_format.dumps([kept.facts(one) for one in listed], indent=1))
        return
    if remove is not None:
        print(f"removed {len(chosen)} of {len(every)} from {kept.cache_folder()}")
        return
    show.environments(list(every.values()), str(kept.cache_folder()))
