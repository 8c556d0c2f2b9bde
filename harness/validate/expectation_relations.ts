/**
 * What a JSON Schema cannot say about expectations: each is exactly one of a value, a range or an
 * ordering.
 *
 * @module
 */

import type { Finding, JsonPath } from "../jsonc.ts";
import type { Expectation } from "./case.ts";

/** Mistakes in expectations that fit the schema; `base` is where their list stands. */
export function expectationFindings(
  expectations: readonly Expectation[],
  base: JsonPath,
): Finding[] {
  return expectations.flatMap((expectation, index) => {
    const path = [...base, index];
    const where = `${String(base[0])}[${String(base[1])}].expect[${index}]`;
    const findings: Finding[] = [];
    const refuse = (sentence: string, key?: string): void => {
      const message = `${where} ${sentence}`;
      findings.push(key === undefined ? { path, message } : { path, key, message });
    };
    const kinds = kindsOf(expectation);
    if (kinds.length === 0) {
      refuse('says nothing: one of "value", "at_least", "at_most", "ascending" expected');
    } else if (kinds.length > 1) {
      refuse(`is ${kinds.join(" and ")}: make an expectation of each`);
    }
    if (expectation.tolerance_percent !== undefined && !kinds.includes("a value")) {
      refuse('has "tolerance_percent", which belongs to a value', "tolerance_percent");
    }
    if (expectation.over !== undefined && kinds.includes("an ordering")) {
      refuse('has "over", which has no meaning for an ordering', "over");
    }
    const { at_least: low, at_most: high } = expectation;
    if (low !== undefined && high !== undefined && low > high) {
      refuse(`accepts nothing: at_least is ${low} and at_most ${high}`);
    }
    return findings;
  });
}

function kindsOf({ value, at_least, at_most, ascending }: Expectation): string[] {
  const kinds: string[] = [];
  if (value !== undefined) kinds.push("a value");
  if (at_least !== undefined || at_most !== undefined) kinds.push("a range");
  if (ascending !== undefined) kinds.push("an ordering");
  return kinds;
}
