/**
 * What the i40e driver writes to the kernel's log when it refuses something, and the text of the
 * error number that the program ethtool prints.
 *
 * Sentences of the driver (i40e_ethtool.c), by the numbers in core/machine/refusal.ts; where it
 * says nothing there is none.
 *
 * @module
 */

import { ERRNO } from "../policy/errno.ts";

const SENTENCES: Readonly<Record<number, string>> = {
  1: "Invalid value, rx-usecs range is 0-8160",
  2: "Invalid value, tx-usecs range is 0-8160",
  3: "Invalid value, rx-usecs-high range is 0-236",
  4: "tx-usecs-high is not used, please program rx-usecs-high",
  5: "RX interrupt moderation cannot be changed if adaptive-rx is enabled.",
  6: "TX interrupt moderation cannot be changed if adaptive-tx is enabled.",
  7: "Invalid queue value, queue range is 0 - %d",
  8: "Descriptors requested out of range [64-4096]",
  9: "Existing filter rules must be deleted to reduce combined channel count: user defined " +
    "filter %d assigns flow to a queue beyond it",
  10: "Flexible data offset must be 2-byte aligned",
  11: "Flexible data must reside within first 64 bytes of the packet payload",
  12: "Cannot change input set for these flows until %d preexisting filters are removed",
  13: "Existing user defined filter %d already matches this flow.",
};

/** The driver's sentence for a reason, with its number; null where it says nothing. */
export function driverSentence(reason: number, detail: number): string | null {
  return SENTENCES[reason]?.replace("%d", String(detail)) ?? null;
}

/** strerror of what a request can be answered with. */
const ERROR_TEXTS: Readonly<Record<number, string>> = {
  [ERRNO.ENOENT]: "No such file or directory",
  [ERRNO.EBUSY]: "Device or resource busy",
  [ERRNO.EINVAL]: "Invalid argument",
  [ERRNO.ENOSPC]: "No space left on device",
  [ERRNO.EOPNOTSUPP]: "Operation not supported",
};

/** The text of a negative error number. */
export function errorText(error: number): string {
  return ERROR_TEXTS[-error] ?? `Unknown error ${-error}`;
}
