/**
 * Turns one error of ajv into a sentence: where, what was found, what is accepted.
 * Never repeats ajv's own wording where a value or a list can be shown.
 *
 * @module
 */

import type { ErrorObject } from "ajv";
import type { Finding, JsonPath } from "./jsonc.ts";
import { didYouMean, nearest } from "./suggest.ts";

/** Text for one line of a terminal, as the schemas write it: no control character of C0 or C1. */
const PRINTABLE_PATTERN = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/** Errors that only repeat an error below them. */
const ECHOES = new Set(["if", "anyOf", "oneOf", "allOf"]);

/**
 * The findings for the errors of one document. A key that is missing because it is misspelt is
 * told once, as the misspelt key.
 */
export function explainSchemaErrors(errors: readonly ErrorObject[]): Finding[] {
  const meant = new Set(errors.flatMap((error) => meantKey(error) ?? []));
  return errors
    .filter((error) =>
      error.keyword !== "required" ||
      !meant.has(placeOfKey(error, String(error.params["missingProperty"])))
    )
    .flatMap((error) => explainSchemaError(error) ?? []);
}

/** The accepted key that an unknown one is near to, with its object; null for other errors. */
function meantKey(error: ErrorObject): string | null {
  if (error.keyword !== "additionalProperties") return null;
  const accepted = Object.keys((error.parentSchema?.["properties"] ?? {}) as object);
  const best = nearest(String(error.params["additionalProperty"]), accepted);
  return best === null ? null : placeOfKey(error, best);
}

function placeOfKey(error: ErrorObject, key: string): string {
  return JSON.stringify([error.instancePath, key]);
}

/** The finding for an error, or null when another error of the same run says it better. */
function explainSchemaError(error: ErrorObject): Finding | null {
  if (ECHOES.has(error.keyword)) return null;
  const path = pathOf(error.instancePath);
  const where = nameOf(path);
  const params = error.params as Record<string, unknown>;
  const found = quoted(error.data);
  const limit = params["limit"];
  switch (error.keyword) {
    case "additionalProperties":
    case "unevaluatedProperties":
      return unknownKey(error, path);
    case "required": {
      const key = String(params["missingProperty"]);
      return { path, message: `${where} lacks "${key}"${described(error, key)}` };
    }
    case "enum": {
      const allowed = params["allowedValues"] as readonly unknown[];
      const words = allowed.filter((value) => typeof value === "string");
      const guess = typeof error.data === "string" ? didYouMean(error.data, words) : "";
      const accepted = allowed.map(quoted).join(", ");
      return { path, message: `${where} is ${found}: accepted are ${accepted}${guess}` };
    }
    case "const":
      return {
        path,
        message: `${where} is ${found}: accepted is ${quoted(params["allowedValue"])}`,
      };
    case "type":
      return { path, message: `${where} is ${found}: accepted is ${typeWords(params["type"])}` };
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return { path, message: `${where} is ${found}: accepted is ${rangeOf(error)}` };
    case "minItems":
    case "minProperties":
      return { path, message: `${where} holds too few entries: at least ${limit} expected` };
    case "maxItems":
    case "maxProperties":
      return { path, message: `${where} holds too many entries: at most ${limit} accepted` };
    case "uniqueItems":
      return { path, message: `${where} holds the same entry twice` };
    case "minLength":
      return { path, message: `${where} is ${found}: at least ${limit} characters expected` };
    case "pattern":
      if (params["pattern"] === PRINTABLE_PATTERN) {
        return {
          path,
          message: `${where} is ${found}: accepted is text without control characters`,
        };
      }
      return { path, message: `${where} is ${found}: accepted is text like ${params["pattern"]}` };
    case "false schema":
      return { path, message: `${where} is not accepted here` };
    default:
      return { path, message: `${where} is ${found}: it ${error.message ?? "is not accepted"}` };
  }
}

function unknownKey(error: ErrorObject, path: JsonPath): Finding {
  const params = error.params as Record<string, unknown>;
  const key = String(params["additionalProperty"] ?? params["unevaluatedProperty"]);
  const properties = (error.parentSchema?.["properties"] ?? {}) as Record<string, unknown>;
  const accepted = Object.keys(properties);
  const list = accepted.map(quoted).join(", ");
  return {
    path,
    key,
    message: `Unknown key "${key}" in ${nameOf(path)}: accepted are ${list}` +
      didYouMean(key, accepted),
  };
}

/** What the schema says about a key that is missing. */
function described(error: ErrorObject, key: string): string {
  const properties = (error.parentSchema?.["properties"] ?? {}) as Record<
    string,
    { description?: string; enum?: readonly unknown[] }
  >;
  const property = properties[key];
  if (property?.enum !== undefined) return `: one of ${property.enum.map(quoted).join(", ")}`;
  return property?.description === undefined ? "" : `: ${property.description}`;
}

function rangeOf(error: ErrorObject): string {
  const schema = error.parentSchema ?? {};
  const [low, high] = [schema["minimum"], schema["maximum"]];
  if (low !== undefined && high !== undefined) return `${low} to ${high}`;
  const params = error.params as { comparison: string; limit: number };
  const words: Record<string, string> = {
    ">=": "at least",
    "<=": "at most",
    ">": "more than",
    "<": "less than",
  };
  return `${words[params.comparison] ?? params.comparison} ${params.limit}`;
}

function typeWords(type: unknown): string {
  const names: Record<string, string> = {
    integer: "a whole number",
    number: "a number",
    string: "text in quotes",
    boolean: "true or false",
    array: "a list in [ ]",
    object: "an object in { }",
    null: "null",
  };
  return [type].flat().map((name) => names[String(name)] ?? String(name)).join(" or ");
}

/** A value as it would stand in the file, shortened. */
function quoted(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = (JSON.stringify(value) ?? "nothing").replace(
    // JSON leaves these as they are, and some terminals obey them.
    /[\u007f-\u009f]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** `/groups/0/test` as keys and indices. */
function pathOf(instancePath: string): JsonPath {
  return instancePath.split("/").slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => /^\d+$/.test(part) ? Number(part) : part);
}

/** `groups[0].test`, or "the file" for the root. */
function nameOf(path: JsonPath): string {
  if (path.length === 0) return "the file";
  return path.map((part) => typeof part === "number" ? `[${part}]` : `.${part}`).join("")
    .replace(/^\./, "");
}
