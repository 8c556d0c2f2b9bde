/**
 * Finds out which tool a file is of, and reads it. The one place of the import that opens a file.
 *
 * @module
 */

import { gunzipSync } from "node:zlib";
import { UserError } from "../errors.ts";
import { reasonOf, type Schema, schemaFindings } from "../jsonc.ts";
import { isFlent, readFlent } from "./flent.ts";
import type { Imported } from "./imported.ts";
import { isIperf3, readIperf3 } from "./iperf3.ts";
import { isNetperf, readNetperf } from "./netperf.ts";
import { FLENT_SCHEMA, IPERF3_SCHEMA } from "./schemas.ts";

/** Largest file, unpacked: flent's of an hour is some 20 MB. */
const BYTES_MAX = 200 * 2 ** 20;

/**
 * Every run that a file of another tool holds.
 *
 * @param path The file.
 * @param shown Its name, for errors.
 * @throws {UserError} when it cannot be read or is of no known tool.
 */
export async function readImported(path: string, shown: string): Promise<Imported[]> {
  const place = JSON.stringify(shown);
  const text = await textOf(path, place);
  if (/^\s*\{/.test(text)) {
    const document = jsonOf(text, place);
    if (isFlent(document)) return [readFlent(fitting(document, FLENT_SCHEMA, place), place)];
    if (isIperf3(document)) return [readIperf3(fitting(document, IPERF3_SCHEMA, place), place)];
  } else if (isNetperf(text)) return readNetperf(text, place);
  throw new UserError(
    `${place} is no result that can be imported: accepted are netperf with "-- -k" or "-- -o", ` +
      `"iperf3 --json", and data files of flent`,
  );
}

/** The document, where it is as its tool writes it. */
function fitting(document: unknown, schema: Schema, place: string): unknown {
  const [finding] = schemaFindings(schema, document);
  if (finding !== undefined) throw new UserError(`${place}: ${finding.message}`);
  return document;
}

async function textOf(path: string, place: string): Promise<string> {
  try {
    const bytes = await Deno.readFile(path);
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = isPacked ? gunzipSync(bytes, { maxOutputLength: BYTES_MAX }) : bytes;
    return new TextDecoder().decode(plain);
  } catch (error) {
    throw new UserError(`Cannot read ${place}: ${reasonOf(error)}`, { cause: error });
  }
}

function jsonOf(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      `${place} is not JSON: it was cut off, or iperf3 wrote a number as nan (its issue 613)`,
      { cause },
    );
  }
}
