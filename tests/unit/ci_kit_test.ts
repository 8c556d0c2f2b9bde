/**
 * The CI kit, run as CI runs it: the shell of the action's steps in order, with GitHub's variables,
 * on real runs of the model; `gh`, `curl` and `npx` are small stand-ins that keep what they were
 * asked. That the files are YAML the formatter checks, which reads them.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "./lab_io.ts";

const KIT = join(Deno.cwd(), "reports", "ci");

/** One step of a composite action, as far as a shell sees it. */
interface Step {
  readonly name: string;
  readonly condition: string;
  readonly env: Readonly<Record<string, string>>;
  /** null for a step that uses another action. */
  readonly run: string | null;
}

/** Reads the steps of action.yml: its own indentation, no YAML in general. */
function stepsOf(text: string): Step[] {
  return text.split(/^ {4}- name: /m).slice(1).map((part) => {
    const field = (name: string): string =>
      part.match(new RegExp(`^ {6}${name}:(.*(?:\n {8}.*)*)`, "m"))?.[1] ?? "";
    const env = [...field("env").matchAll(/^ {8}(\w+): (.*)$/gm)];
    const run = field("run");
    return {
      name: part.slice(0, part.indexOf("\n")),
      condition: field("if").replace(/^ *>-/, "").replace(/\s+/g, " ").trim(),
      env: Object.fromEntries(env.map(([, name, value]) => [name!, value!])),
      run: run === "" ? null : run.replace(/^ *\|\n/, "").replace(/^ {8}/gm, ""),
    };
  });
}

/** What GitHub knows when a job runs. */
interface Job {
  readonly event: "pull_request" | "push";
  readonly inputs: Readonly<Record<string, string>>;
}

/** Programs that stand for those of a runner: `gh` keeps comments and one artifact in files. */
const PROGRAMS: Readonly<Record<string, string>> = {
  npx: 'shift 2\nexec "$FAKE_DENO" "$@"\n',
  gh: `echo "gh $*" >> "$FAKE/log"
case "$*" in
  "run download"*) cp "$FAKE/history.sqlite" "\${!#}" ;;
  *"actions/artifacts"*) [ -f "$FAKE/history.sqlite" ] && echo 77 ; true ;;
  *"--paginate"*) [ -f "$FAKE/comment" ] && echo 4242 ; true ;;
  *"--method"*) for word in "$@"; do case "$word" in body=@*) cp "\${word#body=@}" "$FAKE/comment" ;;
    esac; done ;;
esac
`,
};

async function addPrograms(folder: string, programs: Readonly<Record<string, string>>) {
  const path = join(folder, "bin");
  await Deno.mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(join(path, name), `#!/usr/bin/env bash\n${text}`, { mode: 0o755 });
  }
  return `${path}:${Deno.env.get("PATH")}`;
}

