/**
 * Builds HTML in which text cannot become markup: every value in a template is escaped unless it
 * is itself Html. Labels come from files and from live hosts, so nothing else may make markup.
 *
 * @module
 */

/** Text that is already safe markup; only this file makes it. */
export class Html {
  /** @param text Markup, used as it is. */
  constructor(readonly text: string) {}
}

/** What a template accepts; null, undefined and false print nothing. */
export type HtmlPart = Html | string | number | null | undefined | false | readonly HtmlPart[];

/**
 * Template tag: markup from the template, escaped text from the values. Line breaks and indents of
 * the template are the formatter's and shrink to one space.
 */
export function html(strings: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  const markup = strings.map((each) => each.replaceAll(/\s*\n\s*/g, " "));
  let text = markup[0]!;
  parts.forEach((part, index) => {
    text += render(part) + markup[index + 1]!;
  });
  return new Html(text);
}

function render(part: HtmlPart): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return part.map(render).join("");
}

/** Escapes text for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (char) => entities[char]!);
}

/** A drawing whose texts svg.js has escaped already. */
export function embedSvg(svg: string): Html {
  return new Html(svg);
}

/** JSON for a `script type="application/json"` element: no `<`, so the element cannot be closed. */
export function embedJson(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

/**
 * Script or style text for inlining. A closing tag inside a string of the script would end the
 * element; `<\/` means the same to JavaScript. An opening comment is broken up for the same reason.
 */
export function embedScript(source: string): Html {
  return new Html(source.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--"));
}
