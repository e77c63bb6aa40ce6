"""What a GitHub workflow would give our action: a pull request's checkout, variables, commands, and an API that keeps comments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.plans.repositories import commit, started
from tests.processes import ROOT, git

EXAMPLE = ROOT / "examples/your-kernels"
NUMBER = 7
TOKEN = "a-token"


class Api(BaseHTTPRequestHandler):
    """The few calls of GitHub's REST API that comments need. A class is made for each server."""

    comments: ClassVar[list[dict[str, Any]]]
    refused: ClassVar[bool] = False

    def answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def asked(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return content

    def is_allowed(self) -> bool:
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}" and not self.refused
        if not allowed:
            self.answer({"message": "Resource not accessible by integration"}, 403)
        return allowed

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: int(value[0]) for name, value in parse_qs(parts.query).items()}
        first = (query["page"] - 1) * query["per_page"]
        assert parts.path == f"/repos/them/theirs/issues/{NUMBER}/comments"
        self.answer(self.comments[first : first + query["per_page"]])

    def do_POST(self) -> None:
        assert self.path == f"/repos/them/theirs/issues/{NUMBER}/comments"
        if self.is_allowed():
            self.comments.append({"id": len(self.comments), **self.asked()})
            self.answer(self.comments[-1], 201)

    def do_PATCH(self) -> None:
        place, _, number = self.path.rpartition("/")
        assert place == "/repos/them/theirs/issues/comments"
        if self.is_allowed():
            self.comments[int(number)].update(self.asked())
            self.answer(self.comments[int(number)])

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def api(comments: list[dict[str, Any]], *, refused: bool = False) -> Iterator[str]:
    """Serve comments, and yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Api,), {"comments": comments, "refused": refused}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def example(folder: Path) -> Path:
    """Make a git repository of the example."""
    files = {str(file.relative_to(EXAMPLE)): file.read_text() for file in EXAMPLE.rglob("*") if is_source(file)}
    commit(started(folder), files)
    return folder


def is_source(file: Path) -> bool:
    return file.is_file() and not {"__pycache__", ".pytest_cache", ".benchmarks", "reports"} & {*file.parts}


def pull_request(folder: Path, old: str, new: str) -> Path:
    """Make a checkout of a change to the example's kernels, as actions/checkout does: one commit, without its base."""
    origin = example(folder / "origin")
    git(origin, "checkout", "-q", "-b", "change")
    kernels = origin / "kernels.py"
    assert old in kernels.read_text()
    commit(origin, {"kernels.py": kernels.read_text().replace(old, new)})
    git(folder, "clone", "-q", "--depth=1", "--branch=change", f"file://{origin}", "checkout")
    return folder / "checkout"


def commands(folder: Path) -> Path:
    """Make a folder with the commands that the action's installation puts on the path."""
    folder.mkdir()
    for name, start in (("python", ""), ("w2vbench", " -m w2vbench")):
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable}{start} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def run_action(checkout: Path, address: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's script as its step does."""
    around = checkout.parent
    (around / "event.json").write_text(json.dumps({"pull_request": {"number": NUMBER}}))
    path = around / "bin" if (around / "bin").exists() else commands(around / "bin")
    variables = {
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(around / "temp"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": address,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "42",
        "GITHUB_REPOSITORY": "them/theirs",
        "GITHUB_EVENT_PATH": str(around / "event.json"),
        "GITHUB_STEP_SUMMARY": str(around / "summary.md"),
        "GITHUB_BASE_REF": "main",
        "GITHUB_TOKEN": TOKEN,
        "IMPL": "kernels.py",
        "BASE": "",
        "THRESHOLD": "5%",
        "PASS_INCONCLUSIVE": "true",
        "ARGS": "",
        "COMMENT": "true",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GIT_"))}
    bash = shutil.which("bash")
    assert bash
    return subprocess.run(
        [bash, str(ROOT / ".github/action/compare.sh")],
        cwd=checkout,
        env={**clean, **variables, **inputs},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
