/**
 * Command lines: every command with its options, values that they take and values that they do
 * not. Left out is what would run for long (a model, the self-test of the gate), start a program or
 * a server, or write.
 *
 * @module
 */

import type { Random } from "../../../harness/verify/walk.ts";

/** A command with the options that are tried, those that always stand last. */
interface CommandForm {
  readonly name: string;
  readonly options: readonly string[];
  /** Keeps it from doing more than reading its options. */
  readonly always: readonly string[];
}

const FORMS: readonly CommandForm[] = [
  {
    name: "bench",
    options: [
      ..."-w --workload -p --policy -t --target -m --machine -r --rate -s --seeds -d".split(" "),
      ..."--duration --first-seed --workers -o --out --trace --profile --json -q".split(" "),
    ],
    always: ["--dry-run"],
  },
  {
    name: "report",
    options: ["-o", "--compare", "--gate", "--validation", "--verification", "--json"],
    always: [],
  },
  {
    name: "gate",
    options: [
      "-b",
      "--baseline",
      "--trials",
      "--prune",
      "--json",
      "--date",
      "--by",
      "--sarif",
      "--fail-on-inconclusive",
    ],
    always: [],
  },
  { name: "export", options: ["-f", "--format"], always: [] },
  { name: "history", options: ["--file", "--commit", "--metric", "--all", "--json"], always: [] },
  { name: "policy", options: ["--schema", "--debug"], always: [] },
  { name: "import", options: ["-o", "--out", "-p", "--policy", "-w", "--workload"], always: [] },
  { name: "workloads", options: ["--json"], always: [] },
  { name: "validate", options: ["--workers", "--markdown", "--json", "-q"], always: ["no_file"] },
  { name: "build", options: ["--force", "--json", "--quiet"], always: ["--help"] },
  {
    name: "compare",
    options: ["--minimum-effect", "--pairs", "--looks", "--seed", "--json"],
    always: ["--help"],
  },
  { name: "", options: ["--version", "--help", "-V", "-x"], always: [] },
];

const VALUES = [
  ..."rr mix NONE BULK LATENCY mock model 1 0 -1 1000 1001 4294967296 1e9 0.5 NaN 1ms 5s".split(
    " ",
  ),
  ..."1us 99999999s csv bencher show import add . .. / /dev/null no_such --json -- - =".split(" "),
  "",
  " ",
  ",",
  "rr,mix",
  "rr,,mix",
  "__proto__",
  "constructor",
  "a\u0000b",
  "a\nb",
  "\u{1f600}",
  "'",
  '"',
  "$(id)",
  "x".repeat(5000),
  "1".repeat(400),
];

/** One command line. */
export function drawCommandLine(random: Random): string[] {
  const form = random.of(FORMS);
  const argv = form.name === "" ? [] : [form.name];
  for (let left = random.below(5); left > 0; left--) {
    const option = random.of(form.options);
    const kind = random.below(4);
    if (kind === 0) argv.push(random.of(VALUES));
    else if (kind === 1) argv.push(option);
    else if (kind === 2) argv.push(option, random.of(VALUES));
    else argv.push(`${option}=${random.of(VALUES)}`);
  }
  return [...argv, ...form.always];
}
