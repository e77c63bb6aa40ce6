"""The command ``w2vbench``. What its commands need is imported when one runs, so that help answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,  # Rich's panels take as long to import as all the rest
    pretty_exceptions_enable=False,
    help="Profile and benchmark the kernels inside word2vec, and inside every embedding model: which implementation is fastest at your size, and why.",
    epilog="Start with: w2vbench run --preset quick (half a minute to a minute), then open reports/out/index.html.",
)


def print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"w2vbench {version('w2vbench')}")
        raise typer.Exit


@app.callback()
def w2vbench(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