async function readIfThere(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

/** What a job left behind. */
interface Outcome {
  readonly code: number;
  readonly comment: string;
  readonly log: string;
  readonly summary: string;
  readonly printed: string;
  readonly files: readonly string[];
}

/** The variables that GitHub sets for every step of a job. */
async function worldOf(folder: string, event: Job["event"]): Promise<Record<string, string>> {
  return {
    PATH: await addPrograms(folder, PROGRAMS),
    FAKE: folder,
    FAKE_DENO: Deno.execPath(),
    RUNNER_TEMP: join(folder, "runner"),
    GITHUB_ACTIONS: "true",
    GITHUB_ACTION_PATH: KIT,
    GITHUB_WORKSPACE: folder,
    GITHUB_EVENT_NAME: event,
    GITHUB_REF: event === "pull_request" ? "refs/pull/12/merge" : "refs/heads/main",
    GITHUB_SHA: "c0ffee",
    GITHUB_REPOSITORY: "owner/project",
    GITHUB_RUN_ID: "99",
    GITHUB_SERVER_URL: "https://github.example",
    GITHUB_OUTPUT: join(folder, "output"),
    GITHUB_STEP_SUMMARY: join(folder, "summary"),
  };
}

/** Runs the steps of the action in order, as a runner would, and ends at the first red. */
async function runAction(folder: string, { event, inputs }: Job): Promise<Outcome> {
  const text = await Deno.readTextFile(join(KIT, "action.yml"));
  const defaults = [...text.matchAll(/^ {2}([\w-]+):\n(?: {4}.*\n)*? {4}default: (.*)$/gm)];
  const given: Record<string, string> = {
    ...Object.fromEntries(defaults.map(([, name, value]) => [name!, value!.replace(/^"|"$/g, "")])),
    ...inputs,
  };
  const isPullRequest = event === "pull_request";
  const outputs: Record<string, string> = {};
  const valueOf = (expression: string): string => {
    const [, input] = expression.match(/^inputs\.([\w-]+)$/) ?? [];
    const [, output] = expression.match(/^steps\.gate\.outputs\.([\w-]+)$/) ?? [];
    if (input !== undefined) return given[input]!;
    if (output !== undefined) return outputs[output] ?? "";
    if (expression === "github.event.repository.default_branch") return "main";
    if (expression === "github.event.pull_request.number") return isPullRequest ? "12" : "";
    throw new Error(`No value for "${expression}"`);
  };
  const isWanted = ({ condition }: Step): boolean => {
    switch (condition) {
      case "":
        return true;
      case "inputs.history != ''":
        return given["history"] !== "";
      case "inputs.comment == 'true' && github.event.pull_request.number != ''":
        return given["comment"] === "true" && isPullRequest;
      default:
        throw new Error(`No value for "${condition}"`);
    }
  };
  const runner = join(folder, "runner");
  const files = { output: join(folder, "output"), summary: join(folder, "summary") };
  await Deno.mkdir(runner, { recursive: true });
  for (const file of Object.values(files)) await Deno.writeTextFile(file, "");
  const world = await worldOf(folder, event);
  let code = 0;
  let printed = "";
  for (const step of stepsOf(text)) {
    if (step.run === null || !isWanted(step)) continue;
    const env = Object.entries(step.env).map(([name, value]) =>
      [name, value.replace(/\$\{\{ (.*?) \}\}/g, (_, inner) => valueOf(inner))] as const
    );
    // As GitHub starts `shell: bash`.
    const args = ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run];
    const result = await new Deno.Command("bash", {
      args,
      cwd: folder,
      env: { ...world, ...Object.fromEntries(env) },
    }).output();
    printed += new TextDecoder().decode(result.stdout) + new TextDecoder().decode(result.stderr);
    for (const line of (await Deno.readTextFile(files.output)).trim().split("\n")) {
      const [name, value] = line.split("=");
      if (name && value !== undefined) outputs[name] = value;
    }
    code = result.code;
    if (code !== 0) break;
  }
  const out = join(runner, given["name"]!);
  return {
    code,
    printed,
    comment: await readIfThere(join(folder, "comment")),
    log: await readIfThere(join(folder, "log")),
    summary: await Deno.readTextFile(files.summary),
    files: [...Deno.readDirSync(out)].map(({ name }) => name).sort(),
  };
}

const BENCH = "--target model --workload rr --policy NONE --seeds 1 --duration 10ms";

async function makeBaseline(folder: string): Promise<string> {
  const file = join(folder, "base.json");
  const records = join(folder, "records");
  for (
    const args of [["bench", ...BENCH.split(" "), "--quiet", "--out", records], [
      "gate",
      records,
      "--update",
      "--baseline",
      file,
    ]]
  ) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["task", "-q", ...args],
      stdout: "null",
    });
    assert.ok((await command.output()).success, args.join(" "));
  }
  return file;
}

