"""What a GitHub workflow would give our action: a pull request's checkout, variables, commands, and an API that keeps comments."""

from __future__ import annotations

import json
import os
import re
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

from tests.bench.plans.repositories import commit, started
from tests.processes import PATIENCE_S, ROOT, git

EXAMPLE = ROOT / "examples/your-kernels"
NUMBER = 7
TOKEN = "a-token"
OURS = {"login": "github-actions[bot]", "type": "Bot"}
"""Who writes with a workflow's token."""


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
        if parts.path == "/user":  # only a person's token may ask whose it is
            return self.answer({"message": "Forbidden"}, 403)
        query = {name: int(value[0]) for name, value in parse_qs(parts.query).items()}
        first = (query["page"] - 1) * query["per_page"]
        assert parts.path == f"/repos/them/theirs/issues/{NUMBER}/comments"
        return self.answer(self.comments[first : first + query["per_page"]])

    def do_POST(self) -> None:
        assert self.path == f"/repos/them/theirs/issues/{NUMBER}/comments"
        if self.is_allowed():
            self.comments.append({"id": len(self.comments), "user": OURS, **self.asked()})
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
    served = type("Served", (Api,), {"comments": comments, "refused": refused})
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
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
    """Make a checkout of a change to the example's kernels, as actions/checkout does.

    GitHub merges the change into its base, and that merge is checked out alone. Meanwhile the base's branch has moved on.
    """
    origin = example(folder / "origin")
    git(origin, "checkout", "-q", "-b", "change")
    kernels = origin / "kernels.py"
    assert old in kernels.read_text()
    commit(origin, {"kernels.py": kernels.read_text().replace(old, new)})
    git(origin, "checkout", "-q", "--detach", "main")
    git(origin, "merge", "-q", "--no-ff", "-m", "a merge", "change")
    git(origin, "update-ref", f"refs/pull/{NUMBER}/merge", "HEAD")
    git(origin, "checkout", "-q", "main")
    commit(origin, {"kernels.py": kernels.read_text() + "\n\nLATER = 1\n", "pyproject.toml": "# later\n"})
    return checked_out(folder, f"refs/pull/{NUMBER}/merge")


def checked_out(folder: Path, revision: str) -> Path:
    """Fetch one commit of origin, and check it out."""
    checkout = started(folder / "checkout")
    git(checkout, "remote", "add", "origin", f"file://{folder / 'origin'}")
    git(checkout, "fetch", "-q", "--no-tags", "--depth=1", "origin", git(folder / "origin", "rev-parse", revision))
    git(checkout, "checkout", "-q", "--detach", "FETCH_HEAD")
    return checkout


def event(origin: Path) -> dict[str, Any]:
    """What started the workflow. The base is as GitHub knew it when the pull request last changed."""
    base, head = (git(origin, "rev-parse", name) for name in ("main~1", "change"))
    return {"pull_request": {"number": NUMBER, "base": {"sha": base}, "head": {"sha": head}}}


ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")


def step(name: str) -> tuple[str, dict[str, str]]:
    """Return the command of one of the action's steps, and the expressions that its variables have."""
    (text,) = [part for part in ACTION.split("\n    - ") if part.startswith(f"name: {name}\n")]
    (command,) = re.findall(r"^      run: (.+)$", text, re.MULTILINE)
    return command, dict(re.findall(r"^        ([A-Z_]+): \$\{\{ (.+) \}\}$", text, re.MULTILINE))


def commands(folder: Path) -> Path:
    """Make a folder with the commands that the action's installation puts on the path."""
    folder.mkdir()
    for name, start in (("python", ""), ("w2vbench", " -m w2vbench")):
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable}{start} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def run_action(checkout: Path, address: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's steps after the installation. inputs: variables, other than those of this pull request."""
    around = checkout.parent
    started_by = event(around / "origin")
    (around / "event.json").write_text(json.dumps(started_by))
    path = around / "bin" if (around / "bin").exists() else commands(around / "bin")
    values = {
        "inputs.impl": "kernels.py",
        "inputs.base": "",
        "inputs.threshold": "5%",
        "inputs.pass-inconclusive": "true",
        "inputs.args": "",
        "inputs.id": "",
        "inputs.token": TOKEN,
        "github.event.pull_request.base.sha": started_by["pull_request"]["base"]["sha"],
        "github.event.pull_request.head.sha": started_by["pull_request"]["head"]["sha"],
        "toJSON(matrix)": "null",
    }
    variables = {
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(around / "temp"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_API_URL": address,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "42",
        "GITHUB_REPOSITORY": "them/theirs",
        "GITHUB_WORKFLOW": "Tests",
        "GITHUB_JOB": "speed",
        "GITHUB_EVENT_PATH": str(around / "event.json"),
        "GITHUB_STEP_SUMMARY": str(around / "summary.md"),
        "GITHUB_BASE_REF": "main",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GIT_"))}
    bash = shutil.which("bash")
    assert bash

    def run(name: str) -> subprocess.CompletedProcess[str]:
        command, expressions = step(name)
        own = {variable: values[expression] for variable, expression in expressions.items()}
        return subprocess.run(
            [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", command],
            cwd=checkout,
            env={**clean, **variables, **own, **inputs},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    compared, commented = run("Compare"), run("Comment")
    assert commented.returncode == 0, commented.stderr
    both = compared.stdout + commented.stdout, compared.stderr + commented.stderr
    return subprocess.CompletedProcess([], compared.returncode, *both)
