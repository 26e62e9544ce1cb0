import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMemoryDisk, createNodeClock, createNodeDisk } from "@millrace/platform";

import { SimProcess } from "../sim/sim-process.ts";
import { SimScheduler } from "../sim/sim-scheduler.ts";
import { describeClockContract } from "./clock-contract.ts";
import { describeLocalDiskContract } from "./local-disk-contract.ts";
import { pump } from "./pump.ts";

describeClockContract("machine", () =>
  Promise.resolve({
    clock: createNodeClock(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeClockContract("simulated", () => {
  const scheduler = new SimScheduler();
  const pumping = pump(scheduler);
  return Promise.resolve({
    clock: new SimProcess("process", scheduler).clock(),
    [Symbol.asyncDispose]: () => pumping[Symbol.asyncDispose](),
  });
});

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
