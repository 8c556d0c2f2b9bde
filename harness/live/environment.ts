/**
 * Facts about the host that explain a live result: kernel, CPUs, runtime. Never a host name, a
 * user or a path.
 *
 * @module
 */

import os from "node:os";
import type { RunRecord } from "../record.ts";

/** CPUs that this process may use. */
export function cpuCount(): number {
  return os.availableParallelism();
}

/** The fingerprint that goes into every live record. */
export function environmentOf(): RunRecord["environment"] {
  return {
    kernel: Deno.osRelease(),
    platform: `${Deno.build.os}/${Deno.build.arch}`,
    cpu_model: os.cpus()[0]?.model.trim() ?? "unknown",
    cpu_count: cpuCount(),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
  };
}
