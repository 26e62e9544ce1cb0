import { createNodeClock } from "@millrace/platform";
import { createThreadTaskHost, type TaskHost } from "@millrace/worker";

import { createSimTaskHostSubject } from "./sim-subjects.ts";
import { describeTaskHostContract } from "./task-host-contract.ts";

// An address of a documentation network: no machine has it, so nothing can listen there.
const nowhere = { kind: "tcp", host: "192.0.2.1" } as const;

const createHost = (hint: Parameters<typeof createThreadTaskHost>[0]["hint"]): TaskHost =>
  createThreadTaskHost({ workerId: "w1", hint, logLevel: "error" });

describeTaskHostContract("thread", () =>
  Promise.resolve({
    host: createHost({ kind: "unix", host: "" }),
    brokenHost: createHost(nowhere),
    clock: createNodeClock(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

describeTaskHostContract("simulated", createSimTaskHostSubject);
