"""A trial of one class: it is made and called as the book does, and what is wrong is reported with the line and an example."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numpy as np
from msgspec import structs
from w2vbench.bench.engine.protocol import BookFault
from w2vbench.impls.interface import Array
from w2vbench.impls.messages import LIBRARIES, OURS, type_and_message

from .expected import as_numbers, close, difference
from .faults import FAULTS, fault_of_error
from .loading import BOOK

Step = TypeVar("Step")
MOST_FAULTS = 6
"""Of a class: what follows from the first ones is of no use."""


class Stop(Exception):
    """Nothing further can be checked of a class."""


@dataclass(frozen=True)
class Result:
    """What a method must give, and what mistakes would give in its place."""

    # its name in sentences, and its value
    what: str
    want: Any
    # what each fault would give, by the fault's name, the likeliest first
    mistakes: Mapping[str, Any] = field(default_factory=dict)
    W: Array | None = None  # the weights whose gradient it is; without them, it is what the method returns
    dtype: str = ""  # the fault if it has more bytes a number than the weights; empty if that is no fault
    # for sentences: how many ids, layers or contexts there are; what a method returns; how dout is multiplied
    n: int = 1
    returned: str = ""
    shaped: str = ""


@dataclass
class Trial:
    """A class on trial."""

    # the class
    name: str
    kind: type
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))  # of the weights that its layers get
    # Whether the reader's own models make such weights: layers that make float64 of them are then at fault. Without
    # models, theirs may be float64.
    has_models: bool = True
    # told before each call what is done, so that one that hangs is known
    begin: Callable[[str], None] = lambda step: None
    found: list[BookFault] = field(default_factory=list)  # the faults so far
    example: str = ""  # the inputs of the calls that are on trial, as text
    later: bool = False  # whether a step has gone before, and was right: what is wrong now is so because of it
    failed: bool = False  # whether a result was wrong

    @property
    def wrong(self) -> bool:
        return any(not one.remark for one in self.found)

    def steps(self, inputs: Iterable[Step]) -> Iterator[Step]:
        """Yield the inputs of several steps with one layer, until one is wrong. Raises Stop then."""
        for number, one in enumerate(inputs):
            self.later = number > 0
            yield one
            if self.failed:
                raise Stop
        self.later = False

    def report(self, fault: str, method: str, seen: str = "", **values: Any) -> None:
        """Add a fault, once for each method. Raises Stop when there are enough."""
        entry, name = FAULTS[fault], f"{self.name}.{method}"
        if any((one.fault, one.method) == (fault, name) for one in self.found):
            return
        values = {"method": method, "signature": f"{method}{BOOK[self.name].get(method, '')}", **values}
        file, line = self.place(method, entry.at, values)
        self.found.append(
            BookFault(
                fault=fault,
                method=name,
                file=file,
                line=line,
                says=entry.says.format(**values),
                instead=entry.instead.format(**values),
                example=": ".join(filter(None, (self.example, seen))),
                remark=entry.remark or (entry.of_dtype and not self.has_models),
            )
        )
        if sum(not one.remark for one in self.found) >= MOST_FAULTS:
            raise Stop

    def place(self, method: str, at: Sequence[str], values: Mapping[str, Any]) -> tuple[str, int]:
        """Return file and number of the line of a method that looks like the fault, or of its first line."""
        names = {name: re.escape(str(value)) for name, value in values.items()}
        patterns = [re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), pattern) for pattern in at]
        owners: list[Any] = [getattr(self.kind, method, None), self.kind]
        for owner in owners:
            try:
                lines, first = inspect.getsourcelines(owner)
                file = inspect.getsourcefile(owner) or ""
            except (OSError, TypeError):
                continue
            code = [line.partition("#")[0].rstrip() for line in lines]
            start = next((number for number, line in enumerate(code) if re.match(r"\s*(def|class)\b", line)), 0)
            fits = [
                number
                for pattern in patterns
                for number in reversed(range(start + 1, len(code)))
                if re.search(pattern, code[number])
            ]
            return file, first + (fits[0] if fits else start)
        return "", 0

    def make(self, *arguments: Any) -> Any:
        """Return an instance. Raises Stop if there is none."""
        return self.guarded("__init__", self.kind, *arguments)

    def call(self, layer: Any, method: str, *arguments: Any) -> Any:
        """Call a method. An error is reported; then, and without such a method, raises Stop."""
        if not callable(getattr(layer, method, None)):
            self.report("no-method", method)
            raise Stop
        return self.guarded(method, getattr(layer, method), *arguments)

    def guarded(self, method: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self.begin(f"{self.name}.{method}")
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return function(*arguments)
        except MemoryError:
            raise
        except BaseException as error:  # the user's own Ctrl-C ends the main process, which ends this one
            self.report_error(method, error)
            raise Stop from error

    def report_error(self, method: str, error: BaseException) -> None:
        """Report an error at the last line of the reader's own files that it passed through."""
        text = type_and_message(error)
        fault, name = fault_of_error(text)
        self.report(fault, method, name=name, error=text, got="floating-point numbers")
        places = [(frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__)]
        if theirs := [place for place in places if not place[0].startswith((*LIBRARIES, *OURS, "<"))]:
            self.found[-1] = structs.replace(self.found[-1], file=theirs[-1][0], line=theirs[-1][1])

    def compare(self, method: str, got: Any, result: Result) -> None:
        """Compare a result with what it must be. If it is wrong, report the mistake that gives just that."""
        want = np.asarray(result.want, np.float64)
        values: dict[str, Any] = {"what": result.what, "n": result.n, "shaped": result.shaped}
        numbers = as_numbers(got)
        if numbers is not None and close(numbers, want):
            dtype = np.asarray(got).dtype
            if result.dtype and numbers.ndim and dtype.kind == "f" and dtype.itemsize > self.dtype.itemsize:
                self.report(result.dtype, method, what=result.what, got=dtype, want=self.dtype)
            return
        self.failed = True
        if got is None:
            self.report("nothing-returned", method, what=result.returned or result.what)
        elif numbers is None:
            self.report("wrong-type", method, **values, got=type(got).__name__)
        else:
            default = "state" if self.later else "wrong-value" if numbers.shape == want.shape else "wrong-shape"
            mistakes = {**result.mistakes, "transposed": want.T}
            fault = next((name for name, given in mistakes.items() if close(numbers, given)), default)
            self.report(
                fault, method, difference(result.what, numbers, want), **values, got=numbers.shape, want=want.shape
            )


def reachable(thing: Any, most: int = 10_000) -> Iterator[Any]:
    """Yield an object and what it holds in attributes, lists, tuples and dictionaries, each once."""
    waiting, seen = [thing], set[int]()
    while waiting and len(seen) < most:
        one = waiting.pop(0)
        if id(one) in seen or isinstance(one, str | bytes | np.ndarray | type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        yield one
        inside = one if isinstance(one, list | tuple) else one.values() if isinstance(one, dict) else ()
        waiting += [*inside, *getattr(one, "__dict__", {}).values()]
