// deno-fmt-ignore-file
// The imported driver operations: the one seam to the outside, named after the kernel's.
// Every operation returns a negative errno on failure. None may call back into the manager.

/** ndo_netpolicy_init: fills {available u32, flags u32, recordLimit u32} at `info`. */
@external("driver", "netpolicyInit")
export declare function driverNetpolicyInit(device: i32, info: usize): i32;

/** ndo_get_irq_info, count: queues in a direction. */
@external("driver", "irqCount")
export declare function driverIrqCount(device: i32, direction: i32): i32;

/** ndo_get_irq_info, vector: interrupt number of a queue. */
@external("driver", "irq")
export declare function driverIrq(device: i32, direction: i32, queue: i32): i32;

/** ndo_set_net_policy: queue -1 and direction RXTX mean the whole device. */
@external("driver", "setNetPolicy")
export declare function driverSetNetPolicy(
  device: i32,
  policy: i32,
  direction: i32,
  queue: i32,
): i32;

/** ethtool rx-class insert at RX_CLS_LOC_ANY; `flow` as drawn in abi.ts; returns the location. */
@external("driver", "ruleInsert")
export declare function driverRuleInsert(device: i32, flow: usize, queue: i32): i32;

/** ethtool rx-class delete. */
@external("driver", "ruleDelete")
export declare function driverRuleDelete(device: i32, location: i32): i32;

/** Reads an irq's affinity: CPU n is bit n % 32 of word n / 32. */
@external("driver", "irqAffinityGet")
export declare function driverIrqAffinityGet(irq: i32, mask: usize, words: i32): i32;

/** Sets an irq's affinity, and with it the mark that keeps balancers away. */
@external("driver", "irqAffinitySet")
export declare function driverIrqAffinitySet(irq: i32, mask: usize, words: i32): i32;

/** Load of a CPU, per cent of its capacity. */
@external("driver", "cpuLoad")
export declare function driverCpuLoad(cpu: i32): i32;
