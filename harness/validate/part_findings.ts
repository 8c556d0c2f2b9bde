/**
 * Mistakes in parts of a validation file that other schemas describe: groups of a workload, and
 * settings of a machine. Findings point into the validation file. Never fills in a setting.
 *
 * @module
 */

import { resolve } from "node:path";
import { type Finding, type JsoncDocument, type JsonPath, schemaFindings } from "../jsonc.ts";
import {
  groupsFilledIn,
  type MachineSpec,
  readSchema,
  type WorkloadGroup,
  WORKLOADS_FOLDER,
  type WorkloadSpec,
} from "../spec.ts";
import { machineRelations, workloadRelations } from "../spec_relations.ts";
import type { CaseFile, CaseText } from "./read.ts";

/** Groups with the defaults of workloads/schema.json, and what is wrong with them. */
export async function groupFindings(
  groups: readonly WorkloadGroup[],
  index: number,
  document: JsoncDocument<CaseFile>,
): Promise<{ groups: readonly WorkloadGroup[]; findings: readonly Finding[] }> {
  const schema = await readSchema(resolve(WORKLOADS_FOLDER, "schema.json"));
  const whole = structuredClone({ title: "groups of a case", groups });
  const place = (path: JsonPath): JsonPath => ["cases", index, "workload", ...path.slice(1)];
  const findings = schemaFindings(schema, whole);
  if (findings.length === 0) {
    findings.push(...workloadRelations({
      file: document.file,
      value: whole as unknown as WorkloadSpec,
      has: (path) => document.has(place(path)),
      fail: document.fail,
    }));
  }
  return {
    groups: groupsFilledIn(whole.groups),
    findings: findings.map((finding) => moved(finding, place, "groups", index)),
  };
}

/** What a machine with a case's settings breaks of the machines' schema. */
export async function settingFindings(
  machine: MachineSpec,
  text: CaseText,
  index: number,
  document: JsoncDocument<CaseFile>,
): Promise<Finding[]> {
  const schema = await readSchema(resolve(WORKLOADS_FOLDER, "machines", "schema.json"));
  const { name: _name, peer: _another, ...fields } = structuredClone(machine);
  const costs = schema["properties"].costs.properties as Record<string, unknown>;
  const unknown = Object.keys(text.host ?? {}).filter((name) => costs[name] === undefined);
  if (unknown[0] !== undefined) {
    const message = `cases[${index}].host.${unknown[0]} is no parameter of the machines`;
    return [{ path: ["cases", index, "host"], key: unknown[0], message }];
  }
  const place = (path: JsonPath): JsonPath =>
    path[0] === "costs" ? ["cases", index, "host", ...path.slice(1)] : ["cases", index, ...path];
  const findings = schemaFindings(schema, fields);
  if (findings.length === 0) {
    findings.push(...machineRelations({
      file: document.file,
      value: fields,
      has: (path) => document.has(place(path)),
      fail: document.fail,
    }));
  }
  return findings
    .filter((finding) => document.has(place(finding.path)))
    .map((finding) =>
      moved(finding, place, finding.path[0] === "costs" ? "costs" : String(finding.path[0]), index)
    );
}

/** A finding where it stands in the validation file, in words and in place. */
function moved(
  finding: Finding,
  place: (path: JsonPath) => JsonPath,
  root: string,
  index: number,
): Finding {
  const names: Record<string, string> = { groups: "workload", costs: "host" };
  const name = names[root] ?? root;
  const message = finding.message.replaceAll(
    new RegExp(`(?<![\\w.])${root}(?=[.[])`, "g"),
    `cases[${index}].${name}`,
  );
  return { ...finding, path: place(finding.path), message };
}
