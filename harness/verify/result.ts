/**
 * What the verifier's parts report. A part is a check with a name; it registers by standing in the
 * list that is given to the command.
 *
 * @module
 */

/** Version of the document that `--json` prints. */
export const VERIFY_SCHEMA = "netpolicy-lab/verify/1";

/** How much is tried: ci for every commit, full for a night. */
export type Profile = "ci" | "full";

/** What a part is given. */
export interface VerifyContext {
  readonly profile: Profile;
  /** 32-bit seed of the parts that draw. */
  readonly seed: number;
  /** Id of the one mutant to try, null for the profile's. */
  readonly mutant?: string | null;
  /** policy.wasm, compiled and as bytes. */
  readonly policy: { readonly module: WebAssembly.Module; readonly bytes: Uint8Array<ArrayBuffer> };
  /** Says what is being done. */
  readonly note: (line: string) => void;
}

/** Sentence of a finding that lists what runs of this many seeds should have met. */
export const NEVER_REACHED = "Never reached";

/** Something that does not hold. */
export interface Finding {
  readonly sentence: string;
  /** Document that shows it, and the command that repeats it; default `deno task policy`. */
  readonly script?: unknown;
  readonly command?: string;
  /** Further lines for a reader. */
  readonly detail?: readonly string[];
}

/** One row of the table. */
export interface Row {
  readonly name: string;
  /** Figures by name, in the order they are shown. */
  readonly figures: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** What was looked for and found, as it should be: faults of what is only described. */
  readonly shown?: readonly Finding[];
  readonly seconds: number;
  /** Why nothing was tried; a row that tried something has none. */
  readonly skipped?: string;
}

/** A part of the verifier. */
export interface VerifyPart {
  readonly name: string;
  /** What it checks, in one sentence. */
  readonly purpose: string;
  run(context: VerifyContext): Promise<Row[]>;
}

/** Rows of a part. */
export interface PartResult {
  readonly part: string;
  readonly purpose: string;
  readonly passed: boolean;
  readonly rows: readonly Row[];
}

/** The whole result. */
export interface VerifyResult {
  readonly schema: typeof VERIFY_SCHEMA;
  readonly profile: Profile;
  readonly seed: number;
  readonly policy_wasm_sha256: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly parts: readonly PartResult[];
}

/** Runs what makes a row and times it. */
export async function timedRow(
  name: string,
  body: () => Promise<Omit<Row, "name" | "seconds">> | Omit<Row, "name" | "seconds">,
): Promise<Row> {
  const started = performance.now();
  const row = await body();
  return { name, ...row, seconds: (performance.now() - started) / 1000 };
}
