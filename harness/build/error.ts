/**
 * The failure of a build: sentences for a person, never a stack trace.
 *
 * @module
 */

import { EXIT, UserError } from "../errors.ts";

/** A build that cannot be used; `message` holds one sentence a line (or asc's own messages). */
export class BuildError extends UserError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, exitCode: EXIT.failed });
    // Several lines, of any length: nothing in them comes from outside the project.
    this.message = message;
  }
}
