"""Give changed files and odd values to every command: ``python -m tests.fuzz --inputs 10000`` (some ten minutes).

No input may give a traceback, hang, end with an exit code that is not documented, write outside of its folder, or have a
shell run. Each input follows from the seed and its number, so that one is tried again by ``--only KIND:NUMBER``.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer

from . import books, code, journals, options, other_files, result_files
from .kinds import Input, Kind
from .trial import stage, tried, tried_as_a_process

KINDS: dict[str, tuple[int, Kind]] = {
    "report": (20, result_files.reported),
    "machines": (8, result_files.side_by_side),
    "compare": (12, result_files.compared),
    "store": (10, result_files.stored),
    "resume": (8, result_files.resumed),
    "journal": (12, journals.journal),
    "table": (8, other_files.table),
    "corpus": (10, other_files.corpus),
    "acknowledged": (4, other_files.acknowledged),
    "settings": (2, other_files.settings),
    "options": (14, options.options),
    "revision": (8, code.revision),
    "implementations": (12, code.implementations),
    "book": (8, books.book),
    "notebook": (3, books.notebook),
}
"""The kinds of inputs, and how many parts of all each of them is."""
PROCESSES = 400
"""One of so many inputs is tried as a process too, where the command answers without measuring."""


def made(seed: int, name: str, number: int) -> Input:
    """Return the input of a seed, a kind and a number."""
    return KINDS[name][1](random.Random(f"{seed} {name} {number}"))


def names(seed: int, inputs: int) -> Iterator[tuple[str, int]]:
    """Yield so many kinds, each with the number of its input."""
    rng, counts = random.Random(seed), Counter[str]()
    for name in rng.choices(list(KINDS), [parts for parts, _ in KINDS.values()], k=inputs):
        counts[name] += 1
        yield name, counts[name]


def fuzz(inputs: int, seed: int, processes: int = PROCESSES) -> Iterator[tuple[str, Input, list[str]]]:
    """Try inputs, and yield each with what is wrong with the answer."""
    with stage() as folder:
        for at, (name, number) in enumerate(names(seed, inputs)):
            given = made(seed, name, number)
            wrong = tried(given, folder / "trial")
            if not wrong and at % processes == processes - 1 and given.line and given.line[0] in ANSWERS:
                wrong = tried_as_a_process(given, folder / "trial")
            yield f"{name}:{number}", given, wrong


ANSWERS = ("report", "history", "list")
"""Commands that never measure."""


def main(
    inputs: Annotated[int, typer.Option(min=1, help="How many inputs to try.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Another seed gives other inputs.")] = 0,
    only: Annotated[str, typer.Option(metavar="KIND:NUMBER", help="Try one input of this seed again.")] = "",
) -> None:
    if only:
        kind, _, which = only.partition(":")
        given = made(seed, kind, int(which))
        with stage() as folder:
            print(given, *tried(given, folder / "trial"), sep="\n")
        return
    began, failed, kinds = time.perf_counter(), 0, Counter[str]()
    for number, (name, given, wrong) in enumerate(fuzz(inputs, seed), start=1):
        kinds[name.partition(":")[0]] += 1
        if wrong:
            failed += 1
            print(f"\n--seed {seed} --only {name}: {given.line or given.direct}", *wrong, sep="\n", flush=True)
        if number % 500 == 0:
            print(f"{number} inputs, {failed} failed, {time.perf_counter() - began:.0f} s", flush=True)
    print(f"{inputs} inputs ({', '.join(f'{count} {name}' for name, count in sorted(kinds.items()))}): {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    typer.run(main)
