/**
 * Reads a JSONC file against a JSON Schema; every mistake is told with file, line and column, with
 * what was found and what is accepted. Never returns a value that the schema refuses.
 *
 * Defaults of the schema are filled in. Duplicate keys are refused: JSON would keep the last one
 * and hide the other.
 *
 * @module
 */

import { Ajv2020, type AnySchemaObject, type ValidateFunction } from "ajv";
import * as jsonc from "jsonc-parser";
import { basename } from "node:path";
import { UserError } from "./errors.ts";
import { explainSchemaErrors } from "./schema_error.ts";

/** Ending of the project's own files. */
export const JSONC_ENDING = ".jsonc";

/** Names of a folder's JSONC files, sorted and without their ending. */
export async function jsoncNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { isFile, name } of Deno.readDir(folder)) {
    if (isFile && name.endsWith(JSONC_ENDING)) names.push(basename(name, JSONC_ENDING));
  }
  return names.sort();
}

/** Keys and indices from the root of a document to a value. */
export type JsonPath = readonly (string | number)[];

/** Something wrong at one place of a document. `key`: point to the key, not to its value. */
export interface Finding {
  readonly path: JsonPath;
  readonly message: string;
  readonly key?: string;
  /** Place in the text, where path and key cannot tell it. */
  readonly offset?: number;
}

/** A document that was read, with the means to point into it. */
export interface JsoncDocument<T> {
  readonly file: string;
  readonly value: T;
  /** true where the file itself holds a value, false for a default that was filled in. */
  has(path: JsonPath): boolean;
  /** The error for a finding: `file:line:column: message`. */
  fail(finding: Finding): UserError;
}

/** A JSON Schema 2020-12, or what ajv compiled from one. */
export type Schema = AnySchemaObject | ValidateFunction;

/** Options of {@link parseJsonc}. */
export interface JsoncOptions<T> {
  readonly schema: Schema;
  /** What a schema cannot say: relations between values. Called when the value fits the schema. */
  readonly relations?: (document: JsoncDocument<T>) => readonly Finding[];
}

const ajv = new Ajv2020({
  // A mistake in a schema is a fault of the lab, not a warning on a user's screen.
  strict: true,
  allErrors: true,
  useDefaults: true,
  verbose: true,
  allowUnionTypes: true,
});
const compiled = new WeakMap<AnySchemaObject, ValidateFunction>();

/** The validator of a schema, compiled once. */
export function validatorOf(schema: Schema): ValidateFunction {
  if (typeof schema === "function") return schema as ValidateFunction;
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}

/**
 * Reads a file; see {@link parseJsonc}.
 *
 * @throws {UserError} when the file cannot be read, is not JSONC, or does not fit.
 */
export async function readJsonc<T>(
  file: string,
  check: Schema | JsoncOptions<T>,
): Promise<T> {
  return parseJsonc<T>(await readText(file), file, check).value;
}

/** What {@link readText} accepts. */
export interface ReadLimits {
  readonly bytesMax: number;
  /** A pipe has no size before it was read, so it goes with no limit only. */
  readonly acceptsPipe: boolean;
}

/** Descriptions are written by hand: 16 MiB is a thousand times the largest. */
const DESCRIPTION: ReadLimits = { bytesMax: 16 * 1024 * 1024, acceptsPipe: false };
const BYTE_ORDER_MARK = "\ufeff";

/**
 * The text of a file, without a byte-order mark.
 *
 * @throws {UserError} says in words why it cannot be read: devices are refused, since some have no
 *   end, and so is what is larger than `limits` say.
 */
export async function readText(file: string, limits: ReadLimits = DESCRIPTION): Promise<string> {
  const refuse = (reason: string, cause?: unknown): UserError =>
    new UserError(`Cannot read "${file}": ${reason}`, { cause });
  try {
    const { isFile, isDirectory, isFifo, size } = await Deno.stat(file);
    if (!isFile && !isDirectory && !(isFifo === true && limits.acceptsPipe)) {
      throw refuse("it is not a regular file");
    }
    if (size > limits.bytesMax) {
      throw refuse(`it holds ${size} bytes; accepted are at most ${limits.bytesMax}`);
    }
    const text = await Deno.readTextFile(file);
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  } catch (error) {
    throw error instanceof UserError ? error : refuse(reasonOf(error), error);
  }
}

/** Why the system refused a file operation, in words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or directory";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied by the system";
  if (error instanceof Deno.errors.NotCapable) return "Deno was started without this permission";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.NotADirectory) return "a part of the path is not a directory";
  if (error instanceof Deno.errors.AlreadyExists) return "a file of that name is in the way";
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith("No space left on device")) return "no space left on the device";
  return text.replace(/ \(os error \d+\).*$/s, "").replace(/\s+/g, " ");
}

/**
 * Parses and validates text.
 *
 * @param file Name for messages only.
 * @throws {UserError} for the first mistake in the order of the text; it says how many more follow.
 */
