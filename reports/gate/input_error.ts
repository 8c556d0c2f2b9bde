/**
 * The error of input that the gate cannot judge.
 *
 * @module
 */

import { EXIT, UserError } from "../../harness/errors.ts";

/** A baseline or records that cannot be judged: exit code 5, so that it never reads as a pass. */
export class GateInputError extends UserError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, exitCode: EXIT.fault });
  }
}
