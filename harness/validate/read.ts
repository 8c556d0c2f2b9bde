/**
 * Reads validation files: cases against their schema, groups against that of workloads, settings
 * against that of machines, so that each mistake is told with file, line and column. Applies the
 * settings of a case to its machine. Never runs anything.
 *
 * @module
 */

import { basename, dirname, resolve } from "node:path";
import { UserError } from "../errors.ts";
import {
  type Finding,
  JSONC_ENDING,
  type JsoncDocument,
  jsoncNames,
  parseJsonc,
  readText,
} from "../jsonc.ts";
import type { DevicePolicy } from "../record.ts";
import {
  type MachineSpec,
  readMachine,
  readSchema,
  readWorkload,
  type WorkloadGroup,
  WORKLOADS_FOLDER,
} from "../spec.ts";
import { didYouMean } from "../suggest.ts";
import type { CaseDuration, Expectation, Source, ValidationCase } from "./case.ts";
import { expectationFindings } from "./expectation_relations.ts";
import { groupFindings, settingFindings } from "./part_findings.ts";

/** Folder of the built-in cases. */
export const VALIDATION_FOLDER: string = resolve(WORKLOADS_FOLDER, "validation");
const DURATION_DEFAULT: CaseDuration = { warmup_ms: 20, measure_ms: 100 };

/** A case as its file holds it. */
export interface CaseText {
  readonly name: string;
  readonly title: string;
  readonly calibration?: boolean;
  readonly expected_miss?: string;
  readonly machine?: string;
  readonly peer?: ValidationCase["peer"];
  readonly duration?: CaseDuration;
  readonly seeds?: number;
  readonly policy?: DevicePolicy;
  readonly nic?: { readonly coalesce?: Readonly<Record<string, unknown>> };
  readonly host?: Readonly<Record<string, number>>;
  readonly workload?: string | readonly WorkloadGroup[];
  readonly expect: readonly Expectation[];
}

/** A validation file. */
export interface CaseFile extends Pick<CaseText, "peer" | "duration" | "seeds"> {
  readonly title: string;
  readonly source: Source;
  readonly machine: string;
  readonly cases: readonly CaseText[];
}

/** Files of the built-in cases, sorted. */
export async function builtinCaseFiles(): Promise<string[]> {
  const names = await jsoncNames(VALIDATION_FOLDER);
  return names.map((name) => resolve(VALIDATION_FOLDER, name + JSONC_ENDING));
}

/**
 * Reads files of cases.
 *
 * @throws {UserError} for the first mistake of the first file that has one, or a name that stands
 * in two cases.
 */
export async function readCases(files: readonly string[]): Promise<ValidationCase[]> {
  const cases: ValidationCase[] = [];
  for (const file of files) {
    for (const found of await readCaseFile(file)) {
      const other = cases.find(({ name }) => name === found.name);
      if (other !== undefined) {
        throw new UserError(
          `Two cases are named "${found.name}", in ${other.file} and ${found.file}: rename one`,
        );
      }
      cases.push(found);
    }
  }
  refuseUnknownNames(cases);
  return cases;
}

/** Names of other cases must be those of cases. */
function refuseUnknownNames(cases: readonly ValidationCase[]): void {
  const names = cases.map(({ name }) => name);
  for (const { name, file, expect } of cases) {
    for (const wanted of expect.flatMap(casesNamedBy)) {
      if (names.includes(wanted)) continue;
      throw new UserError(
        `${file}: Case "${name}" compares with "${wanted}", which no file has` +
          didYouMean(wanted, names),
      );
    }
  }
}

/** Other cases that an expectation needs. */
export function casesNamedBy({ over, ascending }: Expectation): string[] {
  return [...over?.case === undefined ? [] : [over.case], ...ascending ?? []];
}

async function readCaseFile(file: string): Promise<ValidationCase[]> {
  const schema = await readSchema(resolve(VALIDATION_FOLDER, "schema.json"));
  const isBuiltin = dirname(file) === VALIDATION_FOLDER;
  const shown = isBuiltin ? `workloads/validation/${basename(file)}` : file;
  const document = parseJsonc<CaseFile>(await readText(file), shown, {
    schema,
    relations: caseRelations,
  });
  const cases: ValidationCase[] = [];
  for (const index of document.value.cases.keys()) {
    cases.push(await caseOf(document, index, file));
  }
  return cases;
}

