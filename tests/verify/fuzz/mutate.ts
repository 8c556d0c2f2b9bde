/**
 * Inputs for parsers: texts that were good, with something done to them, and documents drawn from
 * a JSON Schema with values now and then that it does not allow. Pure; all comes from a seed.
 *
 * @module
 */

import fc from "fast-check";
import type { Random } from "../../../harness/verify/walk.ts";

/** Numbers at the ends of what formats can hold. */
const NUMBERS = [
  "0",
  "-0",
  "-1",
  "1e308",
  "1e309",
  "-1e400",
  "5e-324",
  "0.1",
  "2147483647",
  "2147483648",
  "-2147483649",
  "4294967296",
  "9007199254740993",
  "18446744073709551616",
  "1e21",
  "NaN",
  "Infinity",
  "0x10",
  "01",
  "1_000",
];

/** Texts that trip up programs. */
const TEXTS = [
  "",
  " ",
  "\u0000",
  "\n",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "prototype",
  "null",
  "undefined",
  "../../../etc/passwd",
  "-",
  "--",
  "\ud800",
  "\u202e\u0645",
  "e\u0301\ufeff",
  "\u{1f600}",
  "%s%n%x",
  "<script>alert(1)</script>",
  "a".repeat(5000),
];

/** Any JSON value where another is expected. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  4294967296,
  "",
  "x",
  "__proto__",
  [],
  [[]],
  [null],
  {},
  { length: 3 },
  { constructor: null },
  [0, "0", null, {}],
];

type Change = (text: string, random: Random) => string;

/** Two places of a text in order. */
function span(text: string, random: Random): [number, number] {
  const from = random.below(text.length + 1);
  return [from, Math.min(text.length, from + random.below(1 + Math.min(80, text.length)))];
}

function ofLines(change: (lines: string[], random: Random) => void): Change {
  return (text, random) => {
    const lines = text.split("\n");
    change(lines, random);
    return lines.join("\n");
  };
}

/** Replaces one match of a pattern, if there is any. */
function replaceOne(pattern: RegExp, instead: (random: Random) => string): Change {
  return (text, random) => {
    const places = [...text.matchAll(pattern)];
    const place = places[random.below(Math.max(1, places.length))];
    if (place === undefined) return text;
    return text.slice(0, place.index) + instead(random) +
      text.slice(place.index + place[0].length);
  };
}

const NESTING = [3, 65, 2000, 20_000];

