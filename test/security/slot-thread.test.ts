import { once } from "node:events";
import { connect } from "node:tls";

import { parseCheckpointId, type OwnedTlsMaterial } from "@millrace/core";
import { createThreadTaskHost } from "@millrace/worker";
import { expect, test } from "vitest";

import { TestAuthority } from "./test-certificates.ts";

/** Returns until when the certificate is valid that a slot shows at its address. */
async function shownUntil(address: string, authority: TestAuthority): Promise<string> {
  const [, host = "", port] = /^tls:(.+):(\d+)$/.exec(address) ?? [];
  const ca = authority.pair.certificate;
  const socket = connect({ host, port: Number(port), ca, checkServerIdentity: () => undefined });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  const until = socket.getPeerCertificate().valid_to;
  socket.destroy();
  return until;
}

test("SEC3: a slot that has waited long shows the certificate that its worker has by then", async () => {
  const authority = await TestAuthority.create();
  const materials = await Promise.all(
    [1, 20].map((until) => authority.material("worker", { until })),
  );
  const [first, renewed] = materials;
  let current: OwnedTlsMaterial | undefined = first;
  const host = createThreadTaskHost({
    workerId: "w",
    hint: { kind: "tcp", host: "127.0.0.1" },
    logLevel: "error",
    readTls: () => {
      if (current === undefined) throw new Error("the test has no certificate");
      return current;
    },
  });
  const listening = Promise.withResolvers<string>();
  const slot = host.start(0, {
    onEvent: (event) => {
      if (event.kind === "listening") listening.resolve(event.dataAddress);
    },
    onExit: listening.reject,
  });
  const address = await listening.promise;
  const before = await shownUntil(address, authority);
  current = renewed;
  // Whatever the slot is told next: it says nothing of an attempt that there is not.
  slot.post({ kind: "checkpoint-aborted", checkpointId: parseCheckpointId(1n) });
  await expect.poll(() => shownUntil(address, authority)).not.toBe(before);
  await slot.terminate();
});
