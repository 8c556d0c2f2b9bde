/**
 * Error numbers of the core as typed errors that say what to do.
 *
 * @module
 */

/** Linux's names of the error numbers that the core or a driver may return. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EOPNOTSUPP: 95,
} as const;

/** Name of an error number. */
export type ErrnoName = keyof typeof ERRNO;

/** Name of an error number; `E7` for one without a name here. */
export function errnoName(errno: number): string {
  const found = Object.entries(ERRNO).find(([, value]) => value === errno);
  return found === undefined ? `E${errno}` : found[0];
}

const ADVICE: Readonly<Record<string, string>> = {
  EPERM: "the driver did not allow it: check its permissions",
  ENOENT:
    "there is no such entry: bring the device up, or choose a policy that has queues on this device",
  ESRCH: "there is no such task: create it first, or it has exited",
  EIO: "the driver reported a fault of the device: look at its log, then try again",
  EBADF: "there is no such socket: open it first, or it has been closed",
  ENOMEM: "a table of the manager is full: start it with larger capacities",
  EACCES: "the driver refused access: check its permissions",
  EBUSY: "the last online CPU cannot go offline: bring another online first",
  EEXIST: "the name or the identity is taken: choose another",
  ENODEV: "there is no such device: register it first",
  EINVAL:
    "an argument is outside its range (a policy's text: 64 bytes), or the policy does not fit the " +
    "device's: use NONE, CPU, BULK or LATENCY as the device allows (a MIX device takes BULK and " +
    "LATENCY)",
  ENOSPC: "the device's limit of records or rules is reached: close sockets or raise the limit",
  EOPNOTSUPP:
    "the device does not support this policy: read its policy file for those it has, and write " +
    "one whole name",
};

/** What to do about an error number, in one clause. */
function errnoAdvice(errno: number): string {
  return ADVICE[errnoName(errno)] ?? "the driver returned an error number of its own";
}

/** A call of the policy manager that was refused; nothing is lost by it. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  /** Positive error number. */
  readonly errno: number;
  /** Its name, such as `EINVAL`. */
  readonly code: string;

  /** @param operation What was tried, as the subject of the sentence. */
  constructor(operation: string, errno: number) {
    super(`${operation} was refused with ${errnoName(errno)}: ${errnoAdvice(errno)}`);
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

/** policy.wasm did what it never may: a fault of the lab, never of its user. */
export class CoreFault extends Error {
  override readonly name = "CoreFault";
}
