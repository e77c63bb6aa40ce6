"""Tests interrupt processes by Ctrl-C, which a shell that runs them in the background has them ignore; and they have a folder
for temporary files of their own, so that two runs of them, or of anything else of ours, do not see each other's."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.corpus.words import Corpus

if TYPE_CHECKING:
    from playwright.sync_api import Browser

with suppress(ImportError):  # pytest --benchmark needs none of the packages that only tests need
    from hypothesis import HealthCheck, settings

    # no test fails because a machine is busy
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # processes that are started begin with the system's own


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this process, and all that it starts, puts its temporary files."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """The built-in corpus, read once."""
    return builtin()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser; a process can have one only."""
    from playwright.sync_api import sync_playwright

    from tests.reports.browser import BROWSERS, OPTIONS

    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        reason = f"no browser: none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(OPTIONS))
        yield browser
        browser.close()
