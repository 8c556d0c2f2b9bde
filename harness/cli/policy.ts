/**
 * `policy`: runs a scenario script against policy.wasm. Touches no device.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command } from "commander";
import { loadWasm } from "../build.ts";
import { UserError } from "../errors.ts";
import { readJsonc } from "../jsonc.ts";
import { PolicyManager } from "../policy/manager.ts";
import { ScenarioRun } from "../policy/scenario.ts";
import { type Scenario, SCENARIO_SCHEMA, scenarioRelations } from "../policy/scenario_schema.ts";
import type { Context } from "./context.ts";

interface PolicyFlags {
  readonly schema?: true;
  readonly debug?: true;
}

/** The command, ready to be registered. */
export function policyCommand(context: Context): Command {
  return new Command("policy")
    .description("Run a scenario script against policy.wasm: one JSON line a step, the state last")
    .argument("[file]", "scenario script (JSON with comments)")
    .option("--schema", "print the JSON Schema of scenario scripts and end")
    .option("--debug", "run the debug build, with names in its stack traces")
    .addHelpText(
      "after",
      `
A step that the manager refuses prints "ok": false and its errno; the script goes on. Exit codes:
0 the script ran, 2 the script is wrong, 5 an invariant of the manager broke.

Examples:
  deno task policy workloads/scenarios/mix.jsonc
  deno task policy mine.jsonc | jq 'select(.ok == false)'
  deno task policy --schema > scenario.schema.json`,
    )
    .action(async (file: string | undefined, flags: PolicyFlags) => {
      const { io } = context;
      if (flags.schema === true) return io.out(`${JSON.stringify(SCENARIO_SCHEMA, null, 2)}\n`);
      if (file === undefined) {
        throw new UserError("No script given: name one, as in deno task policy FILE.jsonc");
      }
      const scenario = await readJsonc<Scenario>(resolve(io.cwd, file), {
        schema: SCENARIO_SCHEMA,
        relations: scenarioRelations,
      });
      const { module } = await loadWasm("policy", flags.debug === true ? "debug" : "release");
      const run = new ScenarioRun(
        scenario,
        (driver, capacities) => new PolicyManager(module, driver, capacities),
      );
      for (const result of run.steps()) io.out(`${JSON.stringify(result)}\n`);
      io.out(`${JSON.stringify({ final: run.final() })}\n`);
    });
}
