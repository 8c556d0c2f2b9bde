/**
 * policy.wasm as native code, by Debian's wasm2c and gcc, and a program that does a stream of
 * commands on it (tests/verify/stream.ts). Nothing of V8 has a part in it but the stream.
 *
 * @module
 */

import { ENTRY, HASHED_BYTES, type Stream } from "./stream.ts";

/** The header's name of a symbol as wasm2c of wabt 1.0.28 to 1.0.32 writes it. */
const INSTANCE = "Z_policy_instance_t";

/** What compares driver calls with those of the stream. */
const HEAD = `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"

static u32 *at, *made, makes, done;
static wasm_rt_memory_t* memory;

static void fail(const char* what) {
  printf("command %u: %s differs\\n", done, what);
  exit(1);
}

static u32 driver(u32 index, u32 params, u32* given) {
  if (makes == 0) fail("the number of driver calls");
  makes--;
  if (*made++ != index) fail("the driver call");
  for (u32 i = 0; i < params; i++) if (*made++ != given[i]) fail("an argument of a driver call");
  u32 answer = *made++, address = *made++, words = *made++;
  memcpy(memory->data + address, made, 4 * words);
  made += words;
  return answer;
}

`;

/** Reads the stream and does what it says. */
const MAIN = `int main(int argc, char** argv) {
  FILE* file = fopen(argv[1], "rb");
  u32 most = argc > 2 ? (u32)atoi(argv[2]) : ~0u;
  fseek(file, 0, SEEK_END);
  long bytes = ftell(file);
  rewind(file);
  at = malloc(bytes);
  if (fread(at, 1, bytes, file) != (size_t)bytes) return 2;
  wasm_rt_init();
  Z_policy_init_module();
  static ${INSTANCE} policy;
  int live = 0;
  for (;;) {
    u32 kind = *at++;
    if (kind == ${ENTRY.end} || done >= most) break;
    if (kind == ${ENTRY.instance}) {
      if (live) Z_policy_free(&policy);
      memset(&policy, 0, sizeof policy);
      Z_policy_instantiate(&policy, NULL, NULL);
      memory = Z_policyZ_memory(&policy);
      live = 1;
    } else if (kind == ${ENTRY.poke}) {
      u32 address = *at++, words = *at++;
      memcpy(memory->data + address, at, 4 * words);
      at += words;
    } else if (kind == ${ENTRY.memory}) {
      u32 hash = 0x811c9dc5u;
      for (u32 i = 0; i < ${HASHED_BYTES}; i += 4) {
        u32 word;
        memcpy(&word, memory->data + i, 4);
        hash = (hash ^ word) * 0x01000193u;
      }
      if (hash != *at++) fail("the memory");
    } else {
      u32 index = *at++, params = PARAMS[index], unused;
      makes = at[params + 1];
      made = at + params + 2;
      u32 answer = call(&policy, index, &unused);
      if (makes != 0) fail("the number of driver calls");
      if (answer != at[params]) fail("the answer");
      at = made;
      done++;
    }
  }
  printf("%u commands agree\\n", done);
  return 0;
}
`;

/** A C program for the exports and imports of a stream. */
export function programFor({ exports, imports }: Stream): string {
  const list = (count: number, text: (place: number) => string) =>
    Array.from({ length: count }, (_, place) => text(place)).join(", ");
  const calls = exports.map(([name, params], index) =>
    `    case ${index}: *params = ${params}; return ` +
    `Z_policyZ_${name}(${
      ["policy", ...Array.from({ length: params }, (_, i) => `at[${i}]`)].join(", ")
    });`
  );
  const drivers = imports.map(([name, params], index) =>
    `u32 Z_driverZ_${name}(struct Z_driver_instance_t* d, ${list(params, (i) => `u32 v${i}`)}) {
  u32 given[] = {${list(params, (i) => `v${i}`)}};
  return driver(${index}, ${params}, given);
}`
  );
  return `${HEAD}${drivers.join("\n")}

void Z_envZ_abort(struct Z_env_instance_t* e, u32 m, u32 f, u32 l, u32 c) { fail("an assert"); }

static u32 call(${INSTANCE}* policy, u32 index, u32* params) {
  switch (index) {
${calls.join("\n")}
  }
  fail("the export");
  return 0;
}

/* The parameters, before the call: where the driver's answers begin. */
static const u32 PARAMS[] = {${exports.map(([, params]) => params).join(", ")}};

${MAIN}`;
}

/** Where Debian has them: an npm package has another wasm2c, and a task finds that one first. */
export const TOOLS = {
  wasm2c: "/usr/bin/wasm2c",
  gcc: "/usr/bin/gcc",
  valgrind: "/usr/bin/valgrind",
} as const;

/** Runs a program; its output and errors as text. */
export async function runTool(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, text: `${out}${err}` };
}

/** First line that a tool says of its version; null where it is not there or may not be run. */
export async function versionOf(command: string): Promise<string | null> {
  try {
    return (await runTool(command, ["--version"])).text.split("\n")[0]!.trim();
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied;
    if (isAbsent) return null;
    throw error;
  }
}

/**
 * Compiles a binary to a native program in a folder.
 *
 * @returns The program's path, or what a tool said against it.
 */
export async function compileNative(
  folder: string,
  policy: Uint8Array,
  stream: Stream,
): Promise<{ readonly program: string } | { readonly refused: string }> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/policy.wasm`, policy);
  await Deno.writeTextFile(`${folder}/main.c`, programFor(stream));
  await Deno.writeFile(`${folder}/stream.bin`, new Uint8Array(stream.words.slice().buffer));
  const made = await runTool(TOOLS.wasm2c, [
    ...["-n", "policy", `${folder}/policy.wasm`, "-o", `${folder}/policy.c`],
  ]);
  if (made.code !== 0) return { refused: `wasm2c: ${made.text}` };
  if (!(await Deno.readTextFile(`${folder}/policy.h`)).includes(INSTANCE)) {
    return { refused: "wasm2c writes another interface than wabt 1.0.32" };
  }
  const program = `${folder}/policy`;
  const compiled = await runTool(TOOLS.gcc, [
    ...["-O1", "-w", "-I", folder, `${folder}/main.c`, `${folder}/policy.c`],
    ...["-lwasm-rt-impl", "-lm", "-o", program],
  ]);
  return compiled.code === 0 ? { program } : { refused: `gcc: ${compiled.text}` };
}
