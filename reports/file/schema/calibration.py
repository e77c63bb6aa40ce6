"""The result file: what ``calibrate`` adds to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from w2vbench.reports.statistics.log_ratios import LogRatios
from w2vbench.reports.statistics.verdicts import SetupVerdict, Verdict

from .fields import Count, Part, Positive


class Trial(Part):
    """One comparison of identical code, one side slowed by a known share.

    Attributes
    ----------
    injected
        How much slower HEAD was made; below zero where BASE was.
    verdict, setup
        On the time of a call, and on set-up time.
    why
        Why the case could not be compared.
    processes
        How many processes the verdict stands on.
    comparison
        The number of the comparison that it was a part of.
    rules
        Whether other tools' rules call HEAD slower, from the same samples.
    """

    case: str
    injected: Annotated[float, Field(gt=-1, lt=100)]
    threshold: Positive
    verdict: Verdict
    setup: SetupVerdict = "unknown"
    why: str = ""
    processes: Count = 0
    comparison: Count = 0
    rules: dict[str, bool] = {}


class Calibration(Part):
    """How often a comparison is right on this machine.

    Attributes
    ----------
    found
        By slowdown, the share of cases that would be called slower, worked out from the trials of identical code.
    identical
        Those trials' log-ratios, of each batch where they all have as many processes.
    apart
        Whether each side had a process of its own, as where packages are compared.
    packages
        The versions in that environment, by name.
    text_and_code
        A digest of the text, and of the code that measured and decided.
    """

    threshold: Positive
    comparisons: Count
    apart: bool = False
    packages: dict[str, str] = {}
    text_and_code: str = ""
    seconds: Positive = 0.0
    trials: list[Trial] = []
    found: list[tuple[Positive, Annotated[float, Field(ge=0, le=1)]]] = []
    identical: list[list[LogRatios]] = []
