/**
 * The history of results: the metrics of all runs that were added, in one SQLite file. Stores and
 * gives back; what a trend is, reports/history.ts says. Never reads a clock.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { UserError } from "./errors.ts";
import { reasonOf } from "./jsonc.ts";

/** One metric of one run at one time. */
export interface HistoryRow {
  /** Commit or any other name of what was run. */
  readonly commit: string;
  /** When it was added, ISO 8601 in UTC; orders the history. */
  readonly at: string;
  /** Hash of the facts: only equal ones are set against each other. */
  readonly fingerprint: string;
  /** Canonical JSON of what the numbers depend on beside the commit: host, generator, workload. */
  readonly facts: string;
  /** `workload/target/mechanism/policy`. */
  readonly cell: string;
  readonly seed: number;
  readonly metric: string;
  readonly unit: string;
  readonly direction: string;
  /** Share below which a change does not matter. */
  readonly minimum_effect: number;
  readonly value: number;
}

/** Columns with what each must be; also the fields of an exported line. */
const COLUMNS: Readonly<Record<keyof HistoryRow, "string" | "number">> = {
  commit: "string",
  at: "string",
  fingerprint: "string",
  facts: "string",
  cell: "string",
  seed: "number",
  metric: "string",
  unit: "string",
  direction: "string",
  minimum_effect: "number",
  value: "number",
};
const NAMES = Object.keys(COLUMNS) as (keyof HistoryRow)[];
/** "commit" is a word of SQL. */
const QUOTED = NAMES.map((name) => `"${name}"`).join(", ");

const TABLE = `CREATE TABLE IF NOT EXISTS history_1 (
  ${NAMES.map((name) => `"${name}" ${COLUMNS[name] === "string" ? "TEXT" : "REAL"} NOT NULL`)}
  , PRIMARY KEY ("commit", "at", "fingerprint", "cell", "seed", "metric")
) WITHOUT ROWID`;

/** An open history. */
export class History {
  readonly #database: DatabaseSync;

  /**
   * Opens a file, and makes it where there is none.
   *
   * @throws {UserError} where it cannot be opened or is no history.
   */
  constructor(file: string) {
    try {
      this.#database = new DatabaseSync(file);
      this.#database.exec(TABLE);
    } catch (cause) {
      const message = `Cannot open the history "${file}": ${reasonOf(cause)}`;
      throw new UserError(message, { cause });
    }
  }

  /** Adds rows, all or none; what is there already is left alone. Returns how many are new. */
  add(rows: readonly HistoryRow[]): number {
    const marks = NAMES.map(() => "?").join(", ");
    const insert = this.#database.prepare(
      `INSERT OR IGNORE INTO history_1 (${QUOTED}) VALUES (${marks})`,
    );
    let added = 0;
    this.#database.exec("BEGIN");
    try {
      for (const row of rows) {
        added += Number(insert.run(...NAMES.map((name) => row[name])).changes);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
    return added;
  }

  /** All rows, the oldest first, in an order that depends on nothing else. */
  rows(): HistoryRow[] {
    const order = '"at", "commit", "fingerprint", "cell", "metric", "seed"';
    const select = this.#database.prepare(`SELECT ${QUOTED} FROM history_1 ORDER BY ${order}`);
    return select.all() as unknown as HistoryRow[];
  }

  /** Removes all rows of a commit. Returns how many there were. */
  remove(commit: string): number {
    const remove = this.#database.prepare('DELETE FROM history_1 WHERE "commit" = ?');
    return Number(remove.run(commit).changes);
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }
}

/** One line of an export. */
export function formatRow(row: HistoryRow): string {
  return `${JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, row[name]])))}\n`;
}

/**
 * Reads an export.
 *
 * @param file For the error sentence.
 * @throws {UserError} names the first line that is no row.
 */
export function parseRows(text: string, file: string): HistoryRow[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const refuse = (why: string): UserError =>
      new UserError(`${file}:${index + 1}: Not a row of a history: ${why}`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw refuse("the line is not JSON (cut off or edited?)");
    }
    const row = Object(value) as Record<string, unknown>;
    for (const name of NAMES) {
      const isRight = typeof row[name] === COLUMNS[name] &&
        (COLUMNS[name] === "string" || Number.isFinite(row[name]));
      if (!isRight) throw refuse(`"${name}" is no ${COLUMNS[name]}`);
    }
    return [row as unknown as HistoryRow];
  });
}
