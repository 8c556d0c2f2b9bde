/**
 * The only reader and writer of run records: NDJSON, one record a line, checked both ways.
 *
 * A bench writes into a folder. Nothing there changes until the first record exists; then records
 * of an earlier bench become `records.previous.ndjson` (one generation is kept) and its page, which
 * `report` can make again, goes.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { readText, reasonOf, schemaFindings } from "./jsonc.ts";
import { RECORD_SCHEMA, type RunRecord } from "./record.ts";
import recordSchema from "./record_schema.json" with { type: "json" };

/** Names of the files in the output folder. */
export const FILES = {
  records: "records.ndjson",
  previous: "records.previous.ndjson",
  page: "report.html",
} as const;

/** Appends records to a folder. */
export class RecordStore {
  readonly #folder: string;
  readonly #seen = new Set<string>();
  #file: Deno.FsFile | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Makes the folder and proves that a file can be written there, without touching what it holds.
   *
   * @throws {UserError} when it cannot be written.
   */
  static async open(folder: string): Promise<RecordStore> {
    const probe = join(folder, ".write-probe");
    try {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(probe, "");
      await Deno.remove(probe);
    } catch (error) {
      throw new UserError(`Cannot write to the folder "${folder}": ${reasonOf(error)}`, {
        cause: error,
      });
    }
    return new RecordStore(folder);
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
   */
  async append(record: RunRecord): Promise<void> {
    const [finding] = schemaFindings(recordSchema, record);
    if (finding !== undefined) {
      throw new Error(`The record of ${record.run_id} breaks its schema: ${finding.message}`);
    }
    if (this.#seen.has(record.run_id)) throw new Error(`Run ${record.run_id} was written already`);
    this.#file ??= await this.#begin();
    const line = new TextEncoder().encode(JSON.stringify(record) + "\n");
    for (let written = 0; written < line.length;) {
      written += await this.#file.write(line.subarray(written));
    }
    this.#seen.add(record.run_id);
  }

  /** Writes the page beside the records and returns its path. */
  async writePage(html: string): Promise<string> {
    const file = join(this.#folder, FILES.page);
    await writeWhole(file, html);
    return file;
  }

  /** Ends writing; the store is of no use after. */
  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  async #begin(): Promise<Deno.FsFile> {
    await renameIfPresent(this.recordsFile, join(this.#folder, FILES.previous));
    await removeIfPresent(join(this.#folder, FILES.page));
    return await Deno.open(this.recordsFile, { write: true, createNew: true });
  }
}

/** Records and the files they came from. */
export interface StoredRecords {
  readonly records: readonly RunRecord[];
  readonly files: readonly string[];
}

/**
 * Reads records from files, or from folders a bench wrote, in the order given.
 *
 * @throws {UserError} names file and line of the first line that is no record, and of runs that
 *   occur twice.
 */
export async function readRecords(paths: readonly string[]): Promise<StoredRecords> {
  const records: RunRecord[] = [];
  const files: string[] = [];
  const places = new Map<string, string>();
  for (const path of paths) {
    const file = await isFolder(path) ? join(path, FILES.records) : path;
    files.push(file);
    const lines = (await readText(file)).split("\n");
    const before = records.length;
    lines.forEach((line, index) => {
      if (line.trim() === "") return;
      const place = `${file}:${index + 1}`;
      const record = recordOf(line, place);
      const other = places.get(record.run_id);
      if (other !== undefined) {
        throw new UserError(`${place}: Run "${record.run_id}" stands also at ${other}`);
      }
      places.set(record.run_id, place);
      records.push(record);
    });
    if (records.length === before) throw new UserError(`"${file}" holds no record`);
  }
  return { records, files };
}

/** Writes a file whole or not at all. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${resolve(file)}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

function recordOf(line: string, place: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError(`${place}: Not a run record: the line is not JSON (cut off or edited?)`);
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== RECORD_SCHEMA) {
    const found = JSON.stringify(schema) ?? "nothing";
    throw new UserError(`${place}: Not a run record: "schema" is ${found}, not "${RECORD_SCHEMA}"`);
  }
  const findings = schemaFindings(recordSchema, value);
  if (findings[0] !== undefined) throw new UserError(`${place}: ${findings[0].message}`);
  return value as RunRecord;
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

async function removeIfPresent(file: string): Promise<void> {
  try {
    await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
