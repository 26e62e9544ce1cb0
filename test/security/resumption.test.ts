import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import type { Caller, OwnedTlsMaterial } from "@millrace/core";
import { createSocketNetwork } from "@millrace/exchange";
import { createGrpcNetwork } from "@millrace/rpc";
import { expect, test } from "vitest";

import { TestAuthority, toMaterial } from "./test-certificates.ts";

/** What a client of TLS shows that wants to come in without a right. */
async function strangers(authority: TestAuthority) {
  const other = await TestAuthority.create();
  const forged = toMaterial(await other.issue("worker"), authority.pair.certificate);
  return { "no certificate": undefined, "another authority's": forged } as const;
}

function optionsOf(port: number, material: OwnedTlsMaterial | undefined): ConnectionOptions {
  const pair =
    material === undefined ? {} : { cert: material.own.certificate, key: material.own.privateKey };
  return { host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2"], ...pair };
}

/** Connects once for the server's ticket; returns it, or undefined if there came none. */
async function takeTicket(options: ConnectionOptions): Promise<Buffer | undefined> {
  const socket = connect(options);
  socket.on("error", () => {});
  let ticket: Buffer | undefined;
  socket.on("session", (session: Buffer) => (ticket = session));
  await once(socket, "secureConnect");
  const later = new Promise((resolve) => setTimeout(resolve, 300));
  await Promise.race([once(socket, "close"), later]);
  socket.destroy();
  return ticket;
}

test("SEC3: a resumed TLS session gives nobody an identity that it had not", async () => {
  const authority = await TestAuthority.create();
  const material = await authority.material("coordinator");
  await using network = createGrpcNetwork({ readTls: () => material });
  const callers: (Caller | undefined)[] = [];
  await using listener = await network.serve("127.0.0.1:0", {
    onSession: () => {},
    onCall: () => Promise.resolve(new Uint8Array(0)),
    admit: (_what, caller) => void callers.push(caller),
  });
  const port = Number(listener.address.split(":")[1]);
  let resumed = 0;
  for (const [what, stranger] of Object.entries(await strangers(authority))) {
    const options = optionsOf(port, stranger);
    const session = await takeTicket(options);
    expect([what, session]).toEqual([what, expect.any(Buffer)]);
    const socket: TLSSocket = connect({
      ...options,
      ...(session === undefined ? {} : { session }),
    });
    await once(socket, "secureConnect");
    if (socket.isSessionReused()) resumed += 1;
    const client = connectHttp2("http://unused", { createConnection: () => socket });
    const request = client.request({
      ":method": "POST",
      ":path": "/millrace.v1.JobService/ListJobs",
      "content-type": "application/grpc",
      te: "trailers",
    });
    request.end(Buffer.alloc(5));
    request.resume();
    await once(request, "end");
    client.destroy();
  }
  // Otherwise this test shows nothing.
  expect(resumed).toBe(2);
  expect(callers).toHaveLength(2);
  for (const caller of callers) {
    expect(caller?.identity).toBeUndefined();
    expect(caller?.identityProblem).toMatch(/shows no certificate|not the authority/);
  }
});

test("SEC3: a certificate that expired since is not revived by a resumed session", async () => {
  const authority = await TestAuthority.create();
  const material = await authority.material("worker");
  const short = await authority.material("worker", { until: 3 / 86_400 });
  const network = createSocketNetwork({ readTls: () => material });
  let streams = 0;
  const hint = { kind: "tcp", host: "127.0.0.1" } as const;
  await using listener = await network.listenStreams(hint, (stream) => {
    streams += 1;
    stream.setHandlers({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
  });
  const { ALPNProtocols: _none, ...options } = optionsOf(
    Number(listener.address.split(":").at(-1)),
    short,
  );
  const session = await takeTicket(options);
  expect([streams, session]).toEqual([1, expect.any(Buffer)]);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const socket = connect({ ...options, ...(session === undefined ? {} : { session }) });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  expect(socket.isSessionReused()).toBe(true);
  await once(socket, "close");
  expect(streams).toBe(1);
});

test("SEC3: a resumed TLS session opens no data socket", async () => {
  const authority = await TestAuthority.create();
  const material = await authority.material("worker");
  const network = createSocketNetwork({ readTls: () => material });
  let streams = 0;
  const hint = { kind: "tcp", host: "127.0.0.1" } as const;
  await using listener = await network.listenStreams(hint, () => (streams += 1));
  const port = Number(listener.address.split(":").at(-1));
  for (const stranger of Object.values(await strangers(authority))) {
    const { ALPNProtocols: _none, ...options } = optionsOf(port, stranger);
    const session = await takeTicket(options);
    const socket = connect({ ...options, ...(session === undefined ? {} : { session }) });
    socket.on("error", () => {});
    await once(socket, "close");
  }
  expect(streams).toBe(0);
});
