/**
 * The machine's parameters and constants: schema, names in TypeScript and numbers in the core say
 * the same.
 *
 * @module
 */

import assert from "node:assert/strict";
import { COST_NUMBERS } from "../../harness/machine/costs.ts";
import { TOTAL_NAMES } from "../../harness/machine/reading.ts";
import { ruleSentence } from "../../harness/machine/rules.ts";
import { instantiateMachine } from "../../harness/machine/wasm.ts";
import { builtinMachines, readMachine } from "../../harness/spec.ts";
import { groupOf, loadModules, startRun, X710, XL710 } from "./machine_runs.ts";

const ROOT = new URL("../../", import.meta.url);
/** What the names of costs end with and the core leaves out. */
const UNIT = /_(ns|us|bytes|percent|ps_per_byte|hz|mhz|packets|events|ppm|segments)$/;
const modules = await loadModules();

async function readSchema() {
  const text = await Deno.readTextFile(new URL("workloads/machines/schema.json", ROOT));
  return JSON.parse(text);
}

const nothing = () => -22;
const machine = instantiateMachine(modules.machineModule, {
  recordFind: nothing,
  recordObject: nothing,
  netdevPickTx: nothing,
  setRulesV4: nothing,
  setRulesV6: nothing,
  socketOpen: nothing,
  socketAccept: nothing,
  socketClose: nothing,
  setSocketPolicy: nothing,
});

Deno.test("the schema names every cost of the core, with a description", async () => {
  const costs = (await readSchema()).properties.costs.properties;
  assert.deepEqual(Object.keys(costs).sort(), Object.keys(COST_NUMBERS).sort());
  for (
    const [name, { description, default: value, minimum, maximum }] of Object.entries<
      { description: string; default: number; minimum: number; maximum: number }
    >(costs)
  ) {
    assert.ok(description.endsWith("."), `${name} is explained in sentences`);
    assert.ok(minimum <= value && value <= maximum, `${name}: ${value}`);
  }
});

Deno.test("the names of costs are those of the core, number by number", async () => {
  const text = await Deno.readTextFile(new URL("core/machine/costs.ts", ROOT));
  const constants = [...text.matchAll(/^export const ([A-Z0-9_]+): u32 = (\d+);/gm)]
    .map(([, name, number]) => `${name} ${number}`);
  const named = Object.entries(COST_NUMBERS).map(([name, number]) => {
    const unit = name.match(UNIT)?.[0] ?? "";
    const isTime = number < 64 || (number >= 124 && number < 140);
    assert.equal(unit === "_ns", isTime, `${name}: times have the numbers below 64 or from 124`);
    return `${name.slice(0, -unit.length || undefined).toUpperCase()} ${number}`;
  });
  assert.deepEqual(named.sort(), constants.sort());
  assert.equal(new Set(Object.values(COST_NUMBERS)).size, named.length, "no number twice");
});

Deno.test("totals and rules have a name for every number", () => {
  assert.equal(machine.constants.TOTAL_COUNT, TOTAL_NAMES.length);
  for (const rule of [1, 2, 3, 4, 5, 6, 7, 8, 20, 30, 40, 41, 50, 51, 60, 61, 62, 63, 64]) {
    assert.doesNotMatch(ruleSentence(rule), /^rule/);
  }
});

Deno.test("the built-in machines are complete and start a run", async () => {
  for (const name of await builtinMachines()) {
    const spec = await readMachine(name, "/");
    assert.deepEqual(Object.keys(spec.costs).sort(), Object.keys(COST_NUMBERS).sort());
    const run = startRun(modules, { groups: [groupOf({ test: "TCP_RR" })], machine: spec });
    assert.equal(run.advance(100), false);
  }
  assert.equal(X710.host.nodes.flatMap((node) => node.cpus).length, 8);
  assert.equal(XL710.host.nodes.flatMap((node) => node.cpus).length, 16);
});

Deno.test("a machine with a gap in its CPUs, or without a cost, is refused by name", () => {
  const groups = [groupOf({ test: "TCP_RR" })];
  const gap = {
    ...X710,
    host: { ...X710.host, nodes: [{ id: 0, cpus: [0, 2] }], distance: [[10]] },
  };
  assert.throws(
    () => startRun(modules, { groups, machine: gap }),
    /Machine "x710-8cpu" has CPU 2 but not CPU 1: number them from 0 on/,
  );
  const { cable_ns: _gone, ...costs } = X710.costs as Record<string, number>;
  assert.throws(
    () => startRun(modules, { groups, machine: { ...X710, costs } }),
    /Machine "x710-8cpu" lacks costs\.cable_ns/,
  );
});
