/**
 * The only reader and writer of run records: NDJSON, one record a line, checked both ways.
 *
 * A bench writes into a folder. Nothing there changes until the first record exists; then records
 * of an earlier bench become `records.previous.ndjson` (one generation is kept) and its page, which
 * `report` can make again, goes. One bench at a time: a lock on the folder holds until it is
 * closed.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { countInHistogram } from "./histogram.ts";
import { readText, reasonOf, schemaFindings } from "./jsonc.ts";
import { migrate, READABLE_SCHEMAS } from "./migrate.ts";
import { RECORD_SCHEMA, type RunRecord } from "./record.ts";
import recordSchema from "./record_schema.json" with { type: "json" };

/** Names of the files in the output folder. */
export const FILES = {
  records: "records.ndjson",
  previous: "records.previous.ndjson",
  page: "report.html",
  /** Empty. The system's lock on it counts, not that it is there, so a crash leaves no lock. */
  lock: ".bench.lock",
} as const;

/** Appends records to a folder. */
export class RecordStore {
  readonly #folder: string;
  readonly #lock: Deno.FsFile;
  readonly #seen = new Set<string>();
  #file: Deno.FsFile | null = null;

  private constructor(folder: string, lock: Deno.FsFile) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Makes the folder, locks it and proves that files can be written there, without touching what
   * it holds.
   *
   * @throws {UserError} when it cannot be written, another store has it open, or a folder is in the
   *   way of a file.
   */
  static async open(folder: string): Promise<RecordStore> {
    const probe = join(folder, ".write-probe");
    const lock = await lockFolder(folder);
    try {
      for (const name of [FILES.records, FILES.previous, FILES.page]) {
        await refuseFolder(join(folder, name));
      }
      await Deno.writeTextFile(probe, "");
      await Deno.remove(probe);
    } catch (error) {
      lock.close();
      throw cannotWriteTo(folder, error);
    }
    return new RecordStore(folder, lock);
  }

