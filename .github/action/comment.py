"""Write a comparison as its one comment on a pull request: a first run makes it, further runs change it.

Python's standard library, so that a runner needs neither gh nor jq, and no shell handles the text.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""
PAGE = 100
TIMEOUT_S = 30


def request(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Ask GitHub's API, and return its answer."""
    asked = urllib.request.Request(
        f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "w2vbench",
        },
    )
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def pull_request() -> int | None:
    """Return the number of the pull request that started the workflow, or None."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number = event.get("pull_request", {}).get("number")
    return number if isinstance(number, int) else None


def comparison_id() -> str:
    """Return what tells this comparison from others of the same pull request: the input, or the job with its matrix."""
    if given := os.environ.get("ID", ""):
        return given
    job = f"{os.environ.get('GITHUB_WORKFLOW', '')} / {os.environ.get('GITHUB_JOB', '')}"
    matrix = json.loads(os.environ.get("MATRIX") or "null")
    return f"{job} {json.dumps(matrix, sort_keys=True)}" if matrix else job


def marker() -> str:
    """Return how the comment is found again. It does not show. A digest, since an id could end the HTML comment."""
    return f"<!-- w2vbench {hashlib.sha256(comparison_id().encode()).hexdigest()[:16]} -->"


def own_login() -> str:
    """Return the user whose token this is; empty for a workflow's own token, which may not ask."""
    try:
        return str(request("GET", "user")["login"])
    except urllib.error.HTTPError:
        return ""


def is_own(comment: dict[str, Any], login: str) -> bool:
    """Whether this comparison wrote a comment: anyone may copy the marker, but only a workflow's token is a bot's."""
    author = comment.get("user") or {}
    by_us = author.get("login") == login if login else author.get("type") == "Bot"
    return by_us and (comment.get("body") or "").startswith(marker())


def earlier_comment(comments: str) -> int | None:
    """Return the comment of an earlier run, or None. comments: the path of the pull request's."""
    login, page = own_login(), 1
    while True:
        found = request("GET", f"{comments}?per_page={PAGE}&page={page}")
        for comment in found:
            if is_own(comment, login):
                return int(comment["id"])
        if len(found) < PAGE:
            return None
        page += 1


def text_of(out: Path) -> str:
    """Return the comment's text: the comparison, or why there is none."""
    base = (out / "base.txt").read_text(encoding="utf-8").strip()
    file = out / "comparison.md"
    if file.exists():
        text = file.read_text(encoding="utf-8")
    else:
        said = (out / "messages.txt").read_text(encoding="utf-8").strip().splitlines()
        text = f"# w2vbench compare\n\nNot compared with {base}: {said[-1] if said else 'it said nothing'}\n"
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n\n… the rest is in the job's summary.\n"
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (os.environ.get(name, "") for name in names)
    shown = " ".join(comparison_id().replace("`", "'").split())
    return f"{marker()}\n{text}\n[This run]({server}/{repository}/actions/runs/{run}) of `{shown}`\n"


def main() -> int:
    out = Path(os.environ.get("RUNNER_TEMP", "/tmp")) / "w2vbench"
    number = pull_request()
    if number is None or not (out / "messages.txt").exists():  # nothing was compared, and an annotation says why
        return 0
    repository, body = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues", {"body": text_of(out)}
    comments = f"{repository}/{number}/comments"
    try:
        earlier = earlier_comment(comments)
        if earlier is None:
            request("POST", comments, body)
        else:
            request("PATCH", f"{repository}/comments/{earlier}", body)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        print(f"w2vbench: no comment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