export function parseJsonc<T>(
  text: string,
  file: string,
  check: Schema | JsoncOptions<T>,
): JsoncDocument<T> {
  const options: JsoncOptions<T> = isOptions<T>(check) ? check : { schema: check };
  refuseDeepNesting(text, file);
  const syntax: jsonc.ParseError[] = [];
  const root = jsonc.parseTree(text, syntax, { allowTrailingComma: true });
  const firstError = syntax[0];
  if (firstError !== undefined || root === undefined) {
    const offset = firstError?.offset ?? 0;
    throw new UserError(`${file}:${positionOf(text, offset)}: ${syntaxMessage(firstError, text)}`);
  }
  const document = documentOf<T>({ text, file, root });
  const findings = duplicateKeys(root);
  if (findings.length === 0) findings.push(...schemaFindings(options.schema, document.value));
  if (findings.length === 0) findings.push(...options.relations?.(document) ?? []);
  if (findings.length > 0) throw firstInText(findings, root, document);
  return document;
}

/** Deepest nesting: no description needs 10, and the parser would run out of stack at thousands. */
const DEPTH_MAX = 64;

function refuseDeepNesting(text: string, file: string): void {
  const scanner = jsonc.createScanner(text, true);
  let depth = 0;
  // Not until a token is empty: behind a comment that was left open none ever is.
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    if (scanner.getTokenLength() > 1) continue;
    const token = text[scanner.getTokenOffset()];
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    if (depth <= DEPTH_MAX) continue;
    const place = `${file}:${positionOf(text, scanner.getTokenOffset())}`;
    throw new UserError(`${place}: Nested deeper than ${DEPTH_MAX} levels, which is not accepted`);
  }
}

function isOptions<T>(check: Schema | JsoncOptions<T>): check is JsoncOptions<T> {
  return typeof check === "object" && typeof check["schema"] === "object";
}

function documentOf<T>(
  source: { text: string; file: string; root: jsonc.Node },
): JsoncDocument<T> {
  const { text, file, root } = source;
  return {
    file,
    value: jsonc.getNodeValue(root) as T,
    has: (path) => jsonc.findNodeAtLocation(root, [...path]) !== undefined,
    fail: (finding) => {
      const position = positionOf(text, offsetOf(root, finding));
      return new UserError(`${file}:${position}: ${finding.message}`);
    },
  };
}

/** What a schema refuses in a value; fills defaults in. */
export function schemaFindings(schema: Schema, value: unknown): Finding[] {
  const validate = validatorOf(schema);
  if (validate(value)) return [];
  return explainSchemaErrors(validate.errors ?? []);
}

/** The finding that comes first in the text, as an error that counts the others. */
function firstInText<T>(
  findings: readonly Finding[],
  root: jsonc.Node,
  document: JsoncDocument<T>,
): UserError {
  const inOrder = [...findings].sort((a, b) => offsetOf(root, a) - offsetOf(root, b));
  const first = inOrder[0]!;
  const others = new Set(inOrder.map((finding) => finding.message)).size - 1;
  const more = others === 0 ? "" : ` (and ${others} more in this file)`;
  return document.fail({ ...first, message: first.message + more });
}

/** Offset of a value, or of the key a finding names, or of the nearest parent the file holds. */
function offsetOf(root: jsonc.Node, finding: Finding): number {
  if (finding.offset !== undefined) return finding.offset;
  const path = [...finding.path];
  for (;;) {
    const node = jsonc.findNodeAtLocation(root, path);
    if (node !== undefined) {
      const property = node.children?.find((child) => child.children?.[0]?.value === finding.key);
      return finding.key !== undefined && property !== undefined ? property.offset : node.offset;
    }
    path.pop();
  }
}

function duplicateKeys(root: jsonc.Node): Finding[] {
  const findings: Finding[] = [];
  const visit = (node: jsonc.Node, path: JsonPath): void => {
    const seen = new Set<string>();
    node.children?.forEach((child, index) => {
      if (node.type !== "object") return visit(child, [...path, index]);
      const key = String(child.children?.[0]?.value);
      if (seen.has(key)) {
        findings.push({ path, offset: child.offset, message: `Key "${key}" stands twice` });
      }
      seen.add(key);
      const value = child.children?.[1];
      if (value !== undefined) visit(value, [...path, key]);
    });
  };
  visit(root, []);
  return findings;
}

/** `line:column`, both from 1; a column counts UTF-16 units, as editors do. */
function positionOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - (before.lastIndexOf("\n") + 1) + 1;
  return `${line}:${column}`;
}

/** jsonc-parser names its errors like `ValueExpected`; this makes words of them. */
function syntaxMessage(error: jsonc.ParseError | undefined, text: string): string {
  if (error === undefined) return "The file is empty: one JSON object is expected";
  const words = jsonc.printParseErrorCode(error.error).replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  const found = text.slice(error.offset, error.offset + Math.max(1, error.length)).slice(0, 20);
  const place = found.trim() === "" ? "at the end of the line" : `at ${JSON.stringify(found)}`;
  return `Not valid JSON: ${words.toLowerCase()} ${place}`;
}
