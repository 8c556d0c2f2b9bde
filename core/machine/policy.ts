// deno-fmt-ignore-file
// What the machine's kernel asks of the policy manager: imports from policy.wasm, Wasm to Wasm.
// Declarations only. Directions: rx 0, tx 1. Negative results are errno values: no policy queue.

/** Record of an instance, 0 if it has none; changes nothing. */
@external("policy", "recordFind")
export declare function recordFind(instance: i32): i32;

/** Object that a record holds in a direction, negative if none; changes nothing. */
@external("policy", "recordObject")
export declare function recordObject(record: i32, direction: i32): i32;

/** Transmit queue of a socket; -1 for XPS or hash where that facility has no answer. */
@external("policy", "netdevPickTx")
export declare function netdevPickTx(instance: i32, xpsQueue: i32, hashQueue: i32): i32;

/** After a receive call: makes sure that a rule steers the flow to the instance's queue. */
@external("policy", "setRulesV4")
export declare function setRulesV4(
  instance: i32,
  protocol: i32,
  source: u32,
  destination: u32,
  ports: u32,
): i32;

/** The same for a flow of IPv6 whose addresses have zeros between the first and the last word. */
@external("policy", "setRulesV6")
export declare function setRulesV6(
  instance: i32,
  protocol: i32,
  prefix: u32,
  source: u32,
  destination: u32,
  ports: u32,
): i32;

/** A socket comes into being: handle, or negative errno. */
@external("policy", "socketOpen")
export declare function socketOpen(id: u32, task: i32, device: i32): i32;

/** A socket that a listener accepts: handle, or negative errno. */
@external("policy", "socketAccept")
export declare function socketAccept(listener: i32, id: u32): i32;

/** A socket is closed. */
@external("policy", "socketClose")
export declare function socketClose(instance: i32): i32;

/** SO_NETPOLICY. */
@external("policy", "setSocketPolicy")
export declare function setSocketPolicy(instance: i32, value: i32): i32;
