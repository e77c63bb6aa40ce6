"""Files that are changed at random: bytes, values of JSON, and lines and words of a text."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.tables import table

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 17, 2**31, 2**63, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 0.5, -0.5, 1e-320, 1e-13, 1e300, -1e300),
    *("", " ", "0", "nan", "a", "HEAD", "ok", "lookup", "\0", "\ud800", "é", "🦆", "a\nb", "<script>"),
    *("{{ 7 }}", "[red]", "[/]", "%s", "../../x", "/etc/passwd", "$(x)"),
    *("2026-01-02", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1", "x" * 3000),
    *([], {}, [None], [[]], [0.0], [1e-6, None], [1, 2, 3], {"a": 1}, {"": {}}, [[1e-6, 1.0]], float("nan"), float("inf"), float("-inf")),
)  # fmt: skip
"""What takes the place of a value of JSON. Its reader takes more than JSON has, and numbers that no float holds."""
BITS = (
    *(text.encode() for text in table("fuzz")["bits"]),
    *(b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"9" * 400, b"[[[[" * 60, b'{"a":' * 60, b"a" * 5000),
)
"""What is put between bytes."""


def bytes_changed(rng: random.Random, content: bytes) -> bytes:
    """Change some bytes: flip, cut off, leave out, repeat, swap or put in."""
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, other = sorted(rng.randrange(len(made) + 1) for _ in range(2))
        match rng.randrange(6):
            case 0 if made:
                made[min(at, len(made) - 1)] ^= 1 << rng.randrange(8)
            case 1:
                del made[at:]
            case 2:
                del made[at : min(other, at + rng.choice((1, 5, 200)))]
            case 3:
                made[at:at] = made[at : min(other, at + 300)]
            case 4:
                made[at : at + 2] = made[at : at + 2][::-1]
            case _:
                made[at:at] = rng.choice(BITS)
    return bytes(made)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in inside for found in ((*path, key), *places(part, (*path, key)))]


def json_changed(rng: random.Random, content: Any, among: Sequence[tuple[Any, ...]] | None = None) -> Any:
    """Change some values: another value, none, one of another place, the same twice, one level more, or a number a little.

    among: the paths of the values, if they are known already.
    """
    made, paths = copy.deepcopy(content), among or places(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        *outer, last = rng.choice(paths)
        try:
            owner = found(made, outer)
            value = owner[last]
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
        if not isinstance(owner, dict | list):
            continue
        match rng.randrange(7):
            case 0 | 1:
                owner[last] = copy.deepcopy(rng.choice(VALUES))
            case 2:
                del owner[last]
            case 3:
                owner[last] = copy.deepcopy(found(content, rng.choice(paths)))
            case 4:
                owner[last] = value * 2 if isinstance(value, list | str | int) else [value]
            case 5:
                owner[last] = [value] if rng.random() < 0.5 else {"a": value}
            case _ if isinstance(value, int | float):
                owner[last] = rng.choice((-value, value + 1, value * 1e12, value * 1e-12, value - 1, str(value)))
            case _ if isinstance(owner, dict):
                owner[rng.choice(("", "é", str(last).upper(), f"{last} "))] = owner.pop(last)
    return made


def found(content: Any, path: Sequence[Any]) -> Any:
    for key in path:
        content = content[key]
    return content


def json_file(rng: random.Random, content: Any, among: Sequence[tuple[Any, ...]] | None = None) -> bytes:
    """Return the bytes of a changed file of JSON: four of five have changed values, the others changed bytes."""
    if rng.random() < 0.2:
        return bytes_changed(rng, json.dumps(content, indent=1).encode())
    return json.dumps(json_changed(rng, content, among)).encode("utf-8", "surrogatepass")


WORD = re.compile(r"\w+(?:\.\w+)*|\s+|.", re.DOTALL)


def text_changed(rng: random.Random, text: str, words: Sequence[str], lines: Sequence[str]) -> bytes:
    """Change words and lines of a text: leave out, repeat, swap, or put another one there.

    Parameters
    ----------
    words, lines
        What takes the place of a word, or stands between two lines.
    """
    if rng.random() < 0.15:
        return bytes_changed(rng, text.encode())
    parts, every = text.splitlines(keepends=True), list[Callable[[], None]]()

    def word() -> None:
        at = rng.randrange(len(parts))
        tokens = WORD.findall(parts[at])
        if tokens:
            tokens[rng.randrange(len(tokens))] = rng.choice((*words, rng.choice(tokens)))
        parts[at] = "".join(tokens)

    def line() -> None:
        at = rng.randrange(len(parts))
        indent = re.match(r" *", parts[at])
        parts[at:at] = [f"{indent[0] if indent else ''}{rng.choice(lines)}\n"]

    def gone() -> None:
        parts[rng.randrange(len(parts))] = ""

    def twice() -> None:
        parts.insert(rng.randrange(len(parts)), rng.choice(parts))

    every += [word, word, word, line, gone, twice]
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice(every)()
    return "".join(parts).encode("utf-8", "surrogatepass")