/** What can be done to a text, by name. */
export const CHANGES: Readonly<Record<string, Change>> = {
  "flips a bit": (text, random) => {
    const at = random.below(Math.max(1, text.length));
    const code = (text.charCodeAt(at) || 0) ^ (1 << random.below(8));
    return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
  },
  "cuts off": (text, random) => text.slice(0, random.below(text.length + 1)),
  "leaves out": (text, random) => {
    const [from, to] = span(text, random);
    return text.slice(0, from) + text.slice(to);
  },
  "says twice": (text, random) => {
    const [from, to] = span(text, random);
    return text.slice(0, to) + text.slice(from);
  },
  "puts in a text": (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.of(TEXTS) + text.slice(at);
  },
  "a line twice": ofLines((lines, random) => {
    const at = random.below(lines.length);
    lines.splice(at, 0, lines[at]!);
  }),
  "a line less": ofLines((lines, random) => void lines.splice(random.below(lines.length), 1)),
  "lines change places": ofLines((lines, random) => {
    const [a, b] = [random.below(lines.length), random.below(lines.length)];
    [lines[a], lines[b]] = [lines[b]!, lines[a]!];
  }),
  "another number": replaceOne(/-?\d+(\.\d+)?/g, (random) => random.of(NUMBERS)),
  "another word": replaceOne(/[^\s"]+/g, (random) => random.of(TEXTS)),
  "another text": replaceOne(/"[^"\n]*"/g, (random) => JSON.stringify(random.of(TEXTS))),
  "another value": replaceOne(
    /"[^"\n]*"(?!\s*:)|-?\d+(\.\d+)?|true|false|null|\[\]|\{\}/g,
    (random) => JSON.stringify(random.of(VALUES)),
  ),
  "another key": replaceOne(/"[^"\n]*"(?=\s*:)/g, (random) => JSON.stringify(random.of(TEXTS))),
  "carriage returns": (text) => text.replaceAll("\n", "\r\n"),
  "a byte-order mark": (text) => `\ufeff${text}`,
  "nested deeply": (text, random) => {
    const depth = random.of(NESTING);
    const open = random.of(["[", '{"a":']);
    const at = random.below(text.length + 1);
    return text.slice(0, at) + open.repeat(depth) + text.slice(at);
  },
  "twice as long": (text) => text + text,
  "a comment": (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.of(["/*", "//", "*/", "#", "<!--"]) + text.slice(at);
  },
};
const NAMES = Object.keys(CHANGES);
/** Things done to a text: with few of them it comes further. */
const COUNTS = [1, 1, 1, 2, 3];

/** A good text with one to three things done to it, and their names. */
export function mutate(text: string, random: Random): { text: string; how: string } {
  const how: string[] = [];
  let result = text;
  for (let left = random.of(COUNTS); left > 0; left--) {
    const name = random.of(NAMES);
    how.push(name);
    result = CHANGES[name]!(result, random);
  }
  return { text: result, how: how.join(", ") };
}

/** The part of a JSON Schema that is drawn from. */
interface SchemaPart {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaPart>>;
  readonly anyOf?: readonly SchemaPart[];
  readonly oneOf?: readonly SchemaPart[];
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaPart;
  readonly items?: SchemaPart;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Levels below which values get simple. */
const DEEP = 6;
/** Most items of a drawn array. */
const ITEMS_MAX = 3;

/** Documents of a schema; about one value in forty is not what it allows. */
export function documentsOf(schema: object): fc.Arbitrary<unknown> {
  const root = schema as SchemaPart;
  const wrong = fc.constantFrom(...VALUES, ...TEXTS);
  const of = (part: SchemaPart, depth: number): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 39, arbitrary: right(part, depth) }, { weight: 1, arbitrary: wrong });
  const right = (part: SchemaPart, depth: number): fc.Arbitrary<unknown> => {
    if (depth > DEEP) return fc.constant(0);
    if (part.$ref !== undefined) {
      const name = part.$ref.split("/").pop()!;
      return of(root.$defs?.[name] ?? {}, depth + 1);
    }
    if (part.const !== undefined) return fc.constant(part.const);
    if (part.enum !== undefined) return fc.constantFrom(...part.enum);
    const choices = part.anyOf ?? part.oneOf;
    if (choices !== undefined) return fc.oneof(...choices.map((each) => of(each, depth + 1)));
    const type = typeof part.type === "string" ? part.type : part.type?.[0];
    const { minimum = -10, maximum = 1e6 } = part;
    const numbers = fc.constantFrom(minimum, minimum + 1, maximum, minimum - 1, maximum + 1);
    if (type === "integer") return numbers;
    if (type === "number") return fc.oneof(numbers, fc.constant(minimum + 0.5));
    if (type === "boolean") return fc.boolean();
    if (type === "array") {
      const minLength = Math.min(part.minItems ?? 0, ITEMS_MAX);
      return fc.array(of(part.items ?? {}, depth + 1), { minLength, maxLength: ITEMS_MAX });
    }
    if (part.properties !== undefined) return members(part, depth);
    if (type === "object") return fc.constant({});
    return fc.oneof(fc.constantFrom("eth0", "BULK", "a", "0-1"), fc.constantFrom(...TEXTS));
  };
  const members = (part: SchemaPart, depth: number): fc.Arbitrary<unknown> => {
    const required = new Set(part.required ?? []);
    const entries = Object.entries(part.properties!).map(([key, each]): [
      string,
      fc.Arbitrary<unknown>,
    ] => [key, of(each, depth + 1)]);
    return fc.record(Object.fromEntries(entries), {
      requiredKeys: entries.map(([key]) => key).filter((key) => required.has(key)),
    });
  };
  return of(root, 0);
}
