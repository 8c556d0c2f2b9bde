/**
 * The gate's public face: judge records against a baseline, and the command around it.
 *
 * @module
 */

export {
  type Baseline,
  BASELINE_SCHEMA,
  type BaselineRun,
  makeBaseline,
  parseBaseline,
} from "./baseline.ts";
export { type Comparison, type GateOptions, judge, type Outcome, type Verdict } from "./judge.ts";
export { type GateCommand, runGate } from "./cli.ts";
