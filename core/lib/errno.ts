// deno-fmt-ignore-file
// Error numbers the core returns, negated. Values are Linux's (asm-generic errno).
// Numbers only: the sentences that explain them belong to the harness.

/** No such entry: list empty, directory absent. */
export const ENOENT: i32 = 2;
/** No such task. */
export const ESRCH: i32 = 3;
/** Handle does not name a live instance. */
export const EBADF: i32 = 9;
/** A table of the arena is full, or the arena does not fit the memory. */
export const ENOMEM: i32 = 12;
/** The last online CPU cannot go offline. */
export const EBUSY: i32 = 16;
/** Name or identity already taken. */
export const EEXIST: i32 = 17;
/** No such device. */
export const ENODEV: i32 = 19;
/** Argument outside its range, or a policy that does not fit. */
export const EINVAL: i32 = 22;
/** Record limit or rule capacity reached. */
export const ENOSPC: i32 = 28;
/** Policy, device or flow type without support (user space never sees the kernel's 524). */
export const EOPNOTSUPP: i32 = 95;
