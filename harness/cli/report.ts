/**
 * `report`: page and terminal summary from stored records. Runs nothing.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import type { PageOptions } from "../../reports/page/context.ts";
import type { RunSet } from "../../reports/page/page.ts";
import { UserError } from "../errors.ts";
import { readText } from "../jsonc.ts";
import type { RunRecord } from "../record.ts";
import { FILES, readRecords, refuseFolder, writeWhole } from "../store.ts";
import { type Context, path, wholeNumber } from "./context.ts";
import type { Io } from "./io.ts";
import { openInBrowser } from "./open_browser.ts";
import { present, presentComparison } from "./present.ts";
import { servePage, versionOf } from "./serve_page.ts";

/** Where `--serve` listens unless told. */
const DEFAULT_PORT = 8585;

interface ReportFlags {
  readonly out?: string;
  readonly compare?: true;
  readonly gate?: string;
  readonly validation?: string;
  readonly verification?: string;
  readonly open?: true;
  readonly serve?: number | true;
  readonly json?: true;
}

/** The command, ready to be registered. */
export function reportCommand(context: Context): Command {
  return new Command("report")
    .description("Make the page and the terminal summary from stored records")
    .argument("<records...>", "records.ndjson files, or folders that hold one")
    .option(
      "-o, --out <file>",
      "file for the page (default: report.html beside the first records)",
      path,
    )
    .option("--compare", "set the later records against the first, run by run")
    .option("--gate <file>", 'show this verdict, printed by "gate --json"', path)
    .option("--validation <file>", 'show this result, printed by "validate --json"', path)
    .option("--verification <file>", 'show this result, printed by "verify --json"', path)
    .option("--open", "open the page in the browser")
    .option(
      "--serve [port]",
      `serve the page, live while a bench writes (default port: ${DEFAULT_PORT})`,
      wholeNumber(0, 65535),
    )
    .option("--json", "print the summary as JSON instead of tables")
    .addHelpText("after", HELP)
    .action((paths: readonly string[], flags: ReportFlags) => report(paths, flags, context));
}

const HELP = `
With --compare each argument is a set of runs, named by the part of its
path that tells it from the others. With --serve the page shows each run
as it ends, until Ctrl-C; records need not exist yet.

Examples:
  deno task report out/bench --open
  deno task report out/model out/live --out both.html
  deno task report out/before out/after --compare
  deno task report out/bench --serve
  deno task gate out/bench --json > gate.json; deno task report out/bench --gate gate.json`;

async function report(
  paths: readonly string[],
  flags: ReportFlags,
  context: Context,
): Promise<void> {
  const { io } = context;
  refuseClashes(paths, flags);
  const given = paths.map((each) => resolve(io.cwd, each));
  const beside = await besideOf(flags, io.cwd);
  if (flags.serve !== undefined) return await serve(given, flags, beside, io);
  const sets: RunSet[] = [];
  const files: string[] = [];
  const groups = flags.compare === true ? given.map((each) => [each]) : [given];
  for (const [index, group] of groups.entries()) {
    const { records, files: read } = await readRecords(group);
    sets.push({ name: setNames(paths)[index]!, records });
    files.push(...read);
  }
  const store = await pageStore(files[0]!, flags.out, io.cwd);
  const options = { store, isEarly: false, json: flags.json === true, beside };
  const page = flags.compare === true
    ? await presentComparison(sets, options, io)
    : await present(sets[0]!.records, { ...options, isFull: true }, io);
  if (flags.open === true) await openInBrowser(page, io);
}

function refuseClashes(paths: readonly string[], flags: ReportFlags): void {
  if (flags.compare === true && paths.length < 2) {
    throw new UserError("--compare needs two sets of records or more: name the base first");
  }
  if (flags.serve === undefined) return;
  for (const [name, isGiven] of [["--out", flags.out], ["--json", flags.json]] as const) {
    if (isGiven !== undefined) {
      throw new UserError(`Cannot give --serve and ${name} together: a served page is no file`);
    }
  }
}

/** Where the page goes, proven to be free for a file. */
async function pageStore(recordsFile: string, out: string | undefined, cwd: string) {
  const page = out === undefined ? resolve(dirname(recordsFile), FILES.page) : resolve(cwd, out);
  await refuseFolder(page);
  return {
    recordsFile,
    writePage: async (html: string): Promise<string> => {
      await writeWhole(page, html);
      return page;
    },
  };
}

/** Serves until Ctrl-C. */
async function serve(
  given: readonly string[],
  flags: ReportFlags,
  beside: PageOptions,
  io: Io,
): Promise<void> {
  const { renderPage, renderComparison } = await import("../../reports/page/page.ts");
  const growing = { isGrowing: true };
  const served = { ...beside, isServed: true };
  const recordsOf = async (paths: readonly string[]): Promise<readonly RunRecord[]> =>
    (await readRecords(paths, growing)).records;
  const names = setNames(given);
  const makePage = async (): Promise<string> => {
    if (flags.compare !== true) return await renderPage(await recordsOf(given), served);
    const sets = await Promise.all(
      given.map(async (each, index) => ({ name: names[index]!, records: await recordsOf([each]) })),
    );
    return await renderComparison(sets, served);
  };
  const ended = new AbortController();
  const forget = io.onInterrupt(() => ended.abort());
  try {
    // A folder may not be there yet, so both forms of the path are watched.
    const files = given.flatMap((each) => [each, join(each, FILES.records)]);
    const { url, finished } = servePage({
      makePage,
      version: () => versionOf(files),
      port: typeof flags.serve === "number" ? flags.serve : DEFAULT_PORT,
      signal: ended.signal,
    });
    io.out(`Page     ${url}\n`);
    io.err("Ctrl-C ends\n");
    if (flags.open === true) await openInBrowser(url, io);
    await finished;
  } finally {
    forget();
  }
}

/**
 * Names of sets: the end of each path that tells it from all others.
 *
 * @param paths As the person wrote them.
 */
export function setNames(paths: readonly string[]): string[] {
  const parts = paths.map((each) => {
    const trimmed = each.replace(/\/+$/, "").replace(/\.ndjson$/, "");
    const segments = trimmed.split("/").filter((part) => part !== "" && part !== ".");
    return segments.length > 1 && segments.at(-1) === "records" ? segments.slice(0, -1) : segments;
  });
  const longest = Math.max(...parts.map((each) => each.length));
  for (let count = 1; count < longest; count++) {
    const names = parts.map((each) => each.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  // The same path twice: numbers tell the two apart.
  const whole = parts.map((each) => each.join("/") || "records");
  return new Set(whole).size === whole.length
    ? whole
    : whole.map((name, index) => `${name} (${index + 1})`);
}

/** What other commands found, read from the files that the options name. */
async function besideOf(flags: ReportFlags, cwd: string): Promise<PageOptions> {
  const read = async <T>(
    file: string | undefined,
    parse: (text: string, place: string) => T,
  ): Promise<T | null> =>
    file === undefined ? null : parse(await readText(resolve(cwd, file), ANY_SIZE), file);
  const { readGateVerdict } = await import("../../reports/page/gate_verdict.ts");
  const { readValidation } = await import("../../reports/page/validation.ts");
  const { readVerification } = await import("../../reports/page/verification.ts");
  return {
    gate: await read(flags.gate, readGateVerdict),
    validation: await read(flags.validation, readValidation),
    verification: await read(flags.verification, readVerification),
  };
}

/** A verdict has as many lines as there are runs and metrics. */
const ANY_SIZE = { bytesMax: Infinity, acceptsPipe: true } as const;
