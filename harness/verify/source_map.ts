/**
 * From a byte of a binary to the line of core/ that it was compiled from, by asc's source map.
 *
 * @module
 */

/** A line of the source. */
export interface SourceLine {
  /** Path from the root of the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Numbers of one segment (base 64, variable length, the sign in the lowest bit). */
function segmentNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if ((bits & 32) !== 0) continue;
    numbers.push((value & 1) === 0 ? value >>> 1 : -(value >>> 1));
    [value, shift] = [0, 0];
  }
  return numbers;
}

/** A source map of a binary: all of it is one line, and a column is a byte. */
export class SourceMap {
  /** Paths of the sources. */
  readonly files: readonly string[];
  readonly #offsets: number[] = [];
  readonly #lines: (SourceLine | null)[] = [];

  constructor(text: string) {
    const { sources, mappings } = JSON.parse(text) as { sources: string[]; mappings: string };
    this.files = sources;
    let [offset, source, line] = [0, 0, 0];
    for (const segment of mappings.split(",")) {
      const [bytes = 0, toSource, toLine = 0] = segmentNumbers(segment);
      offset += bytes;
      this.#offsets.push(offset);
      if (toSource === undefined) {
        this.#lines.push(null);
        continue;
      }
      source += toSource;
      line += toLine;
      this.#lines.push({ file: sources[source]!, line: line + 1 });
    }
  }

  /** Line of the instruction at a byte, null where it has none. */
  at(offset: number): SourceLine | null {
    let [from, to] = [0, this.#offsets.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#offsets[middle]! <= offset) from = middle + 1;
      else to = middle;
    }
    return this.#lines[from - 1] ?? null;
  }
}

/** Functions of a source file by the line that each begins at. */
export class FunctionLines {
  readonly #starts: { readonly line: number; readonly name: string }[] = [];

  constructor(text: string) {
    text.split("\n").forEach((line, place) => {
      const name = line.match(/^(?:export )?function (\w+)/)?.[1];
      if (name !== undefined) this.#starts.push({ line: place + 1, name });
    });
  }

  /** Function that a line stands in, "" before the first. */
  at(line: number): string {
    return this.#starts.findLast((start) => start.line <= line)?.name ?? "";
  }
}
