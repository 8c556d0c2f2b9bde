/**
 * Part "coverage": which basic blocks of policy.wasm the trials reach. A block that none reaches
 * must be listed with the reason why it cannot be, and none that is reached may be listed.
 *
 * @module
 */

import { type Block, BlockNotes, blocksOf } from "../../harness/verify/blocks.ts";
import { type MappedCode, mappedOnce } from "../../harness/verify/mapped.ts";
import type { Finding, Row, VerifyPart } from "../../harness/verify/result.ts";
import { type Trial, trialsOfPolicy, tried } from "./trial.ts";
import UNREACHED from "./unreached.json" with { type: "json" };

/** Where the compiler names no line: exports that only give a number. */
const NO_LINE = "without a line";

/** Blocks with one reason why no run can reach them. */
export interface Unreachable {
  readonly reason: string;
  readonly blocks: readonly string[];
}

/** What trials reached. */
export interface Coverage {
  readonly blocks: readonly Block[];
  /** By block. */
  readonly reached: Uint8Array;
  /** Blocks that each trial reached. */
  readonly byTrial: readonly Uint8Array[];
  /** Trials that did not end as expected. */
  readonly failed: readonly string[];
}

/** Runs trials on a build that notes its blocks. */
export function coverageOf(mapped: MappedCode, trials: readonly Trial[]): Coverage {
  const blocks = blocksOf(mapped);
  const notes = new BlockNotes(mapped.code, blocks);
  const reached = new Uint8Array(blocks.length);
  const failed: string[] = [];
  const byTrial = trials.map((trial) => {
    const wrong = tried(trial, notes.module);
    if (wrong !== null) failed.push(`${trial.name}: ${wrong}`);
    const here = notes.take();
    here.forEach((note, block) => reached[block]! |= note);
    return here;
  });
  return { blocks, reached, byTrial, failed };
}

/** What of the coverage is not as the list says. */
export function coverageFindings(
  { blocks, reached, failed }: Coverage,
  list: readonly Unreachable[],
): Finding[] {
  const listed = new Set(list.flatMap(({ blocks }) => blocks));
  const known = new Set(blocks.map(({ id }) => id));
  const shown = ({ id, origin }: Block) => `${id} (${origin?.file}:${origin?.line})`;
  const missed = blocks.filter((block, place) =>
    reached[place] === 0 && !block.stops && !listed.has(block.id)
  );
  const found = blocks.filter(({ id }, place) => reached[place] === 1 && listed.has(id));
  const gone = [...listed].filter((id) => !known.has(id));
  const findings: Finding[] = [];
  const refuse = (sentence: string, detail: readonly string[]) => {
    if (detail.length > 0) findings.push({ sentence, detail });
  };
  refuse("Trials that do not end as expected", failed);
  refuse("Blocks that nothing reaches: try them, or list them with a reason", missed.map(shown));
  refuse("Blocks listed as out of reach that were reached", found.map(shown));
  refuse("Blocks listed as out of reach that do not exist", gone);
  return findings;
}

/** One row for all, one for each source file. */
export function coverageRows(coverage: Coverage, list: readonly Unreachable[]): Row[] {
  const listed = new Set(list.flatMap(({ blocks }) => blocks));
  const figures = (wanted: (block: Block) => boolean) => {
    const counts = { blocks: 0, reached: 0, "out of reach": 0, "broken asserts": 0 };
    coverage.blocks.forEach((block, place) => {
      if (!wanted(block)) return;
      counts.blocks++;
      if (coverage.reached[place] === 1) counts.reached++;
      else if (block.stops) counts["broken asserts"]++;
      else if (listed.has(block.id)) counts["out of reach"]++;
    });
    // An assert that breaks is a finding of every other part.
    const reachable = counts.blocks - counts["broken asserts"];
    return { ...counts, "% reached": Math.floor(100 * counts.reached / Math.max(1, reachable)) };
  };
  const files = [...new Set(coverage.blocks.map(({ origin }) => origin?.file ?? NO_LINE))].sort();
  return [
    {
      name: "all",
      figures: figures(() => true),
      findings: coverageFindings(coverage, list),
      seconds: 0,
    },
    ...files.map((file) => ({
      name: file,
      figures: figures(({ origin }) => (origin?.file ?? NO_LINE) === file),
      findings: [],
      seconds: 0,
    })),
  ];
}

/** The part. */
export const coveragePart: VerifyPart = {
  name: "coverage",
  purpose: "basic blocks of policy.wasm that trials with a known end reach",
  async run({ policy, note }) {
    const trials = await trialsOfPolicy();
    note(`Noting the blocks that ${trials.length} trials reach`);
    const started = performance.now();
    const coverage = coverageOf(await mappedOnce("policy", policy.bytes), trials);
    const [all, ...files] = coverageRows(coverage, UNREACHED);
    return [{ ...all!, seconds: (performance.now() - started) / 1000 }, ...files];
  },
};
