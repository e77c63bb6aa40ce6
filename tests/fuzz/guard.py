"""What a command may not do, whatever it is given: run a shell, write outside its folder, or take for ever."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

LONGEST_S = 60
"""After so many seconds an input counts as one that hangs. Most are answered in some milliseconds."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")
"""Audit events whose first arguments are paths that are changed."""
DEVICES = ("/dev/", "/proc/self/")
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn")
SHELLS = ("sh", "bash", "dash", "zsh", "cmd", "cmd.exe")


class Hang(BaseException):
    """An input that takes for ever."""


class Guard:
    """Listens for Python's audit events. A hook cannot be taken away again, so there is one, which mostly sleeps."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITES:
                self.written(event, path)
        elif event in CHANGES:
            for path in arguments[:2]:
                self.written(event, path)
        elif event == "os.system":
            self.seen.append(f"a shell is run: {arguments!r:.200}")
        elif event in STARTS and Path(os.fsdecode(arguments[0])).name in SHELLS:
            self.seen.append(f"a shell is run: {arguments[:2]!r:.200}")

    def written(self, event: str, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        name, folder = os.fsdecode(path), self.folder or ""
        whole = os.path.normpath(Path(os.path.realpath(Path(name).parent)) / Path(name).name)
        if not (whole == folder or whole.startswith((folder + os.sep, *DEVICES))):
            self.seen.append(f"{event} outside of its folder: {whole[:200]}")

    @contextmanager
    def watching(self, folder: Path) -> Iterator[list[str]]:
        """Watch what the block does; it may write into the folder only. Yields what it did that it may not. Raises Hang."""
        self.seen = []
        self.folder = str(folder.resolve())
        before = set_handler(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
        try:
            yield self.seen
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            set_handler(signal.SIGALRM, before)
            self.folder = None


set_handler = signal.signal
"""As it was before commands were given another: what they run here must not change the signals of this process."""


def stop(number: int, frame: FrameType | None) -> None:
    raise Hang(f"took longer than {LONGEST_S} s")
