"""The result file: what ``calibrate`` adds to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from w2vbench.reports.statistics.log_ratios import LogRatios
from w2vbench.reports.statistics.verdicts import SetupVerdict, Verdict

from .fields import Count, Part, Positive


class Trial(Part):
    """One comparison of identical code, one side slowed by a known share."""

    case: str
    injected: Annotated[float, Field(gt=-1, lt=100)]  # how much slower HEAD was made; below zero where BASE was
    threshold: Positive
    # on the time of a call, and on set-up time
    verdict: Verdict
    setup: SetupVerdict = "unknown"
    why: str = ""  # why the case could not be compared
    processes: Count = 0  # how many processes the verdict stands on
    comparison: Count = 0  # the number of the comparison that it was a part of
    rules: dict[str, bool] = {}  # whether other tools' rules call HEAD slower, from the same samples


class Calibration(Part):
    """How often a comparison is right on this machine."""

    threshold: Positive
    comparisons: Count
    apart: bool = False  # whether each side had a process of its own, as where packages are compared
    packages: dict[str, str] = {}  # the versions in that environment, by name
    text_and_code: str = ""  # a digest of the text, and of the code that measured and decided
    seconds: Positive = 0.0
    trials: list[Trial] = []
    # by slowdown, the share of cases that would be called slower, worked out from the trials of identical code
    found: list[tuple[Positive, Annotated[float, Field(ge=0, le=1)]]] = []
    # those trials' log-ratios, of each batch where they all have as many processes
    identical: list[list[LogRatios]] = []
