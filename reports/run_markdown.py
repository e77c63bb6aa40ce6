"""A run's report as Markdown: the answers, what surprised, then every table."""

from __future__ import annotations

from .answers import answers, at_one_size, trust, undecided
from .brief import short, versus
from .deck import HEADER, NOTE, deck_table
from .frame import frame, wall_s
from .reasons import why
from .result_schema import ResultFile
from .surprises import surprises
from .tables import cells, markdown, plain, tables
from .units import seconds, slower

ANSWERS = ("kernel", "V", "B", "use", "per call", "NumPy/SciPy only", "times slower", "textbook", "times slower")


def as_markdown(result: ResultFile) -> str:
    """Return a run's report as Markdown."""
    suite, found = result.w2vbench, answers(result)
    command = " ".join(suite.command.replace("`", "'").split())
    when, machine = result.datetime[:19].replace("T", " "), suite.environment.get("cpu") or "an unknown CPU"
    words = f", words of {plain(suite.corpus.name)}" if suite.corpus.name else ""
    parts = ["# w2vbench report", "", f"`{command}`, {plain(when)} UTC, on {plain(str(machine))}{words}.", ""]
    if not suite.complete:
        parts += ["**This run was interrupted: only the problems below were finished.**", ""]
    if suite.warnings:
        parts += [*(f"- {plain(warning)}" for warning in suite.warnings), ""]
    if chosen := at_one_size(result):
        parts += [cells(ANSWERS), cells(["---"] * len(ANSWERS))]
        for answer in chosen:
            use = answer.use.slug + (
                " (tie)" if answer.ranking.tie else "" if answer.ranking.conclusive else " (undecided)"
            )
            others = (*versus(answer, answer.best("NumPy/SciPy")), *versus(answer, answer.baseline))
            parts.append(
                cells(
                    [
                        answer.kernel,
                        short(answer.size.V),
                        short(answer.size.B),
                        use,
                        seconds(wall_s(answer.use)),
                        *others,
                    ]
                )
            )
        parts += ["", trust(result), ""]
    if surprising := surprises(result):
        parts += ["What surprised:", "", *(f"- **{plain(one.title)}.** {plain(one.text)}" for one in surprising), ""]
    kernel = ""
    for one in tables(frame(result), result):
        name, _, size = one.problem.partition("@")
        if name != kernel:
            kernel = name
            parts += [f"## {plain(kernel)}: {plain(suite.kernels.get(kernel, ''))}", ""]
        parts += [f"### {plain(size)}", ""]
        its_answer = found.get(one.problem)
        if its_answer:
            ties = ", ".join(row.slug for row in its_answer.ranking.fastest[1:])
            advice = f"Use `{its_answer.use.slug}`{f' (about as fast: {ties})' if ties else ''}."
            book = its_answer.baseline
            if book and not its_answer.ties(book):
                ratio = slower(its_answer.slower(book).estimate)
                advice += f" `{book.slug}` is {ratio}: {seconds(wall_s(book))} against {seconds(wall_s(its_answer.use))} a call."
            parts += [
                plain(" ".join(filter(None, [advice, why(its_answer, result), undecided(its_answer, result)]))),
                "",
            ]
        parts += [markdown(one), ""]
        if one.note:
            parts += [f"_{plain(one.note)}_", ""]
        if one.stages:
            parts += ["Where a step's time goes:", "", *(f"- {plain(line)}" for line in one.stages), ""]
    if rows := deck_table(result):
        parts += [
            "## The source deck's figures",
            "",
            cells(HEADER),
            cells(["---"] * len(HEADER)),
            *map(cells, rows),
            "",
            plain(NOTE),
            "",
        ]
    if suite.corpus.streams:
        parts += ["Words:", "", *(f"- {plain(line)}" for line in suite.corpus.streams.values())]
    return "\n".join(parts) + "\n"