Deno.test("the action: green comments once, red writes the same comment again and fails", async () => {
  await inFolder(async (folder) => {
    const baseline = await makeBaseline(folder);
    const job: Job = { event: "pull_request", inputs: { bench: BENCH, baseline: "base.json" } };
    const green = await runAction(folder, job);
    assert.equal(green.code, 0, green.printed);
    assert.match(
      green.comment,
      /^<!-- netpolicy-lab gate: lab-gate -->\n### Regression gate\n\nPass: \d+ comparisons?: /,
    );
    assert.match(
      green.comment,
      /\(https:\/\/github\.example\/owner\/project\/actions\/runs\/99#art/,
    );
    assert.match(green.log, /gh api --method POST repos\/owner\/project\/issues\/12\/comments /);
    assert.match(green.summary, /^### Regression gate\n\nPass: /);
    const files = ["bench", "gate.json", "gate.md", "gate.sarif", "gate.xml", "report.html"];
    for (const file of files) assert.ok(green.files.includes(file), `${file} in ${green.files}`);

    const text = await Deno.readTextFile(baseline);
    await Deno.writeTextFile(baseline, text.replace(/("rr\/latency_ns_p50":)(\d+)/, "$11"));
    const red = await runAction(folder, job);
    assert.equal(red.code, 1, red.printed);
    assert.match(
      red.comment,
      /\n\nFail: [^]*REGRESSION \| rr\/model\/stock\/NONE \| rr\/latency\\_ns/,
    );
    assert.match(red.log, /gh api --method PATCH repos\/owner\/project\/issues\/comments\/4242 /);
    assert.match(
      red.printed,
      /::error file=base\.json,line=\d+,title=rr\/model\/stock\/NONE rr\/lat/,
    );
    assert.ok(!red.summary.includes("Pass"));
  });
});

Deno.test("the action: a bench that cannot run is red, and every file says that there is no verdict", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "base.json"), "{}");
    const inputs = { bench: "--workload nosuch", baseline: "base.json" };
    const { code, comment, printed } = await runAction(folder, { event: "pull_request", inputs });
    assert.equal(code, 5, printed);
    assert.match(comment, /\n\nNo verdict: Cannot read .*: run "deno task bench" first/);
    assert.match(printed, /::error title=No verdict::/);
    assert.match(printed, /Unknown workload "nosuch"/);
  });
});

Deno.test("the action: main keeps a history, a pull request is judged against it and adds nothing", async () => {
  await inFolder(async (folder) => {
    const inputs = { bench: BENCH, history: "3" };
    const first = await runAction(folder, { event: "push", inputs });
    assert.equal(first.code, 0, first.printed);
    assert.match(first.printed, /No run on main has kept a history yet/);
    assert.match(first.printed, /The history begins with this run/);
    assert.match(first.printed, /Added \d+ values/);
    assert.equal(first.comment, "");
    const kept = join(folder, "runner", "lab-gate", "history.sqlite");
    await Deno.rename(kept, join(folder, "history.sqlite"));
    const request = await runAction(folder, { event: "pull_request", inputs });
    assert.equal(request.code, 0, request.printed);
    assert.match(request.log, /gh run download 77 --repo owner\/project --name lab-gate-history/);
    assert.match(request.comment, /Pass: \d+ comparisons?: \d+ identical/);
    assert.doesNotMatch(request.printed, /Added \d+ values/);
  });
});

/** Stands for a lab: tells what it was asked, writes a verdict, and ends as told. */
const FAKE_LAB = `shift 4
echo "lab $*" >> "$FAKE/log"
if [ "$1" = bench ] && [ -n "$RECORDS" ]; then touch "$RECORDS/records.ndjson"; fi
if [ "$1" = gate ] || [ "$1" = compare ]; then
  echo "### Regression gate" > "$OUT/gate.md"; echo "{}"; exit "$FAKE_CODE"
fi
`;

const FAKE_CURL = `echo "curl $*" >> "$FAKE/log"
case "$*" in
  *per_page*) cat "$FAKE/notes" ;;
  *body@*) for word in "$@"; do case "$word" in body@*) cp "\${word#body@}" "$FAKE/note" ;; esac; done ;;
esac
`;

