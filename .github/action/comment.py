"""Write a comparison as the one comment on its pull request: a first run makes it, further runs change it.

Python's standard library, so that a runner needs neither gh nor jq, and no shell handles the text.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARKER = "<!-- w2vbench -->"
"""How the comment is found again; it does not show."""
LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""
PAGE = 100
TIMEOUT_S = 30


def request(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Ask GitHub's API, and return its answer."""
    asked = urllib.request.Request(
        f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}",
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


def earlier_comment(number: int) -> int | None:
    """Return the comment of an earlier run, or None."""
    page = 1
    while True:
        comments = request("GET", f"issues/{number}/comments?per_page={PAGE}&page={page}")
        for comment in comments:
            if (comment.get("body") or "").startswith(MARKER):
                return int(comment["id"])
        if len(comments) < PAGE:
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
    return f"{MARKER}\n{text}\n[This run]({server}/{repository}/actions/runs/{run})\n"


def main() -> int:
    out = Path(os.environ.get("RUNNER_TEMP", "/tmp")) / "w2vbench"
    number = pull_request()
    if number is None or not (out / "messages.txt").exists():  # nothing was compared, and an annotation says why
        return 0
    body = {"body": text_of(out)}
    try:
        earlier = earlier_comment(number)
        if earlier is None:
            request("POST", f"issues/{number}/comments", body)
        else:
            request("PATCH", f"issues/comments/{earlier}", body)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        print(f"w2vbench: no comment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
