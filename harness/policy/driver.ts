/**
 * The driver seam: what the policy manager asks of a network device and its host.
 *
 * These are the kernel's own operations (`ndo_netpolicy_init`, `ndo_get_irq_info`,
 * `ndo_set_net_policy`, the ethtool rx-class insert and delete, irq affinity, CPU load). The
 * model implements them in Wasm, a live host over sysfs, the tests with a recording mock.
 * Every operation returns a negative errno on failure and must not throw.
 *
 * @module
 */

/** Direction of a queue as the core numbers it: rx 0, tx 1, both at once 2. */
export type Direction = 0 | 1 | 2;

/** Address family and transport of a flow: the flow types that rules know. */
export type FlowType = "tcp4" | "udp4" | "tcp6" | "udp6";

/** The fields of an n-tuple rule. Addresses are big-endian words: one for IPv4, four for IPv6. */
export interface FlowSpec {
  readonly type: FlowType;
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What `ndo_netpolicy_init` reports. */
export interface NetpolicyInfo {
  /** Bit p set: policy p (CPU 1, BULK 2, LATENCY 3) is available. */
  readonly available: number;
  readonly mix: boolean;
  /** The rx object stands for the whole channel. */
  readonly queuePair: boolean;
  /** The manager sets irq affinity (and puts it back). */
  readonly irqAffinity: boolean;
  /** Records the device takes, 0 for the default of 7000. */
  readonly recordLimit: number;
}

/** Operations of a driver; `device` is the manager's device number, as given at registration. */
export interface Driver {
  /** Fills the policy information, or returns a negative errno. */
  netpolicyInit(device: number): NetpolicyInfo | number;
  /** Queues of the device in one direction, or a negative errno. */
  irqCount(device: number, direction: Direction): number;
  /** Interrupt number of a queue, or a negative errno. */
  irq(device: number, direction: Direction, queue: number): number;
  /**
   * Applies a policy's settings to one queue, or to the whole device where `queue` is -1 (then
   * `direction` is 2). `policy` is the enum's value, MIX (5) only for the whole device.
   */
  setNetPolicy(device: number, policy: number, direction: Direction, queue: number): number;
  /** Inserts a rule at any location and returns the location chosen, or a negative errno. */
  ruleInsert(device: number, flow: FlowSpec, queue: number): number;
  /** Deletes the rule at a location. */
  ruleDelete(device: number, location: number): number;
  /** Fills the affinity mask of an interrupt, CPU n in bit n % 32 of word n / 32. */
  irqAffinityGet(irq: number, mask: Uint32Array): number;
  /** Sets the affinity mask of an interrupt. */
  irqAffinitySet(irq: number, mask: Uint32Array): number;
  /** Load of a CPU, per cent of its capacity, 0..100. */
  cpuLoad(cpu: number): number;
}
