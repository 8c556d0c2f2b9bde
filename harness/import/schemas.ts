/**
 * What other tools' documents must be as far as they are read; all else in them is free.
 *
 * @module
 */

/** Far above what any host can do, and below where numbers lose their units. */
const MOST = 1e15;
/** Seconds that a test can last, or a date can have; the year 5138. */
const SECONDS_MOST = 1e11;

const count = { type: "number", minimum: 0, maximum: MOST };
const seconds = { type: "number", minimum: 0, maximum: SECONDS_MOST };
const text = { type: "string" };

/** Sum over all streams at one end; iperf3 can say that fewer than 0 datagrams were lost. */
const sum = {
  type: "object",
  properties: {
    seconds,
    bytes: count,
    bits_per_second: count,
    retransmits: { ...count, type: "integer" },
    packets: { ...count, type: "integer" },
    lost_packets: { type: "integer", maximum: MOST },
  },
};

/** `iperf3 --json`. */
export const IPERF3_SCHEMA = {
  type: "object",
  properties: {
    start: {
      type: "object",
      properties: {
        version: text,
        system_info: text,
        timestamp: { type: "object", properties: { timesecs: seconds } },
        test_start: {
          type: "object",
          properties: {
            protocol: text,
            num_streams: { type: "integer", minimum: 1, maximum: 1e6 },
            blksize: count,
            reverse: count,
          },
        },
      },
    },
    end: {
      type: "object",
      properties: {
        sum,
        sum_sent: sum,
        sum_received: sum,
        sum_received_bidir_reverse: sum,
        cpu_utilization_percent: {
          type: "object",
          properties: { host_total: count, remote_total: count },
        },
      },
    },
  },
};

const steps = { type: "array", items: { type: ["number", "null"], minimum: 0, maximum: MOST } };

/** A data file of flent. */
export const FLENT_SCHEMA = {
  type: "object",
  properties: {
    metadata: { type: "object" },
    x_values: { type: "array", items: { type: ["number", "null"], maximum: SECONDS_MOST } },
    results: {
      type: "object",
      patternProperties: { "^(TCP (up|down)load|Ping \\(ms\\))": steps },
    },
    raw_values: {
      type: "object",
      patternProperties: {
        "^Ping \\(ms\\)": {
          type: "array",
          items: { type: "object", properties: { val: { ...count, type: ["number", "null"] } } },
        },
      },
    },
  },
};
