/**
 * Shows that the gate sees a change of the model, and nothing where there is none: a copy of the
 * project with one line of core/ changed is compared with the project itself. Exit code 1 where
 * the verdict is another than expected.
 *
 * @module
 */

/** What is planted, and what `deno task compare` must make of it. */
interface Plant {
  readonly name: string;
  /** What stands in place of {@link LINE}. */
  readonly replacement: string;
  readonly exitCode: number;
  /** In the output. */
  readonly expected: readonly RegExp[];
}

const FILE = "core/machine/adaptive_itr.ts";
/** The longest interval that adaptive moderation chooses, in microseconds. */
const LINE = "const MAX_USECS: u32 = 126;";

const PLANTS: readonly Plant[] = [
  {
    name: "the longest adaptive interval is a tenth shorter",
    replacement: "const MAX_USECS: u32 = 112;",
    exitCode: 1,
    expected: [/REGRESSION .*cpu_ns_per_megabyte/, /REGRESSION .*interrupts_per_rx_packet/],
  },
  {
    name: "a comment is added",
    replacement: `${LINE} // In microseconds.`,
    exitCode: 0,
    expected: [/^Pass: (\d+) comparisons: \1 identical\.$/m],
  },
];

/** Streams under the driver's own moderation: what the planted interval is about. */
const BENCH = ["--target", "model", "--workload", "stream", "--policy", "NONE", "--seeds", "2"];

const COPIED = ["core", "harness", "reports", "workloads", "deno.json", "deno.lock"];

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

async function makePlanted(folder: string, replacement: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const name of COPIED) await copy(name, `${folder}/${name}`);
  await Deno.symlink(await Deno.realPath("node_modules"), `${folder}/node_modules`);
  const text = await Deno.readTextFile(`${folder}/${FILE}`);
  const planted = text.replace(LINE, replacement);
  if (planted === text) throw new Error(`"${LINE}" is not in ${FILE}: plant another change`);
  await Deno.writeTextFile(`${folder}/${FILE}`, planted);
}

/** Compares the project with its planted copy; what went wrong, or null. */
async function check({ replacement, exitCode, expected }: Plant): Promise<string | null> {
  const folder = await Deno.makeTempDir({ prefix: "lab_planted_" });
  try {
    await makePlanted(folder, replacement);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "compare", Deno.cwd(), folder, "--", ...BENCH],
      stdin: "null",
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    const missed = expected.filter((pattern) => !pattern.test(out!));
    if (code === exitCode && missed.length === 0) return null;
    return `exit code ${code}, expected ${exitCode} with ${expected.join(", ")}\n${out}${err}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const plant of PLANTS) {
    const wrong = await check(plant);
    console.log(wrong === null ? `ok   ${plant.name}` : `FAIL ${plant.name}: ${wrong}`);
    if (wrong !== null) Deno.exitCode = 1;
  }
}
