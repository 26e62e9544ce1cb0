import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMemoryDisk, createNodeClock, createNodeDisk } from "@millrace/platform";

import { describeClockContract } from "./clock-contract.ts";
import { describeLocalDiskContract } from "./local-disk-contract.ts";
import { createSimClockSubject } from "./sim-subjects.ts";

describeClockContract("machine", () =>
  Promise.resolve({
    clock: createNodeClock(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeClockContract("simulated", createSimClockSubject);

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