  /** Path of the records. */
  get recordsFile(): string {
    return join(this.#folder, FILES.records);
  }

  /** How many records were written. */
  get count(): number {
    return this.#seen.size;
  }

  /**
   * Writes one record.
   *
   * @throws {Error} when the record does not fit its schema or its run was written already.
   * @throws {UserError} when the system refuses, as on a full disk.
   */
  async append(record: RunRecord): Promise<void> {
    const misfit = misfitOf(record);
    if (misfit !== null) {
      throw new Error(`The record of ${record.run_id} breaks its schema: ${misfit}`);
    }
    if (this.#seen.has(record.run_id)) throw new Error(`Run ${record.run_id} was written already`);
    this.#file ??= await this.#begin();
    const line = new TextEncoder().encode(JSON.stringify(record) + "\n");
    try {
      for (let written = 0; written < line.length;) {
        written += await this.#file.write(line.subarray(written));
      }
    } catch (error) {
      throw new UserError(`Cannot write "${this.recordsFile}": ${reasonOf(error)}`, {
        cause: error,
      });
    }
    this.#seen.add(record.run_id);
  }

  /** Writes the page beside the records and returns its path. */
  async writePage(html: string): Promise<string> {
    const file = join(this.#folder, FILES.page);
    await writeWhole(file, html);
    return file;
  }

  /** Ends writing and gives the folder free; the store is of no use after. */
  close(): void {
    this.#file?.close();
    this.#file = null;
    this.#lock.close();
  }

  async #begin(): Promise<Deno.FsFile> {
    await renameIfPresent(this.recordsFile, join(this.#folder, FILES.previous));
    await removeIfPresent(join(this.#folder, FILES.page));
    return await Deno.open(this.recordsFile, { write: true, createNew: true });
  }
}

/** What keeps a record from being one, null if nothing does. */
export function misfitOf(record: RunRecord): string | null {
  return schemaFindings(recordSchema, record)[0]?.message ?? null;
}

/** Records have no limit, and may come through a pipe. */
const ANY_SIZE = { bytesMax: Infinity, acceptsPipe: true } as const;

/** Records and the files they came from. */
export interface StoredRecords {
  readonly records: readonly RunRecord[];
  readonly files: readonly string[];
}

/** How to read records. */
export interface ReadOptions {
  /**
   * A bench may be writing: a file that is not there yet holds nothing, and what follows the last
   * line break is still to be finished.
   */
  readonly isGrowing?: boolean;
}

/**
 * Reads records from files, or from folders a bench wrote, in the order given.
 *
 * @throws {UserError} names file and line of the first line that is no record, and of runs that
 *   occur twice.
 */
export async function readRecords(
  paths: readonly string[],
  { isGrowing = false }: ReadOptions = {},
): Promise<StoredRecords> {
  const records: RunRecord[] = [];
  const files: string[] = [];
  const places = new Map<string, string>();
  for (const path of paths) {
    const file = await isFolder(path) ? join(path, FILES.records) : path;
    files.push(file);
    const lines = isGrowing
      ? (await readIfPresent(file)).split("\n").slice(0, -1)
      : (await readText(file, ANY_SIZE)).split("\n");
    const before = records.length;
    lines.forEach((line, index) => {
      if (line.trim() === "") return;
      const place = `${file}:${index + 1}`;
      const record = recordOf(line, place);
      const other = places.get(record.run_id);
      if (other !== undefined) {
        throw new UserError(
          `${place}: Run "${record.run_id}" stands also at ${other}: leave one of the two out ` +
            "(a report holds one run of each workload, target, policy and seed)",
        );
      }
      places.set(record.run_id, place);
      records.push(record);
    });
    if (records.length === before && !isGrowing) throw new UserError(`"${file}" holds no record`);
  }
  return { records, files };
}

/** Writes a file whole or not at all. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = partOf(file);
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (error) {
    await removeIfPresent(part).catch(() => {}); // The first error tells the reason.
    throw new UserError(`Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Proves that no folder has the name of a file that is to be written.
 *
 * @throws {UserError} when one has.
 */
export async function refuseFolder(file: string): Promise<void> {
  for (const path of [file, partOf(file)]) {
    if (!await isFolder(path)) continue;
    throw new UserError(`Cannot write "${file}": "${path}" is a folder; move it out of the way`);
  }
}

/** Name of a file while it is not whole. */
function partOf(file: string): string {
  return `${resolve(file)}.part`;
}

async function lockFolder(folder: string): Promise<Deno.FsFile> {
  let lock: Deno.FsFile | null = null;
  try {
    await Deno.mkdir(folder, { recursive: true });
    lock = await Deno.open(join(folder, FILES.lock), { write: true, create: true });
    if (await lock.tryLock(true)) return lock;
  } catch (error) {
    lock?.close();
    throw cannotWriteTo(folder, error);
  }
  lock.close();
  throw new UserError(
    `Cannot write to the folder "${folder}": another bench is writing there; ` +
      "wait for its end, or name another folder with --out",
  );
}

function cannotWriteTo(folder: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const message = `Cannot write to the folder "${folder}": ${reasonOf(error)}`;
  return new UserError(message, { cause: error });
}

function recordOf(line: string, place: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError(`${place}: Not a run record: the line is not JSON (cut off or edited?)`);
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (typeof schema !== "string" || !READABLE_SCHEMAS.includes(schema)) {
    const found = JSON.stringify(schema) ?? "nothing";
    throw new UserError(`${place}: Not a run record: "schema" is ${found}, not "${RECORD_SCHEMA}"`);
  }
  value = migrate(value as Record<string, unknown>);
  const findings = schemaFindings(recordSchema, value);
  if (findings[0] !== undefined) throw new UserError(`${place}: ${findings[0].message}`);
  const record = value as RunRecord;
  refuseBrokenHistograms(record, place);
  refuseUnevenSeries(record, place);
  return record;
}

/** A slice that one list has and another lacks would be drawn at a wrong time. */
function refuseUnevenSeries({ measurement: { series } }: RunRecord, place: string): void {
  if (series === undefined) return;
  const { queues, cpus, groups, dropped, retransmits } = series;
  const lists = [
    ...queues.flatMap((each) => [
      each.rx_packets,
      each.tx_packets,
      each.interrupts,
      each.itr_rx_usecs,
    ]),
    ...cpus.map((each) => each.busy_permille),
    ...groups.flatMap((each) => [each.amount, each.p50_ns, each.p90_ns, each.p99_ns]),
    retransmits,
  ];
  const odd = lists.find((list) => list !== null && list.length !== dropped.length);
  if (odd == null) return;
  throw new UserError(
    `${place}: measurement.series has lists of ${dropped.length} and of ${odd.length} slices`,
  );
}

/** A schema sees text only; the page would fail on it after the tables were printed. */
function refuseBrokenHistograms({ measurement }: RunRecord, place: string): void {
  measurement.groups.forEach(({ latency_ns: latency }, index) => {
    if (latency === null) return;
    const where = `${place}: measurement.groups[${index}].latency_ns`;
    const count = countInHistogram(latency.hdr_v2);
    if (count === null) {
      throw new UserError(`${where}.hdr_v2 is no HdrHistogram (cut off or edited?)`);
    }
    if (count !== latency.count) {
      throw new UserError(`${where}.count is ${latency.count}: hdr_v2 holds ${count} values`);
    }
  });
}

/** The text of a file; nothing where there is none yet. */
async function readIfPresent(file: string): Promise<string> {
  try {
    await Deno.stat(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
  }
  return await readText(file, ANY_SIZE);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false; // Reading the path tells the reason.
  }
}

async function renameIfPresent(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a file; a folder is not ours to remove. */
async function removeIfPresent(file: string): Promise<void> {
  try {
    if (!(await Deno.lstat(file)).isDirectory) await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