Deno.test("the GitLab job: passes the verdict on, notes it once, then writes the same note again", async () => {
  await inFolder(async (folder) => {
    const text = await Deno.readTextFile(join(KIT, "gitlab.yml"));
    const script = text.match(/^ {4}- \|\n((?: {6}.*\n| *\n)+)/m)![1]!.replace(/^ {6}/gm, "");
    await Deno.mkdir(join(folder, "reports"));
    await Deno.symlink(KIT, join(folder, "reports", "ci"));
    const run = async (notes: unknown, more: Readonly<Record<string, string>>) => {
      await Deno.writeTextFile(join(folder, "notes"), JSON.stringify(notes));
      await Deno.writeTextFile(join(folder, "log"), "");
      const { code } = await new Deno.Command("sh", {
        args: ["-c", script],
        cwd: folder,
        stdout: "null",
        stderr: "null",
        env: {
          PATH: await addPrograms(folder, { npx: FAKE_LAB, curl: FAKE_CURL }),
          FAKE: folder,
          FAKE_CODE: "0",
          CI_PROJECT_DIR: folder,
          CI_API_V4_URL: "https://gitlab.example/api/v4",
          CI_PROJECT_ID: "5",
          BENCH: "--target live",
          BASELINE_PATH: "b.json",
          LAB_REPOSITORY: "",
          HISTORY: "",
          COMPARE: "",
          KEY: "k",
          ...more,
        },
      }).output();
      return { code, log: await Deno.readTextFile(join(folder, "log")) };
    };
    const merge = { CI_MERGE_REQUEST_IID: "8", LAB_COMMENT_TOKEN: "t" };
    const first = await run([{ id: 1, body: "hello" }], { ...merge, FAKE_CODE: "1" });
    assert.equal(first.code, 1, first.log);
    assert.match(first.log, /lab bench --quiet --target live --out .*\/lab-gate\/bench\n/);
    assert.match(first.log, /lab gate .* --baseline .*\/b\.json\n/);
    assert.match(first.log, /--request POST .*\/projects\/5\/merge_requests\/8\/notes\n/);
    const note = await Deno.readTextFile(join(folder, "note"));
    assert.equal(note, "<!-- netpolicy-lab gate: k -->\n### Regression gate\n");
    const second = await run([{ id: 1, body: "hello" }, { id: 31, body: note }], merge);
    assert.equal(second.code, 0);
    assert.match(second.log, /--request PUT .*\/notes\/31\n/);
    const alone = await run([], { FAIL_ON_INCONCLUSIVE: "true", FAKE_CODE: "3" });
    assert.equal(alone.code, 3);
    assert.match(alone.log, /lab gate .* --fail-on-inconclusive --baseline/);
    assert.doesNotMatch(alone.log, /curl/);
    await Deno.writeTextFile(join(folder, "lab-gate", "history.sqlite"), "");
    const main = { HISTORY: "3", HISTORY_REMOVE: "bad", HISTORY_COMMIT: "c0ffee", FAKE_CODE: "1" };
    await Deno.mkdir(join(folder, "lab-gate", "bench"));
    const kept = await run([], { ...main, RECORDS: join(folder, "lab-gate", "bench") });
    assert.equal(kept.code, 1);
    const words = kept.log.trim().split("\n").map((line) => line.split(" ").slice(0, 3).join(" "));
    assert.deepEqual(words, [
      "lab history remove",
      "lab bench --quiet",
      `lab gate ${folder}/lab-gate/bench`,
      `lab report ${folder}/lab-gate/bench`,
      "lab history add",
    ]);
    assert.match(kept.log, /lab history remove --commit bad --file .*history\.sqlite\n/);
    assert.match(kept.log, /lab history add .* --commit c0ffee --file .*history\.sqlite\n$/);
    const turns = await run([], { COMPARE: "origin/main", FAKE_CODE: "4" });
    assert.equal(turns.code, 4);
    assert.match(turns.log, /^lab compare origin\/main \. --json .* -- --target live\n$/);
  });
});
