/**
 * A Web Worker that runs one part of the verifier.
 *
 * @module
 */

import { serveParts } from "../../harness/verify/side_by_side.ts";
import { PARTS } from "./main.ts";

serveParts(PARTS);
