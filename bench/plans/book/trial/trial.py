"""A trial of one class: it is made and called as the book does, and what is wrong is reported with the line and an example."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from msgspec import structs
from w2vbench.bench.engine.protocol import BookFault
from w2vbench.bench.plans.book.faults.faults import FAULTS, fault_of_error
from w2vbench.impls.interface import Array
from w2vbench.impls.messages import LIBRARIES, OURS, type_and_message

from .comparing import as_numbers, close, difference

SIGNATURES = {
    "MatMul": {"__init__": "(self, W)", "forward": "(self, x)", "backward": "(self, dout)"},
    "SoftmaxWithLoss": {"__init__": "(self)", "forward": "(self, x, t)", "backward": "(self, dout=1)"},
    "SigmoidWithLoss": {"__init__": "(self)", "forward": "(self, x, t)", "backward": "(self, dout=1)"},
    "Embedding": {"__init__": "(self, W)", "forward": "(self, idx)", "backward": "(self, dout)"},
    "EmbeddingDot": {"__init__": "(self, W)", "forward": "(self, h, idx)", "backward": "(self, dout)"},
    "UnigramSampler": {
        "__init__": "(self, corpus, power, sample_size)",
        "get_negative_sample": "(self, target)",
    },
    "NegativeSamplingLoss": {
        "__init__": "(self, W, corpus, power=0.75, sample_size=5)",
        "forward": "(self, h, target)",
        "backward": "(self, dout=1)",
    },
    "SimpleCBOW": {
        "__init__": "(self, vocab_size, hidden_size)",
        "forward": "(self, contexts, target)",
        "backward": "(self, dout=1)",
    },
    "CBOW": {
        "__init__": "(self, vocab_size, hidden_size, window_size, corpus)",
        "forward": "(self, contexts, target)",
        "backward": "(self, dout=1)",
    },
    "SkipGram": {
        "__init__": "(self, vocab_size, hidden_size, window_size, corpus)",
        "forward": "(self, contexts, target)",
        "backward": "(self, dout=1)",
    },
}
"""The book's methods, by class."""
MOST_FAULTS = 6
"""Of a class: what follows from the first ones is of no use."""


class Stop(Exception):
    """Nothing further can be checked of a class."""


@dataclass
class Trial:
    """A class on trial.

    Attributes
    ----------
    name, kind
        The class.
    dtype
        Of the weights that its layers get.
    has_models
        Whether the reader's own models make such weights: layers that make float64 of them are then at fault. Without models,
        theirs may be float64.
    begin
        Told before each call what is done, so that one that does not end is known.
    found
        The faults so far.
    example
        The inputs of the calls that are on trial, as text.
    later
        Whether a pass has gone before, and was right: what is wrong now is so because of it.
    """

    name: str
    kind: type
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    has_models: bool = True
    begin: Callable[[str], None] = lambda step: None
    found: list[BookFault] = field(default_factory=list)
    example: str = ""
    later: bool = False

    @property
    def wrong(self) -> bool:
        return any(not one.remark for one in self.found)

    def report(self, fault: str, method: str, seen: str = "", **values: Any) -> None:
        """Add a fault, once for each method. Raises Stop when there are enough."""
        entry, name = FAULTS[fault], f"{self.name}.{method}"
        if any((one.fault, one.method) == (fault, name) for one in self.found):
            return
        file, line = self.place(method, entry.at, values)
        example = f"{self.example}{': ' if seen else ''}{seen}" if self.example else seen
        values = {"method": method, **values}
        self.found.append(
            BookFault(
                fault=fault,
                method=name,
                file=file,
                line=line,
                says=entry.says.format(**values),
                instead=entry.instead.format(**values),
                example=example,
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

    # calls

    def make(self, *arguments: Any) -> Any:
        """Return an instance. Raises Stop if there is none."""
        return self.guarded("__init__", self.kind, *arguments)

    def call(self, layer: Any, method: str, *arguments: Any) -> Any:
        """Call a method. An error is reported; then, and without such a method, raises Stop."""
        if not callable(getattr(layer, method, None)):
            self.report("no-method", method, signature=f"{method}{SIGNATURES[self.name].get(method, '')}")
            raise Stop
        return self.guarded(method, getattr(layer, method), *arguments)

    def check_default(self, layer: Any) -> None:
        """Check that backward without an argument is backward(1), if it can be called so."""
        try:
            default = inspect.signature(layer.backward).parameters["dout"].default
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        if default is not inspect.Parameter.empty and as_numbers(default) is not None and default != 1:
            self.report("default", "backward")

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
        """Report an error at the reader's line that raised it, or called what raised it."""
        text = type_and_message(error)
        fault, name = fault_of_error(text)
        signature = f"{method}{SIGNATURES[self.name].get(method, '')}"
        self.report(fault, method, name=name, error=text, signature=signature, got="floating-point numbers")
        if place := self.line_of(error):
            self.found[-1] = structs.replace(self.found[-1], file=place[0], line=place[1])

    def line_of(self, error: BaseException) -> tuple[str, int] | None:
        """Return the last line of the reader's own files that an error passed through."""
        places = [(frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__)]
        theirs = [place for place in places if not place[0].startswith((*LIBRARIES, *OURS, "<"))]
        return theirs[-1] if theirs else None

    # comparisons

    def same(
        self,
        method: str,
        what: str,
        got: Any,
        want: Any,
        mistakes: Mapping[str, Any] | None = None,
        /,
        *,
        returned: str = "",
        **values: Any,
    ) -> bool:
        """Compare a result with what it must be. If it is wrong, report the mistake that gives just that.

        Parameters
        ----------
        method, what, got, want
            Whose result this is, which part of it, and both.
        mistakes
            What each fault would give, by its name, the likeliest first.
        returned
            The name of what is returned, for a method that returns nothing.
        values
            For the fault's sentences.
        """
        want = np.asarray(want, np.float64)
        values = {"what": what, **values}
        if got is None:
            self.report("nothing-returned", method, **{**values, "what": returned or "out"})
            return False
        numbers = as_numbers(got)
        if numbers is None:
            self.report("wrong-type", method, **values, got=type(got).__name__)
            return False
        if close(numbers, want):
            return True
        seen = difference(what, numbers, want)
        for fault, given in (mistakes or {}).items():
            if close(numbers, np.asarray(given, np.float64)):
                self.report(fault, method, seen, **values)
                return False
        if self.later:
            self.report("state", method, seen, **values)
        elif numbers.shape != want.shape:
            self.report("wrong-shape", method, seen, **{**values, "got": numbers.shape, "want": want.shape})
        else:
            self.report("wrong-value", method, seen, **values)
        return False

    def keeps_dtype(self, method: str, what: str, got: Any) -> None:
        """Report a result in float64 where the weights are float32."""
        dtype = getattr(got, "dtype", None)
        if dtype is not None and dtype.kind == "f" and dtype.itemsize > self.dtype.itemsize:
            self.report("float64", method, what=what, got=dtype, want=self.dtype)

    def unchanged(self, method: str, **arrays: tuple[Array, Array]) -> None:
        """Report inputs that a method has changed: each is the array, and a copy from before. W means the weights."""
        for name, (array, before) in arrays.items():
            if not np.array_equal(array, before):
                self.report("weights-changed" if name == "W" else "input-changed", method, name=name)
                raise Stop


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
