/**
 * Part "static": what can be said of the binary without running it. The rules that the build holds
 * are asked again of these very bytes; the call graph, the loops and the depth come in addition.
 *
 * @module
 */

import { PROJECT_ROOT } from "../build.ts";
import { ENTRIES, type Entry } from "../build/entry.ts";
import {
  describeModule,
  forbiddenInstructions,
  judge,
  moduleText,
  wideSignatures,
} from "../build/inspect.ts";
import { readAbi } from "../build/store.ts";
import type { Finding, Row, VerifyPart } from "./result.ts";
import { timedRow } from "./result.ts";
import {
  deepestCalls,
  type ModuleText,
  reachable,
  readModuleText,
  selfCalling,
} from "./wasm_text.ts";

/** Calls that the kernel would make for a packet. */
const PACKET_PATH = ["pickQueue", "netdevPickTx", "setRules", "setRulesV4", "setRulesV6"];
/**
 * Loops on the packet path that follow a chain: the owner's hash chain. That it ends is I07, which
 * every explored state keeps.
 */
const CHAINS_FOLLOWED_MAX = 3;
/** The one function that calls itself writes a number, a decimal digit of 32 bits at a time. */
const SELF_CALLING_MAX = 1;
const SELF_CALLS = 10;
/** Deepest chain of calls: a kernel thread has 16 KiB of stack, and this must stay far below. */
const CALL_DEPTH_MAX = 16;
/** Parameters and locals on a chain, 8 bytes each at most: 512 bytes. */
const STACK_VALUES_MAX = 64;

/** What is wrong with the shape of the code, and its figures. */
export function shapeOf(module: ModuleText): Pick<Row, "figures" | "findings"> {
  const findings: Finding[] = [];
  const refuse = (sentence: string) => findings.push({ sentence: `policy.wasm ${sentence}` });
  const indirect = [...module.functions.values()].filter(({ indirectCalls }) => indirectCalls > 0);
  for (const { name } of indirect) refuse(`calls through a table in function ${name}`);
  const deepest = deepestCalls(module, SELF_CALLS);
  if (deepest === null) refuse("has functions that call each other: its stack has no bound");
  const { depth, values } = deepest ?? { depth: 0, values: 0 };
  if (depth > CALL_DEPTH_MAX) refuse(`has calls ${depth} deep: the bound is ${CALL_DEPTH_MAX}`);
  if (values > STACK_VALUES_MAX) {
    refuse(`has ${values} values on one chain of calls: the bound is ${STACK_VALUES_MAX}`);
  }
  const selves = selfCalling(module);
  if (selves.length > SELF_CALLING_MAX) {
    refuse(`has ${selves.length} functions that call themselves`);
  }
  const roots = PACKET_PATH.flatMap((name) => module.exports.get(name) ?? []);
  const names = reachable(module, roots);
  for (const name of selves) {
    if (names.has(name)) refuse(`calls itself on the packet path, in function ${name}`);
  }
  const onPath = [...names].flatMap((name) => module.functions.get(name) ?? []);
  const loops = onPath.flatMap(({ name, loops }) => loops.map((loop) => ({ name, ...loop })));
  for (const { name, ends } of loops) {
    if (ends === "unknown") refuse(`has a loop without bound on the packet path, in ${name}`);
  }
  const chains = loops.filter(({ ends }) => ends === "chain").length;
  if (chains > CHAINS_FOLLOWED_MAX) {
    refuse(`follows ${chains} chains on the packet path: known are ${CHAINS_FOLLOWED_MAX}`);
  }
  return {
    figures: {
      functions: module.functions.size,
      "calls deep": depth,
      "values on the stack": values,
      "functions on the packet path": onPath.length,
      "loops over a count or set there": loops.length - chains,
      "chains followed there": chains,
    },
    findings,
  };
}

/** The part. */
export const staticPart: VerifyPart = {
  name: "static",
  purpose: "imports, exports, instructions, call graph, loops and size of the binary",
  async run({ policy }) {
    const entry: Entry = ENTRIES.find(({ name }) => name === "policy")!;
    const text = await moduleText("policy.wasm", policy.bytes);
    const rules = await timedRow("rules of the build", async () => {
      const facts = await describeModule(policy.bytes, text);
      const sentences = [
        ...judge(entry, facts, await readAbi(PROJECT_ROOT)),
        ...forbiddenInstructions(entry, text),
        ...wideSignatures(entry, text),
      ];
      return {
        figures: {
          bytes: facts.size,
          "bytes allowed": entry.sizeBudgetBytes,
          imports: facts.imports.length,
          exports: facts.exports.length,
        },
        findings: sentences.map((sentence) => ({ sentence })),
      };
    });
    return [rules, await timedRow("shape of the code", () => shapeOf(readModuleText(text)))];
  },
};
