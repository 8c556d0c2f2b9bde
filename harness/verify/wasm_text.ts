/**
 * Functions of a module from its text form: who calls whom, which loops there are and what lets
 * each come to an end. Reads text as harness/build/inspect.ts makes it, one instruction a line.
 *
 * @module
 */

/** A loop of a function. */
export interface LoopText {
  /**
   * `counted`: a local goes up or down by a constant. `slots`: a call finds the next one from a
   * local + 1. `chain`: a local is loaded from memory, as when a list is followed. `unknown`: none
   * of these.
   */
  readonly ends: "counted" | "slots" | "chain" | "unknown";
}

/** A function of a module. */
export interface FunctionText {
  readonly name: string;
  /** Parameters and locals. */
  readonly values: number;
  readonly calls: readonly string[];
  readonly loops: readonly LoopText[];
  readonly indirectCalls: number;
}

/** What the text of a module says. */
export interface ModuleText {
  readonly functions: ReadonlyMap<string, FunctionText>;
  /** Function behind each export, by the export's name. */
  readonly exports: ReadonlyMap<string, string>;
}

/** Reads the text form of a module. */
export function readModuleText(text: string): ModuleText {
  const functions = new Map<string, FunctionText>();
  const exports = new Map<string, string>();
  let body: string[] | null = null;
  let name = "";
  const close = () => {
    if (body !== null) functions.set(name, functionOf(name, body));
    body = null;
  };
  for (const line of text.split("\n")) {
    const start = line.match(/^ {2}\(func (\S+)/);
    const other = line.match(/^ {2}\(/);
    if (start !== null || other !== null) close();
    if (start !== null) {
      name = start[1]!;
      body = [line];
    } else if (body !== null) body.push(line.trim());
    const exported = line.match(/^ {2}\(export "([^"]*)" \(func ([^\s)]+)\)\)/);
    if (exported !== null) exports.set(exported[1]!, exported[2]!);
  }
  close();
  return { functions, exports };
}

function functionOf(name: string, body: readonly string[]): FunctionText {
  const head = body.filter((line) => /\((param|local|func) /.test(line)).join(" ");
  const calls = body.flatMap((line) => line.match(/^call (\S+?)\)?$/)?.[1] ?? []);
  return {
    name,
    values: [...head.matchAll(/\((?:param|local) \$\S+ [if]\d+/g)].length,
    calls,
    loops: loopsOf(body),
    indirectCalls: body.filter((line) => /^(return_)?call_(indirect|ref)/.test(line)).length,
  };
}

/** Each loop, judged by its own lines: what a loop within it counts does not end it. */
function loopsOf(body: readonly string[]): LoopText[] {
  const open: { isLoop: boolean; from: number; own: string[] }[] = [];
  const loops: LoopText[] = [];
  body.forEach((line, place) => {
    if (/^(block|loop|if)\b/.test(line)) {
      open.push({ isLoop: line.startsWith("loop"), from: place, own: [] });
    }
    open.findLast(({ isLoop }) => isLoop)?.own.push(line);
    if (!/^end\b/.test(line)) return;
    const closed = open.pop();
    if (closed?.isLoop) loops.push({ ends: endOf(body.slice(closed.from, place), closed.own) });
  });
  return loops;
}

/** What lets a loop end. A loop that no branch leads back to its head runs once, hence counted. */
function endOf(loop: readonly string[], own: readonly string[]): LoopText["ends"] {
  const label = loop[0]!.match(/^loop (\S+)/)?.[1] ?? "";
  if (!loop.some((line) => /^br/.test(line) && line.split(/[\s)]+/).includes(label))) {
    return "counted";
  }
  const text = own.join("\n");
  const step = String
    .raw`local\.get (\$\w+)\n(?:local\.tee \$\w+\n)?i32\.const -?\d+\ni32\.(?:add|sub)\n`;
  const kept = String.raw`local\.(?:set|tee) \1\b`;
  if (new RegExp(step + kept).test(text)) return "counted";
  if (new RegExp(step + String.raw`call \$\w+\n` + kept).test(text)) return "slots";
  const chain = /i32\.load[\w]*(?: [\w=]+)*\nlocal\.(?:set|tee) (\$\w+)/;
  return chain.test(text) ? "chain" : "unknown";
}

/** Functions that can be reached from some, they among them. */
export function reachable(module: ModuleText, from: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const callee of module.functions.get(name)?.calls ?? []) visit(callee);
  };
  for (const name of from) visit(name);
  return seen;
}

/** Functions that call themselves. */
export function selfCalling(module: ModuleText): string[] {
  return [...module.functions.values()].filter(({ name, calls }) => calls.includes(name))
    .map(({ name }) => name);
}

/**
 * The deepest chain of calls, and the most parameters and locals on one; null where functions call
 * each other in a circle.
 *
 * @param selfCalls How often a function that calls itself does so at most.
 */
export function deepestCalls(
  module: ModuleText,
  selfCalls: number,
): { depth: number; values: number } | null {
  const known = new Map<string, { depth: number; values: number }>();
  const path = new Set<string>();
  const below = (name: string): { depth: number; values: number } | null => {
    if (path.has(name)) return null;
    const found = known.get(name);
    if (found !== undefined) return found;
    const body = module.functions.get(name);
    if (body === undefined) return { depth: 1, values: 0 };
    path.add(name);
    let [depth, values] = [0, 0];
    const times = body.calls.includes(name) ? selfCalls : 1;
    for (const callee of new Set(body.calls)) {
      if (callee === name) continue;
      const deeper = below(callee);
      if (deeper === null) return null;
      [depth, values] = [Math.max(depth, deeper.depth), Math.max(values, deeper.values)];
    }
    path.delete(name);
    const result = { depth: depth + times, values: values + times * body.values };
    known.set(name, result);
    return result;
  };
  let most = { depth: 0, values: 0 };
  for (const name of module.functions.keys()) {
    const found = below(name);
    if (found === null) return null;
    most = {
      depth: Math.max(most.depth, found.depth),
      values: Math.max(most.values, found.values),
    };
  }
  return most;
}
