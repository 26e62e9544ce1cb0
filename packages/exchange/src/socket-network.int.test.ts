import { stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";

import { afterEach, expect, test } from "vitest";

import type { InputChannel, OutputGate } from "./contract.ts";
import { createSocketNetwork } from "./socket-network.ts";
import { addInput, addOutput, readElements, startSlot, type TestSlot } from "./test-kit/slots.ts";

const network = createSocketNetwork();
const slots: TestSlot[] = [];

afterEach(async () => {
  for (const slot of slots.splice(0)) await slot.exchange[Symbol.asyncDispose]();
});

async function connectPair(kind: "unix" | "tcp"): Promise<{
  readonly sender: TestSlot;
  readonly receiver: TestSlot;
  readonly gate: OutputGate;
  readonly input: InputChannel;
}> {
  const sender = await startSlot(network, { kind });
  const receiver = await startSlot(network, { kind });
  slots.push(sender, receiver);
  sender.begin();
  receiver.begin();
  const gate = addOutput(sender, [receiver]);
  const input = addInput(receiver);
  sender.exchange.open();
  receiver.exchange.open();
  await until(() => gate.hasRoom());
  return { sender, receiver, gate, input };
}

/** Waits turn by turn, for sockets only the loop can move. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise(setImmediate);
}

test.each(["unix", "tcp"] as const)("100,000 records pass a %s socket in order", async (kind) => {
  const { sender, receiver, gate, input } = await connectPair(kind);
  let emitted = 0;
  let received = 0;
  let misplaced = 0;
  const total = 100_000;
  await until(() => {
    while (gate.hasRoom() && emitted < total) gate.emit({ at: (emitted += 1), word: "mill" }, 0);
    gate.flush(0, emitted === total);
    for (const element of readElements(input)) {
      received += 1;
      if (element.kind !== "record") continue;
      if ((element.value as { at: number }).at !== received) misplaced += 1;
    }
    return received === total;
  });
  expect(misplaced).toBe(0);
  gate.finish();
  await sender.exchange[Symbol.asyncDispose]();
  expect([sender.failures, receiver.failures]).toEqual([[], []]);
});

test.each(["unix", "tcp"] as const)("a slot that is gone breaks its %s channels", async (kind) => {
  const { sender, receiver } = await connectPair(kind);
  await receiver.exchange[Symbol.asyncDispose]();
  await until(() => sender.failures.length > 0);
  expect(sender.failures).toMatchObject([{ code: "channel-broken" }]);
  expect(receiver.failures).toEqual([]);
});

test("an address where nobody listens fails the attempt", async () => {
  const sender = await startSlot(network);
  slots.push(sender);
  sender.begin();
  sender.exchange.addOutput({
    edgeIndex: 0,
    fromIndex: 0,
    partitioning: { kind: "rebalance" },
    targets: [{ toIndex: 0, dataAddress: "unix:/nonexistent/s" }],
  });
  sender.exchange.open();
  await until(() => sender.failures.length > 0);
  expect(sender.failures).toMatchObject([{ code: "channel-broken" }]);
});

test("a unix socket lies in a folder that only its user may enter, and goes with it", async () => {
  const slot = await startSlot(network);
  const path = slot.exchange.dataAddress.replace(/^unix:/, "");
  const folder = dirname(path);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(Buffer.byteLength(path)).toBeLessThan(108);
  await slot.exchange[Symbol.asyncDispose]();
  await expect(stat(folder)).rejects.toThrow("ENOENT");
});

test("what is written by a stream that ends arrives, and the end is clean", async () => {
  const received: Uint8Array[] = [];
  let closed: { readonly cause: Error | undefined } | undefined;
  await using listener = await network.listenStreams({ kind: "tcp", host: "127.0.0.1" }, (stream) =>
    stream.setHandlers({
      onData: (chunk) => received.push(chunk),
      onDrain: () => {},
      onClose: (cause) => (closed = { cause }),
    }),
  );
  const port = Number(listener.address.split(":").at(-1));
  const socket = createConnection({ host: "127.0.0.1", port });
  socket.end("ab");
  await until(() => closed !== undefined);
  expect(Buffer.concat(received).toString()).toBe("ab");
  expect(closed).toEqual({ cause: undefined });
});
