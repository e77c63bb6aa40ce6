"""Tests interrupt processes by Ctrl-C, which a shell that runs them in the background has them ignore."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # processes that are started begin with the system's own
