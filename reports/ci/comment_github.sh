#!/usr/bin/env bash
# Puts a verdict on a pull request: one comment, written again by every run. Ends with 0 also where
# the token may not comment, as on a pull request from a fork: the verdict stands without it.
#
# Reads from the environment: GH_TOKEN, GITHUB_REPOSITORY, PULL_REQUEST, its number; MARKDOWN, the
# file of the verdict; PAGE, a link to what explains it; KEY, which tells several gates apart.
set -uo pipefail

mark="<!-- netpolicy-lab gate: ${KEY:-default} -->"
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
  echo "$mark"
  if [[ -s $MARKDOWN ]]; then cat "$MARKDOWN"; else echo "No verdict: see the log of the job"; fi
  if [[ -n ${PAGE:-} ]]; then printf '\n[Page and records](%s)\n' "$PAGE"; fi
} > "$body" || exit 2

comments="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
select=".[] | select(.body | startswith(\"$mark\")) | .id"
if known=$(gh api --paginate "$comments?per_page=100" --jq "$select"); then
  known=$(head -n 1 <<< "$known")
  if [[ -n $known ]]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$known" \
      --field "body=@$body" > /dev/null && exit 0
  else
    gh api --method POST "$comments" --field "body=@$body" > /dev/null && exit 0
  fi
fi
echo "::warning title=No comment::The token may not comment on pull request $PULL_REQUEST"
