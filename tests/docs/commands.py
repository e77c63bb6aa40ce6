"""``docs/commands.md``: every command with its arguments and options, from the program's own help."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.main import get_command
from w2vbench.bench.main import SUMMARIES, app

from .tables import code, paragraph, table

HEAD = """# Commands

`w2vbench COMMAND --help` prints the same. `python -m w2vbench` is the same program. Exit codes of
[`run`, `quality` and `check`](ci.md#with-pytest) and of [`compare`](ci.md#what-it-does) stand with what
they are for."""


def page() -> str:
    group: Any = get_command(app)
    names = {
        registered.callback: registered.name or registered.callback.__name__
        for registered in app.registered_commands
        if registered.callback
    }
    order = [names[callback] for callback in SUMMARIES if callback in names]
    overview = table(("command", "does"), [(f"[{name}](#{name})", group.commands[name].short_help) for name in order])
    return "\n".join([HEAD, "", *overview, *(line for name in order for line in section(group.commands[name], name))])


def section(command: Any, name: str) -> list[str]:
    context = typer.Context(command, info_name=name)
    usage = " ".join(("w2vbench", name, *command.collect_usage_pieces(context))).replace("{", "").replace("}", "")
    options = [record for one in command.get_params(context) if (record := one.get_help_record(context))]
    # a choice of words without the bars, which a table cannot have
    rows = [
        (code(re.sub(r"<(.*\|.*)>", r"\1", names).replace("|", "/")), plain(sentence(text))) for names, text in options
    ]
    example = [plain(paragraph(command.epilog)), ""] if command.epilog else []
    return [
        "",
        f"## {name}",
        "",
        code(usage),
        "",
        plain(paragraph(command.help)),
        "",
        *example,
        *table(("option", "meaning"), rows),
    ]


def plain(text: str) -> str:
    """Text in which Markdown finds nothing of its own."""
    return re.sub(r"([*<])", r"\\\1", text)


def sentence(help_text: str) -> str:
    """An option's help without the range of its numbers, which says nothing where it is as wide as numbers go."""
    return re.sub(
        r"\s*\[(?:default: ([^;\]]*))?;?\s*(?:[\d.]*<=?x[^\]]*)?\]$", r" [default: \1]", " ".join(help_text.split())
    ).replace(" [default: ]", "")
