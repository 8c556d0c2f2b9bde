// deno-fmt-ignore-file
// A rule of `ethtool -N` as the i40e driver takes it apart (i40e_add_fdir_ethtool): which fields
// its masks name, all of a field or none of it, and the flexible word of the user-defined field.
// Changes nothing by itself: that is flow_director.ts.

import { EBUSY, EINVAL, EOPNOTSUPP } from "../lib/errno";
import { RULE_INPUT, RULE_MATCH } from "./abi";
import { insertWanted } from "./flow_director";
import { Match, typeOf, want, wanted } from "./flow_match";
import { isFlushed } from "./flow_room";
import { deviceIsDown } from "./queue";
import { FLEX_FAR, FLEX_ODD, refuse } from "./refusal";

/** The flexible word lies within so many bytes of the payload (i40e_ethtool.c). */
const FLEX_BYTES: u32 = 64;

/** Place of a word of the rule that RULE_INPUT holds; see filterInsert. */
function input(word: u32): u32 {
  return load<u32>(RULE_INPUT + ((<usize>word) << 2));
}

/** Whether a mask of so many words from one on is all ones (1), all 0 (0) or neither (-1). */
function maskIs(word: u32, words: u32): i32 {
  let ones: u32 = 0;
  for (let i = word; i < word + words; i++) {
    if (input(i) == u32.MAX_VALUE) ones++;
    else if (input(i) != 0) return -1;
  }
  return ones == words ? 1 : ones == 0 ? 0 : -1;
}

/** The same for half a word. */
function halfIs(mask: u32): i32 {
  return mask == 0xffff ? 1 : mask == 0 ? 0 : -1;
}

/**
 * Inserts the rule that RULE_INPUT holds at a location, or at the highest free one; a rule that is
 * there is replaced. Answers the location. Words: 0 flow type; source 1 and mask 5, destination 9
 * and mask 13, of four words each, IPv4 in the first; 17 ports (source << 16 | destination) and 18
 * mask; 19 user-defined (place << 16 | word) and 20 mask; 21 others the driver looks at in vain.
 *
 * -EBUSY during a flush. -EINVAL: a part of the user-defined field, one that does not begin at an
 * even byte of the first 64 of the payload; a location or queue that is not there; the same match
 * elsewhere. -EOPNOTSUPP: a flow type or a field that the device has not, a part of a field, other
 * fields than the type's rules have. -ENOSPC: no room for the rule or its flexible word.
 */
export function filterInsert(location: i32, queue: i32): i32 {
  if (isFlushed() || deviceIsDown()) return -EBUSY;
  const flexMask = input(20);
  if (flexMask != 0 && flexMask != u32.MAX_VALUE) return -EINVAL;
  const type = typeOf(input(0));
  if (type < 0 || input(21) != 0) return -EOPNOTSUPP;
  const words: u32 = type < 4 ? 1 : 4;
  const source = maskIs(5, words);
  const destination = maskIs(13, words);
  const sourcePort = halfIs(input(18) >> 16);
  const destinationPort = halfIs(input(18) & 0xffff);
  if (min(min(source, destination), min(sourcePort, destinationPort)) < 0) return -EOPNOTSUPP;
  const fields = source | (destination << 1) | (sourcePort << 2) | (destinationPort << 3);
  want(type, input(17));
  memory.copy(RULE_MATCH + offsetof<Match>("source0"), RULE_INPUT + 4, words << 2);
  memory.copy(RULE_MATCH + offsetof<Match>("destination0"), RULE_INPUT + 36, words << 2);
  let flex: u32 = 0;
  if (flexMask != 0) {
    const place = input(19) >> 16;
    if ((place & 1) != 0) return refuse(-EINVAL, FLEX_ODD);
    if (place >= FLEX_BYTES) return refuse(-EINVAL, FLEX_FAR);
    flex = place + 1;
    wanted().flexWord = input(19) & 0xffff;
  }
  return insertWanted(location, fields, flex, queue);
}
