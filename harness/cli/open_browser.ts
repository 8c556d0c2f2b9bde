/**
 * Opens a page in the person's browser with the system's own opener.
 *
 * @module
 */

import { reasonOf } from "../jsonc.ts";
import type { Io } from "./io.ts";

/** Openers by system; deno.json allows `report` to run these and nothing else. */
const OPENERS: Readonly<Record<string, string>> = { darwin: "open", windows: "explorer" };

/** Tries to open; where that fails, says so and how to get there by hand. */
export async function openInBrowser(
  page: string,
  io: Pick<Io, "err">,
  opener: string = OPENERS[Deno.build.os] ?? "xdg-open",
): Promise<void> {
  try {
    const command = new Deno.Command(opener, { args: [page], stdout: "null", stderr: "null" });
    const { success } = await command.output();
    // explorer ends with 1 also when it has opened the page.
    if (success || opener === "explorer") return;
    io.err(`Cannot open the page: "${opener}" failed; open it by hand: ${page}\n`);
  } catch (error) {
    io.err(`Cannot open the page: ${reasonOf(error)}; open it by hand: ${page}\n`);
  }
}
