"""``w2vbench``: one command is run; whatever is wrong with its input becomes one line on stderr and exit code 2."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import sys
from collections.abc import Callable
from typing import Any

import typer

from .commands.bisect import bisect
from .commands.calibrate import calibrate
from .commands.check import check
from .commands.compare import compare
from .commands.environments import environments
from .commands.history import history
from .commands.listing import list_
from .commands.profile import profile
from .commands.quality import quality
from .commands.report import report
from .commands.run import run
from .commands.terminal.app import app
from .commands.terminal.streams import open_streams, say
from .commands.train import train
from .commands.tune import tune
from .commands.versions import versions

__all__ = ["app", "main"]

SEVERAL = ("--vocab", "--batch")
"""Options that take several values after one name, in every command."""
SEVERAL_OF = {"run": ("--threads",), "tune": ("--hidden",), "compare": ("--python",)}
"""More of them, by command."""
INTERPRETER = re.compile(r"3\.\d+t?|python[\d.]*t?|[^@]*/.*")
"""A further value of --python: a version, a command, or a path. Requirements may follow: ``numpy @ file:///…``, ``python-dateutil``."""
LONGEST_WORD = 300
"""Characters of a word, or a path, that a message repeats."""


def several(arguments: list[str]) -> list[str]:
    """Repeat an option's name before each of its values: ``--vocab 1 2`` becomes ``--vocab 1 --vocab 2``.

    ``--python`` is repeated before interpreters only, since requirements may follow.
    ``train`` takes options as word2vec.c and gensim write them, too: ``-min-count``, ``--vector_size``.
    """
    if arguments[:1] == ["train"]:
        written = re.compile(r"--?([a-z][a-z_-]+)(=.*)?")
        found = [written.fullmatch(argument) for argument in arguments]
        arguments = [
            f"--{name[1].replace('_', '-')}{name[2] or ''}" if name else argument
            for name, argument in zip(found, arguments, strict=True)
        ]
    spread: list[str] = []
    option, names = "", (*SEVERAL, *SEVERAL_OF.get("".join(arguments[:1]), ()))
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in names else ""
        elif option and spread[-1] != option:
            if option == "--python" and not INTERPRETER.fullmatch(argument):
                option = ""
            else:
                spread.append(option)
        spread.append(argument)
    return spread


def unwrapped(text: str) -> str:
    """A docstring as help shows it: each paragraph one line, to be wrapped as the terminal has room."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


SUMMARIES: dict[Callable[..., Any] | None, str] = {
    list_: "List implementations, and what to install for those that cannot run here.",
    check: "Check implementations, or your own layers of the book.",
    run: "Measure which implementation is fastest at your size, and why.",
    profile: "Profile one implementation, line by line.",
    compare: "Has a change made something slower? Compare two revisions.",
    bisect: "Find the commit that made a case slower.",
    versions: "Find the release of a package that made a case slower.",
    calibrate: "Measure how often compare is right on this machine.",
    history: "Show stored runs over time, and where they changed.",
    report: "Build pages again from a result file, or one page of several machines.",
    tune: "Measure the table from which w2vbench.best() and dispatch() choose.",
    train: "Train word vectors with the fastest implementation.",
    quality: "Compare speed and quality of training.",
    environments: "List or remove what compare --packages and versions installed.",
}
"""The commands, in the order in which help lists them, each in a line; its own help says more."""
ORDER = [*SUMMARIES]
app.registered_commands.sort(key=lambda command: ORDER.index(command.callback))
NAMES = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
for registered in app.registered_commands:
    if registered.callback:
        registered.help = unwrapped(registered.callback.__doc__ or "")
        registered.short_help = SUMMARIES[registered.callback]


PLAIN_WORDS = {
    ": Value error, ": ": ",
    ": Input should": ": it must",
    "be a valid integer, unable to parse string as an integer": "be a whole number",
    "be a valid number, unable to parse string as a number": "be a number",
    "be greater than or equal to": "be at least",
    "be less than or equal to": "be at most",
}
"""What pydantic says of a value, and what that means."""


def in_plain_words(message: str, context: Any) -> str:
    """An error of the parser in plain words. Of a file without an option, it names the option.

    Parameters
    ----------
    context
        The parser's, with the command and its options; None if it is unknown.
    """
    for words, plain in PLAIN_WORDS.items():
        message = message.replace(words, plain, 1)
    extra = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message)
    if not extra:
        return message
    command = getattr(context, "command", None)
    options = {name for parameter in command.params for name in parameter.opts} if command else set()
    option = "--impl" if extra[1].endswith(".py") else "--corpus"
    is_file = extra[1].endswith((".py", ".txt")) or os.path.isfile(extra[1])  # noqa: PTH113 - any word, however long
    hint = f": write {option} {shlex.quote(extra[1])}" if is_file and option in options and " " not in extra[1] else ""
    return f"unexpected argument {extra[1]}{hint}"


def said(error: BaseException) -> str:
    """What is wrong with the input, in a line. Raises the error again if the input is not to blame."""
    if isinstance(error, typer.TyperException):
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        context = getattr(error, "ctx", None)
        message = in_plain_words(message, context)
        return f"{message} (see {context.command_path if context else command_path()} --help)"
    if isinstance(error, MemoryError):
        return "not enough memory: try a smaller --vocab or --batch (of a text, a larger --min-count)"
    if isinstance(error, OSError):
        return f"{error.filename or ''}{': ' if error.filename else ''}{error.strerror or error}"
    if isinstance(error, SyntaxError) and error.filename:  # in this program's own code, while somebody changes it
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    if hasattr(error, "exit_code"):  # meant for the user (UserError), whose class need not be imported for help
        return str(error)
    raise error


def command_path() -> str:
    """The command as it was called, for an error of the parser, which does not know it."""
    return " ".join(["w2vbench", *(name for name in sys.argv[1:2] if name in NAMES)])


def shortened(word: str) -> str:
    """A word as a line has room for it: the middle of a very long one is left out."""
    return word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 20]}…{word[-20:]}"


def main() -> None:
    """Run the command; whatever is wrong with its input becomes one line on stderr and exit code 2."""
    open_streams()
    try:
        code = app(args=several(sys.argv[1:]) or ["--help"], prog_name="w2vbench", standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        say(f"w2vbench: {' '.join(map(shortened, said(error).split()))}")
        code = 2 if isinstance(error, typer.TyperException) else getattr(error, "exit_code", 2)
    sys.stdout.flush()
    if lost := getattr(sys.stdout, "lost", None):
        say(f"w2vbench: what was to be printed is lost: {lost.strerror or lost}")
        code = code or 2
    sys.exit(code)
