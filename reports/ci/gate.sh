#!/usr/bin/env bash
# Runs workloads, judges them, and makes the page: what every CI does alike. Never posts anything;
# the exit code is the gate's.
#
# Reads from the environment: LAB, the folder of the lab; OUT, the folder for everything it writes;
# BENCH, options of bench; FAIL_ON_INCONCLUSIVE, true or false. Judges against BASELINE, a file of
# accepted results; or HISTORY, how many of the last runs in HISTORY_FILE; or COMPARE, a revision
# that is run in turns with the folder itself. HISTORY_REMOVE is a bad commit to take out of the
# history first, HISTORY_ADD the commit to add the runs under afterwards.
set -uo pipefail

lab() {
  (cd "$LAB" && npx --yes deno@2.9.6 task --quiet "$@")
}

mkdir -p "$OUT" || exit 2
rm -f "$OUT"/bench/records.ndjson "$OUT"/gate.* "$OUT"/report.html
# Options are words without blanks in them, and no patterns.
set -f
# shellcheck disable=SC2206
bench=(${BENCH:-})
set +f
judge=(--json --junit "$OUT/gate.xml" --sarif "$OUT/gate.sarif" --markdown "$OUT/gate.md")
if [[ ${FAIL_ON_INCONCLUSIVE:-false} == true ]]; then judge+=(--fail-on-inconclusive); fi

run_bench() {
  lab bench --quiet "${bench[@]}" --out "$OUT/bench" > "$OUT/bench.txt"
  local code=$?
  cat "$OUT/bench.txt"
  return "$code"
}

# Also after red: the history holds what the branch is. What it must not hold is removed by name.
add_to_history() {
  if [[ -z ${HISTORY_ADD:-} || ! -f $OUT/bench/records.ndjson ]]; then return 0; fi
  lab history add "$OUT/bench" --commit "$HISTORY_ADD" --file "$HISTORY_FILE"
}

if [[ -n ${COMPARE:-} ]]; then
  lab compare "$COMPARE" . "${judge[@]}" -- "${bench[@]}" > "$OUT/gate.json"
  code=$?
  if [[ -f $OUT/gate.md ]]; then cat "$OUT/gate.md"; fi
  exit "$code"
fi

if [[ -n ${HISTORY:-} ]]; then
  judge+=(--history "$HISTORY" --history-file "$HISTORY_FILE")
  if [[ ! -f $HISTORY_FILE && -n ${HISTORY_ADD:-} ]]; then
    run_bench || exit
    echo "The history begins with this run: nothing to judge against" | tee "$OUT/gate.md"
    add_to_history
    exit
  fi
  if [[ -n ${HISTORY_REMOVE:-} ]]; then
    lab history remove --commit "$HISTORY_REMOVE" --file "$HISTORY_FILE" || exit
  fi
else
  judge+=(--baseline "$BASELINE")
fi

run_bench
bench_code=$?
# Without records the gate says so in every file, and ends with 5.
lab gate "$OUT/bench" "${judge[@]}" > "$OUT/gate.json"
code=$?
if ((code == 0)); then code=$bench_code; fi
if [[ -f $OUT/gate.md ]]; then cat "$OUT/gate.md"; fi
if [[ -s $OUT/gate.json ]]; then
  lab report "$OUT/bench" --gate "$OUT/gate.json" --out "$OUT/report.html" > "$OUT/report.txt"
fi
add_to_history || exit
exit "$code"
