#!/usr/bin/env bash
# Compares a pull request with its base, in a workflow. Inputs come as variables (see action.yml) and are only ever
# passed on as arguments. The exit code is that of w2vbench compare.
set -euo pipefail
out=${RUNNER_TEMP:-/tmp}/w2vbench
rm -rf "$out"
mkdir -p "$out"

refuse() {
  echo "::error::w2vbench: $1"
  exit 2
}

# One line, one argument; spaces around a line, and empty lines, do not count.
arguments=()
lines() { # NAME of an option, or nothing; then the text
  local line
  while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    if [ -n "$line" ]; then arguments+=(${1:+"$1"} "$line"); fi
  done <<<"$2"
}

# Prints the revision to compare with. A pull request is checked out with one commit, so it may have to be fetched.
revision() {
  case $1 in -*) refuse "base: not a revision: $1" ;; esac
  if git rev-parse --verify --quiet --end-of-options "$1^{commit}" >/dev/null; then
    echo "$1"
    return
  fi
  case $1 in
    # a greater depth, not the parent alone: only so does git know that it is the parent
    HEAD^1) git fetch --quiet --no-tags --depth=2 origin "$(git rev-parse HEAD)" >&2 && git rev-parse --verify "$1" >/dev/null && echo "$1" ;;
    origin/*) git fetch --quiet --no-tags --depth=1 origin "+refs/heads/${1#origin/}:refs/remotes/$1" >&2 && echo "$1" ;;
    *) git fetch --quiet --no-tags --depth=1 origin "$1" >&2 && git rev-parse --verify 'FETCH_HEAD^{commit}' ;;
  esac || refuse "base: no revision $1 here or in origin"
}

# GitHub checks out a merge of the pull request into its base, so the first parent is that base. The base's branch may have
# moved on: a comparison with its tip would be of other people's changes too. The parents are read from the commit
# itself, since git hides them where a clone ends.
base=${BASE:-}
if [ -z "$base" ] && [ -n "${HEAD_SHA:-}" ]; then
  parents=$(git cat-file commit HEAD | sed -n '1,/^$/s/^parent //p') || refuse "no git repository here: check it out first"
  case $parents in *$'\n'"$HEAD_SHA") base=HEAD^1 ;; esac
fi
base=${base:-${BASE_SHA:-${GITHUB_BASE_REF:+origin/$GITHUB_BASE_REF}}}
[ -n "$base" ] || refuse "this is no pull request: name the base to compare with"
found=$(revision "$base") || { echo "$found"; exit 2; }

lines --impl "${IMPL:-}"
[ ${#arguments[@]} -gt 0 ] || refuse "impl: name the file with your implementations"
if [ -n "${THRESHOLD:-}" ]; then arguments+=(--threshold "$THRESHOLD"); fi
case ${PASS_INCONCLUSIVE:-true} in
  true) arguments+=(--pass-inconclusive) ;;
  false) ;;
  *) refuse "pass-inconclusive: true or false, not $PASS_INCONCLUSIVE" ;;
esac
lines "" "${ARGS:-}"

printf '%s\n' "$base" >"$out/base.txt"
code=0
w2vbench compare "$found" "${arguments[@]}" --out "$out" 2>"$out/messages.txt" || code=$?
cat "$out/messages.txt" >&2
exit "$code"
