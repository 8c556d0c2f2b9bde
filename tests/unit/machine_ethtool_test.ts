/**
 * Command lines of ethtool in workload files: what they ask of the device, and which are no command
 * lines of ethtool at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { UserError } from "../../harness/errors.ts";
import { Ethtool } from "../../harness/machine/ethtool.ts";
import { CommandMistake, parseEthtool } from "../../harness/machine/ethtool_command.ts";
import { readWorkload } from "../../harness/spec.ts";
import { bareMachine, loadModules } from "./machine_runs.ts";

const { machineModule } = await loadModules();

function afterCommand(line: string) {
  const ethtool = new Ethtool(bareMachine(machineModule));
  return { ethtool, answer: parseEthtool(line).run(ethtool) };
}

Deno.test("-C and --per-queue set what they name", () => {
  const { ethtool, answer } = afterCommand(
    "ethtool -C eth0 adaptive-rx off adaptive-tx off rx-usecs 8 tx-usecs 0x10 rx-usecs-high 20",
  );
  assert.equal(answer, 0);
  const { rxUsecs, txUsecs, rxUsecsHigh, adaptiveTx } = ethtool.coalesce(5)!;
  assert.deepEqual([rxUsecs, txUsecs, rxUsecsHigh, adaptiveTx], [8, 16, 20, false]);
  parseEthtool("--per-queue eth0 queue_mask 0x21 --coalesce rx-usecs 30").run(ethtool);
  const intervals = [0, 1, 5].map((queue) => ethtool.coalesce(queue)!.rxUsecs);
  assert.deepEqual(intervals, [30, 8, 30]);
});

Deno.test("-N inserts a rule by addresses, ports and a word, with m for what is ignored", () => {
  const { ethtool, answer } = afterCommand(
    "-N eth0 flow-type tcp4 src-ip 10.0.0.1 dst-ip 10.9.9.9 m 255.255.255.255 dst-port 80 " +
      "user-def 0x00046e65 m 0xffffffff00000000 action 2 loc 7",
  );
  assert.equal(answer, 7);
  parseEthtool("-U eth0 flow-type udp6 src-ip fd00::7 src-port 9 action -1 loc 8").run(ethtool);
  assert.deepEqual(ethtool.rules(), [
    {
      location: 7,
      flowType: "tcp4",
      sourceAddress: 0x0a000001,
      destinationPort: 80,
      userDefined: 0x0004_6e65,
      action: 2,
    },
    {
      location: 8,
      flowType: "udp6",
      sourceAddress: [0xfd000000, 0, 0, 7],
      sourcePort: 9,
      action: -1,
    },
  ]);
  assert.equal(parseEthtool("-N eth0 delete 7").run(ethtool), 0);
  assert.equal(ethtool.rules().length, 1);
  assert.ok(
    parseEthtool("-N eth0 flow-type ip4 src-ip 1.2.3.4 m 0.0.0.255 action 1").run(ethtool) < 0,
  );
});

Deno.test("-X and rx-flow-hash set table, key and fields", () => {
  const { ethtool } = afterCommand("-X eth0 weight 1 0 3");
  const counts = [0, 1, 2].map((queue) => ethtool.table().filter((each) => each === queue).length);
  assert.deepEqual(counts, [128, 0, 384]);
  parseEthtool("--set-rxfh-indir eth0 equal 2").run(ethtool);
  assert.deepEqual(ethtool.table().slice(0, 4), [0, 1, 0, 1]);
  assert.equal(parseEthtool("-X eth0 default").run(ethtool), 0);
  const { combined } = ethtool.channels();
  assert.ok(combined > 2);
  assert.deepEqual(ethtool.table(), Array.from({ length: 512 }, (_, entry) => entry % combined));
  const key = Array.from({ length: 52 }, (_, index) => index);
  const text = key.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  assert.equal(parseEthtool(`-X eth0 hkey ${text}`).run(ethtool), 0);
  assert.deepEqual(ethtool.key(), key);
  assert.equal(parseEthtool("-N eth0 rx-flow-hash udp4 sd").run(ethtool), 0);
  assert.equal(ethtool.flowHash("udp4"), "sd");
});

Deno.test("-L and -G say what is asked for; the device resets", () => {
  const command = parseEthtool("-L eth0 combined 3");
  assert.equal(command.channels, 3);
  const ethtool = new Ethtool(bareMachine(machineModule));
  assert.equal(command.run(ethtool), 0);
  assert.equal(ethtool.isResetting, true);
  assert.ok(afterCommand("-G eth0 rx 1024 tx 96").ethtool.isResetting);
});

/** No command line of ethtool, and why. */
const MISTAKES = [
  ["", "ends where an option is due"],
  [
    "-K eth0 gro off",
    'has "-K": accepted are -C, --per-queue, -L, -G, -X, -N and their long names',
  ],
  ["-L", "ends where the name of the device is due"],
  ["-L eth1 combined 4", 'has device "eth1": accepted is eth0'],
  ["-L eth0", "ends where combined or rx or tx or other is due"],
  ["-L eth0 combined", "ends where a number for combined is due"],
  ["-L eth0 combined four", 'has "four" for combined: accepted is a number'],
  ["-L eth0 combine 4", 'has "combine": accepted are combined, rx, tx, other'],
  ["-C eth0 adaptive-rx yes", 'has "yes" for adaptive-rx: accepted are on, off'],
  ["-N eth0 flow-type tcp4 dst-port 80", "lacks action"],
  [
    "-N eth0 flow-type tcp4 src-ip ten action 1",
    'has "ten" for src-ip: accepted is an IPv4 or ' +
    "IPv6 address",
  ],
  ["-N eth0 delete 5 6", 'has "6" too many'],
  ["-X eth0 hkey 1:2", 'has "1:2" for hkey: accepted are bytes in hex with colons'],
  [
    "--per-queue eth0 queue_mask 1 --show-coalesce",
    "lacks --coalesce, the one sub-command that " +
    "sets something",
  ],
] as const;

for (const [line, mistake] of MISTAKES) {
  Deno.test(`the command line "${line}" ${mistake}`, () => {
    assert.throws(() => parseEthtool(line), (error) => {
      assert.ok(error instanceof CommandMistake);
      assert.equal(error.message, mistake);
      return true;
    });
  });
}

Deno.test("a mistake in a workload's operation is told with file, line and column", async () => {
  const file = await Deno.makeTempFile({ prefix: "ops_", suffix: ".jsonc" });
  await Deno.writeTextFile(
    file,
    `{ "title": "t", "groups": [{ "name": "a", "test": "TCP_RR", "connections": 1 }],\n` +
      `  "operations": [{ "at_ms": 1, "ethtool": "-L eth0 combined x" }] }`,
  );
  try {
    await assert.rejects(readWorkload(file, { cwd: "/" }), (error) => {
      assert.ok(error instanceof UserError);
      const expected =
        /:2:43: operations\[0\]\.ethtool has "x" for combined: accepted is a number$/;
      assert.match(error.message, expected);
      return true;
    });
  } finally {
    await Deno.remove(file);
  }
});
