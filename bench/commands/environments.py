"""``w2vbench environments``: the environments that comparisons of packages made and kept."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import Json


@app.command(epilog="Example: w2vbench environments --remove all frees the space")
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
    from w2vbench.bench.plans.packages import environments as kept
    from w2vbench.bench.plans.run.request import PlanError

    from .terminal import printing as show

    every = {one.name: one for one in kept.kept()}
    if unknown := [name for name in remove or () if name not in every and name != "all"]:
        raise PlanError(
            f"no environment {unknown[0]!r} is kept in {kept.cache_folder()}: w2vbench environments lists them"
        )
    if remove:
        gone = [kept.remove(name) for name in dict.fromkeys(remove) if name != "all"]
        removed, used = gone.count(True), gone.count(False)
        if "all" in remove:
            more, used = kept.remove_all()
            removed += more
        show.note(f"removed {removed} from {kept.cache_folder()}")
        if used:
            raise PlanError(f"{used} could not be removed, since another command is using them: wait for it to end")
    left = kept.kept()
    if json:
        print(json_format.dumps([kept.facts(one) for one in left], indent=1))
    elif not remove:
        show.environments(left, str(kept.cache_folder()))
