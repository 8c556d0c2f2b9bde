/**
 * The error of unreadable input: its message is one sentence for the user, never a stack trace.
 *
 * @module
 */

/** Records or a baseline that cannot be judged; the gate then ends with exit code 5. */
export class GateInputError extends Error {
  override readonly name = "GateInputError";
}
