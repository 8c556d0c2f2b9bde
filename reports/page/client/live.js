/**
 * On a page that is served while runs are made: asks its server whether there are more records, and
 * loads the page again if so. What the reader chose stands in the address, so it stays.
 *
 * @module
 */

"use strict";
(() => {
  /** Between two questions, milliseconds: a run takes about as long. */
  const PAUSE_MS = 1500;
  let known = null;
  const ask = async () => {
    try {
      const version = await (await fetch("version")).text();
      if (known !== null && version !== known) return location.reload();
      known = version;
    } catch {
      // The server is gone; the page stays as it is and goes on asking.
    }
    setTimeout(ask, PAUSE_MS);
  };
  ask();
})();
