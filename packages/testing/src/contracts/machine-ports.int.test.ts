import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  createMemoryDisk,
  createNodeClock,
  createNodeDisk,
  createNodeRandom,
  createNodeTurn,
  createZstdCompressor,
} from "@millrace/platform";

import { createSeededRandom } from "../sim/seeded-random.ts";
import { describeClockContract } from "./clock-contract.ts";
import { describeCompressorContract } from "./compressor-contract.ts";
import { describeLocalDiskContract } from "./local-disk-contract.ts";
import { describeRandomContract } from "./random-contract.ts";
import {
  createSimClockSubject,
  createSimCompressorSubject,
  createSimTurnSubject,
} from "./sim-subjects.ts";
import { describeTurnContract } from "./turn-contract.ts";

describeClockContract("machine", () =>
  Promise.resolve({
    clock: createNodeClock(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeClockContract("simulated", createSimClockSubject);

describeRandomContract("machine", createNodeRandom);

let seedCount = 0;
describeRandomContract("seeded", () => {
  seedCount += 1;
  return createSeededRandom(`contract ${seedCount}`);
});

let forkCount = 0;
const trunk = createSeededRandom("contract");
describeRandomContract("forked", () => {
  forkCount += 1;
  return trunk.fork(`fork ${forkCount}`);
});

describeTurnContract("machine", () =>
  Promise.resolve({
    turn: createNodeTurn(),
    clock: createNodeClock(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeTurnContract("simulated", createSimTurnSubject);

describeCompressorContract("zstd", () =>
  Promise.resolve({
    compressor: createZstdCompressor(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeCompressorContract("simulated", createSimCompressorSubject);

describeLocalDiskContract("machine", async () => {
  const root = await mkdtemp(join(tmpdir(), "millrace-disk-"));
  return {
    root,
    disk: createNodeDisk(),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
});

describeLocalDiskContract("memory", () =>
  Promise.resolve({
    root: "/root",
    disk: createMemoryDisk(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);
