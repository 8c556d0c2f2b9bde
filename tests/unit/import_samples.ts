/**
 * Results of other tools, small ones, written by hand in the formats that the tools publish.
 *
 * @module
 */

/** netperf "-- -k". */
export const NETPERF =
  `MIGRATED TCP REQUEST/RESPONSE TEST from 0.0.0.0 () port 0 AF_INET to 10.0.0.2 ()
THROUGHPUT=31708.50
THROUGHPUT_UNITS=Trans/s
ELAPSED_TIME=10.00
REQUEST_SIZE=1
RESPONSE_SIZE=1
P50_LATENCY=30
P99_LATENCY=52
MEAN_LATENCY=31.44
MAX_LATENCY=1210
LOCAL_CPU_UTIL=-1.00
REMOTE_CPU_UTIL=12.50
LOCAL_TRANSPORT_RETRANS=2
REMOTE_TRANSPORT_RETRANS=-1
COMMAND_LINE="netperf -H 10.0.0.2 -t TCP_RR -- -k all"
`;

/** netperf "-- -o", two runs. */
export const NETPERF_CSV =
  `OMNI Send TEST from 0.0.0.0 () port 0 AF_INET to 10.0.0.2 () port 0 AF_INET
Throughput,Throughput Units,Elapsed Time (sec),Protocol,Direction,Command Line
9413.20,10^6bits/s,10.00,TCP,Send,"netperf -t omni -- -o x, y"
9401.00,10^6bits/s,10.00,TCP,Send,"netperf -t omni -- -o x, y"
`;

/** iperf3 --json. */
export const IPERF3 = {
  start: {
    version: "iperf 3.16",
    system_info: "Linux lab 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64",
    timestamp: { time: "Tue, 02 Jan 2024 03:04:05 GMT", timesecs: 1_704_164_645 },
    test_start: { protocol: "TCP", num_streams: 4, blksize: 131_072, reverse: 0 },
  },
  intervals: [],
  end: {
    sum_sent: { seconds: 10, bytes: 11_800_000_000, bits_per_second: 9.44e9, retransmits: 17 },
    sum_received: { seconds: 10.04, bytes: 11_790_000_000, bits_per_second: 9.394e9 },
    cpu_utilization_percent: { host_total: 31.25, remote_total: 88.5 },
  },
};

/** A data file of flent. */
export const FLENT = {
  version: 4,
  metadata: {
    NAME: "rrul",
    TITLE: "fq",
    LENGTH: 60,
    TIME: "2024-01-02T03:04:05.000000Z",
    FLENT_VERSION: "2.1.1",
    KERNEL_RELEASE: "6.1.0",
    EGRESS_INFO: { driver: "i40e" },
  },
  x_values: [0, 0.2, 0.4],
  results: {
    "TCP upload BE": [null, 4000, 4200],
    "TCP upload BE2": [null, 3000, 3200],
    "TCP upload sum": [null, 7000, 7400],
    "TCP upload BE::tcp_rtt": [1, 2, 3],
    "TCP download::1": [500, 700, null],
    "Ping (ms) ICMP": [0.1, 0.2, 0.3],
    "Ping (ms) UDP BE": [0.2, 0.4, null],
    "Ping (ms) avg": [9, 9, 9],
  },
  raw_values: {
    "Ping (ms) ICMP": Array.from(
      { length: 100 },
      (_, seq) => ({ seq, t: seq, val: (seq + 1) / 100 }),
    ),
    "Ping (ms) UDP BE": [{ dur: 0.2, t: 1, val: 5000 }],
  },
};
