#!/usr/bin/env bash
# Puts a verdict on a merge request: one note, written again by every run. Ends with 0 also where
# it may not: the verdict stands without it.
#
# Reads from the environment: CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, as GitLab sets
# them; LAB_COMMENT_TOKEN, a project token with the scope api; MARKDOWN, the file of the verdict;
# KEY, which tells several gates apart.
set -uo pipefail

mark="<!-- netpolicy-lab gate: ${KEY:-default} -->"
notes="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"

api() {
  curl --silent --show-error --fail --header "PRIVATE-TOKEN: $LAB_COMMENT_TOKEN" "$@"
}

body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
  echo "$mark"
  if [[ -s $MARKDOWN ]]; then cat "$MARKDOWN"; else echo "No verdict: see the log of the job"; fi
} > "$body" || exit 2

# Notes come 100 at a time, the oldest first: the gate's is among the first of a merge request.
if list=$(api "$notes?per_page=100&sort=asc"); then
  known=$(MARK="$mark" node -e '
    const notes = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    console.log(notes.find(({ body }) => body.startsWith(process.env.MARK))?.id ?? "");
  ' <<< "$list")
  if [[ -n $known ]]; then
    api --request PUT --data-urlencode "body@$body" "$notes/$known" > /dev/null && exit 0
  else
    api --request POST --data-urlencode "body@$body" "$notes" > /dev/null && exit 0
  fi
fi
echo "warning: LAB_COMMENT_TOKEN may not comment on merge request $CI_MERGE_REQUEST_IID" >&2
