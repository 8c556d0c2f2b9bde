/**
 * Small text tools for what a terminal shows. Pure; no locale.
 *
 * @module
 */

/** `1 run`, `2 runs`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** A whole number with commas between thousands, in no locale but this. */
export function grouped(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A sentence in lines of at most `width` columns where its words allow, later lines indented. */
export function wrapped(sentence: string, width: number): string {
  let column = 0;
  return sentence.split(" ").map((word, index) => {
    const isNewLine = index > 0 && column + 1 + word.length > width;
    const lead = index === 0 ? "" : isNewLine ? "\n  " : " ";
    column = (isNewLine ? 2 : column + lead.length) + word.length;
    return lead + word;
  }).join("");
}
