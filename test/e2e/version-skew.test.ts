import { join } from "node:path";

import { parseWorkerId, StreamError, toFailureData } from "@millrace/core";
import {
  createGrpcNetwork,
  decodeCoordinatorMessage,
  decodeWorkerMessage,
  encodeCoordinatorMessage,
  encodeWorkerMessage,
  type CoordinatorMessage,
} from "@millrace/rpc";
import { expect, test } from "vitest";

import { RealCluster } from "./real-cluster.ts";
import { runMillrace } from "./run-millrace.ts";

test("a worker of another protocol is refused by the coordinator, with both versions and what to do", async () => {
  await using cluster = await RealCluster.start({ workerCount: 0, slotsPerWorker: 1 });
  await using network = createGrpcNetwork();
  const session = network.openSession(cluster.address);
  const answer = await new Promise<CoordinatorMessage>((resolve, reject) => {
    session.setHandlers({
      onMessage: (bytes) => resolve(decodeCoordinatorMessage(bytes)),
      onClose: (cause) => reject(cause ?? new Error("the session ended")),
    });
    session.send(
      encodeWorkerMessage({
        kind: "register",
        protocolVersion: 999,
        version: "9.9.9",
        workerId: parseWorkerId("from-the-future"),
        incarnation: "first",
        processId: 1,
        slots: [],
        running: [],
      }),
    );
  });
  session.close();
  expect(answer).toMatchObject({
    kind: "refused",
    failure: {
      code: "version-skew",
      message:
        "worker from-the-future (version 9.9.9) speaks protocol 999, this coordinator " +
        "(version 0.0.0) speaks 1: install the same version of millrace on both",
    },
  });
  // The coordinator goes on without it.
  expect(await cluster.command("list")).toEqual({ jobs: [] });
});

test("a worker that is refused for its version ends, says so, and exits with 1", async () => {
  await using network = createGrpcNetwork();
  const error = new StreamError(
    "version-skew",
    "worker old (version 0.0.0) speaks protocol 1, this coordinator (version 9.9.9) speaks 999: " +
      "install the same version of millrace on both",
    { domain: "external", retry: "never" },
  );
  const registered: string[] = [];
  await using listener = await network.serve("127.0.0.1:0", {
    onSession: (session) => {
      session.setHandlers({
        onMessage: (bytes) => {
          registered.push(decodeWorkerMessage(bytes).kind);
          const refused = { kind: "refused", failure: toFailureData(error) } as const;
          session.send(encodeCoordinatorMessage(refused));
        },
        onClose: () => {},
      });
    },
    onCall: () => Promise.reject(error),
  });
  await using cluster = await RealCluster.start({ workerCount: 0, slotsPerWorker: 1 });
  const where = ["--coordinator", listener.address, "--data", join(cluster.folder, "data")];
  const { exitCode, stderr } = await runMillrace("worker", ...where, "--id", "old");
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`error[version-skew]: ${error.message}`);
  expect(stderr).toContain("Run coordinator and workers from the same version of Millrace.");
  expect(registered).toEqual(["register"]);
});
