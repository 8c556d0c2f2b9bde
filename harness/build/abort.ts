/**
 * The `env.abort` import: what an assert of the core that does not hold becomes.
 *
 * A broken assert is a fault of the lab, never of its user, so this is no `UserError`.
 *
 * @module
 */

/** An assert of the core did not hold; the message ends with file:line:column. */
export class CoreAssertError extends Error {
  override readonly name = "CoreAssertError";
}

/**
 * The function to import as `env.abort`. `memory` is asked only when an assert breaks, for the
 * module that exports the memory does not exist yet when its imports are made.
 */
export function abortImport(
  memory: () => WebAssembly.Memory,
): (message: number, file: number, line: number, column: number) => never {
  return (message, file, line, column) => {
    const { buffer } = memory();
    const what = message === 0 ? "assertion failed" : readString(buffer, message);
    throw new CoreAssertError(`${what} at ${readString(buffer, file)}:${line}:${column}`);
  };
}

/** A string of AssemblyScript: UTF-16 at the pointer, its size in bytes four bytes before it. */
function readString(buffer: ArrayBufferLike, pointer: number): string {
  const address = pointer >>> 0;
  if (address < 4 || address > buffer.byteLength) return `<no string at ${address}>`;
  const size = new DataView(buffer).getUint32(address - 4, true);
  if (size > buffer.byteLength - address) return `<no string at ${address}>`;
  return new TextDecoder("utf-16le").decode(new Uint8Array(buffer, address, size).slice());
}