/** What a schema cannot say about the cases of one file. */
function caseRelations(document: JsoncDocument<CaseFile>): Finding[] {
  return document.value.cases.flatMap((text, index) => {
    const findings = expectationFindings(text.expect, ["cases", index, "expect"]);
    if (text.workload === undefined && text.expected_miss === undefined) {
      findings.push({
        path: ["cases", index],
        message: `cases[${index}] lacks "workload": without one it cannot be run, and ` +
          `"expected_miss" must say why`,
      });
    }
    return findings;
  });
}

/** The case at a place of a file, with its machine and groups. */
async function caseOf(
  document: JsoncDocument<CaseFile>,
  index: number,
  file: string,
): Promise<ValidationCase> {
  const whole = document.value;
  const text = whole.cases[index]!;
  const base = await machineOf(document, index, file);
  const machine = withSettings(base, text);
  const wrong = await settingFindings(machine, text, index, document);
  if (wrong[0] !== undefined) throw document.fail(wrong[0]);
  const peer = text.peer ?? whole.peer ?? "ideal";
  const groups = await groupsOf(document, index, file);
  if (peer === "same" && groups !== null) refuseUnlikePeers(groups, index, document);
  if (peer === "host" && machine.peer === undefined) {
    throw document.fail({
      path: text.peer === undefined ? ["peer"] : ["cases", index, "peer"],
      message: `cases[${index}] has peer "host", but machine "${machine.name}" names no second ` +
        `host: add peer to it, or take "ideal"`,
    });
  }
  return {
    name: text.name,
    title: text.title,
    file: document.file,
    path: file,
    series: whole.title,
    source: whole.source,
    isCalibration: text.calibration ?? false,
    expectedMiss: text.expected_miss ?? null,
    machine: withPeer(machine, peer),
    peer,
    policy: text.policy ?? "NONE",
    groups,
    duration: text.duration ?? whole.duration ?? DURATION_DEFAULT,
    seeds: text.seeds ?? whole.seeds ?? 1,
    expect: text.expect,
  };
}

/** Payload that goes in one frame with either protocol. */
const FRAME_PAYLOAD_BYTES = 1448;

/** Two equal hosts do equal work only where each gets one frame and answers with one. */
function refuseUnlikePeers(
  groups: readonly WorkloadGroup[],
  index: number,
  document: JsoncDocument<CaseFile>,
): void {
  const isFrame = (bytes: number) => bytes <= FRAME_PAYLOAD_BYTES;
  const fits = groups.length === 1 &&
    groups.every((group) =>
      ["TCP_RR", "UDP_RR"].includes(group.test) && group.arrival.loop === "closed" &&
      isFrame(group.request_bytes) && isFrame(group.response_bytes)
    );
  if (fits) return;
  throw document.fail({
    path: ["cases", index, "workload"],
    message: `cases[${index}].workload does not fit peer "same": accepted is one closed group of ` +
      `TCP_RR or UDP_RR with messages of at most ${FRAME_PAYLOAD_BYTES} bytes`,
  });
}

async function machineOf(
  document: JsoncDocument<CaseFile>,
  index: number,
  file: string,
): Promise<MachineSpec> {
  const text = document.value.cases[index]!;
  const path = text.machine === undefined ? ["machine"] : ["cases", index, "machine"];
  try {
    return await readMachine(text.machine ?? document.value.machine, dirname(file));
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith("Unknown machine")) throw error;
    throw document.fail({ path, message: error.message });
  }
}

/** The machine with what is at its other end: its second host, one like itself, or none. */
function withPeer(machine: MachineSpec, peer: ValidationCase["peer"]): MachineSpec {
  if (peer === "host") return machine;
  const { peer: _another, ...alone } = machine;
  return peer === "twin" ? { ...alone, peer: alone } : alone;
}

function withSettings(machine: MachineSpec, { nic, host }: CaseText): MachineSpec {
  const coalesce = { ...machine.nic.coalesce, ...nic?.coalesce };
  return {
    ...machine,
    nic: { ...machine.nic, ...nic, coalesce },
    costs: { ...machine.costs, ...host },
  };
}

async function groupsOf(
  document: JsoncDocument<CaseFile>,
  index: number,
  file: string,
): Promise<readonly WorkloadGroup[] | null> {
  const { workload } = document.value.cases[index]!;
  if (workload === undefined) return null;
  if (typeof workload === "string") {
    return (await readWorkload(workload, { cwd: dirname(file) })).workload.groups;
  }
  const { groups, findings } = await groupFindings(workload, index, document);
  if (findings[0] !== undefined) throw document.fail(findings[0]);
  return groups;
}
