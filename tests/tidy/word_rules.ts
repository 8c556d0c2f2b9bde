/**
 * Words that the project does not use, in text and as names.
 *
 * The list is short and each word has its replacement: a rule nobody can remember is no rule.
 */

import type { Rule } from "./tree.ts";

/** What must not occur in any text, and what to do instead. Split so as not to find itself. */
const BANNED_TEXT: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bTO[D]O\b|\bFIX[M]E\b|\bX[X]X\b/, "do it, or say in a sentence what does not work"],
  [/\bjs[r]:/, "packages come from npm, named in deno.json"],
  [/https:\/\/deno\.lan[d]/, "packages come from npm, named in deno.json"],
  [/(?<![\w.])\/(?:work|home|root|Users|tmp)\/\w/, "a path of one machine: use a relative one"],
];

/** Parts of names, as in `rowIdx` or `num_rows`, and the word to use. */
const BANNED_NAMES: ReadonlyMap<string, string> = new Map([
  ["num", '"count", "index" or "size", whichever it is'],
  ["idx", '"index"'],
  ["tmp", "a name that says what it holds"],
  ["cnt", '"count"'],
  ["cfg", '"config" or "options"'],
  ["iface", '"device"'],
  ["netdev", '"device"'],
  ["adapter", '"device"'],
]);

/** Names of the kernel, of a library (fast-check) and of iperf3, which keep their spelling. */
const FOREIGN_NAMES = new Set([
  "netdevPickTx",
  "netdev_max_backlog",
  "NETDEV_MAX_BACKLOG",
  "rps_flow_cnt",
  "RPS_FLOW_CNT",
  "numRuns",
  "num_streams",
]);

/** No leftovers, no foreign registries, no path of somebody's machine. */
export const textIsClean: Rule = (file) =>
  file.lines.flatMap((text, index) =>
    BANNED_TEXT.flatMap(([pattern, instead]) => {
      const found = text.match(pattern)?.[0];
      if (found === undefined) return [];
      return [{ path: file.path, line: index + 1, sentence: `has "${found}": ${instead}` }];
    })
  );

/** Names are words. */
export const namesAreWords: Rule = (file) =>
  [...file.syntax.names].flatMap(([name, line]) => {
    if (FOREIGN_NAMES.has(name)) return [];
    const parts = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[_$]+/);
    return parts.flatMap((part) => {
      const instead = BANNED_NAMES.get(part);
      if (instead === undefined) return [];
      return [{ path: file.path, line, sentence: `names something "${name}": use ${instead}` }];
    });
  });

/** A test neither waits by the clock nor keeps the others of its file from running. */
export const testsDoNotWait: Rule = (file) => {
  if (!file.path.startsWith("tests/")) return [];
  const waits = ["setTimeout", "setInterval"].flatMap((name) => {
    const line = file.syntax.names.get(name);
    if (line === undefined) return [];
    const sentence = `uses "${name}": wait for the event itself, not for time to pass`;
    return [{ path: file.path, line, sentence }];
  });
  const alone = file.lines.flatMap((text, index) => {
    const found = text.match(/\.onl[y]\(|\bonl[y]: true/)?.[0];
    if (found === undefined) return [];
    return [{ path: file.path, line: index + 1, sentence: `has "${found}": every test runs` }];
  });
  return [...waits, ...alone];
};
