import { parseCheckpointId, type StreamError } from "@millrace/core";
import { expect, test } from "vitest";

import type { InputChannel, OutputGate } from "./contract.ts";
import { encodeFrame, frameKinds } from "./frame.ts";
import { encodeHello } from "./hello.ts";
import { MemoryStreams } from "./test-kit/memory-streams.ts";
import {
  addInput,
  addOutput,
  attemptRef,
  readElements,
  startSlot,
  valuesOf,
  type TestSlot,
} from "./test-kit/slots.ts";

interface Link {
  readonly network: MemoryStreams;
  readonly sender: TestSlot;
  readonly receiver: TestSlot;
}

async function startLink(failpoint?: "early-messages-dropped"): Promise<Link> {
  const network = new MemoryStreams();
  const sender = await startSlot(network);
  const receiver = await startSlot(network, failpoint === undefined ? {} : { failpoint });
  return { network, sender, receiver };
}

/** Begins and opens the sending slot. */
function openSender({ network, sender, receiver }: Link, attempt = 1, token = "token"): OutputGate {
  sender.begin(attemptRef(attempt), token);
  const gate = addOutput(sender, [receiver]);
  sender.exchange.open();
  network.run();
  return gate;
}

function openReceiver({ network, receiver }: Link, attempt = 1): InputChannel {
  receiver.begin(attemptRef(attempt));
  const input = addInput(receiver);
  receiver.exchange.open();
  network.run();
  return input;
}

function codesOf(failures: readonly StreamError[]): readonly string[] {
  return failures.map(({ code }) => code);
}

test("a hello that comes before the attempt is held, and answered when the attempt opens (S2)", async () => {
  const link = await startLink();
  const gate = openSender(link);
  expect(gate.hasRoom()).toBe(false);
  link.receiver.begin();
  const input = addInput(link.receiver);
  link.network.run();
  expect(gate.hasRoom()).toBe(false);
  link.receiver.exchange.open();
  link.network.run();
  expect(gate.hasRoom()).toBe(true);
  expect(link.sender.wakeCount).toBeGreaterThan(0);
  gate.emit("a", 0);
  gate.flush(0, true);
  link.network.run();
  expect(valuesOf(readElements(input))).toEqual(["a"]);
});

test("with early messages dropped, the sender waits until its handshake times out", async () => {
  const link = await startLink("early-messages-dropped");
  const gate = openSender(link);
  openReceiver(link);
  expect(gate.hasRoom()).toBe(false);
  link.sender.clock.advance(60_000);
  expect(codesOf(link.sender.failures)).toEqual(["channel-broken"]);
});

test("barriers that were emitted before the receiver opened arrive first", async () => {
  const link = await startLink();
  const gate = openSender(link);
  const barrier = { checkpointId: parseCheckpointId(1n), mode: "full" as const };
  gate.emitBarrier(barrier);
  const input = openReceiver(link);
  gate.emit("a", 0);
  gate.flush(0, true);
  link.network.run();
  expect(readElements(input).map(({ kind }) => kind)).toEqual(["barrier", "record"]);
});

test.each([
  ["an older attempt", 1, "token", 2],
  ["another token", 2, "other", 2],
])("a hello of %s is refused as stale (S2)", async (_what, attempt, token, current) => {
  for (const isEarly of [true, false]) {
    const link = await startLink();
    if (!isEarly) openReceiver(link, current);
    openSender(link, attempt, token);
    if (isEarly) openReceiver(link, current);
    expect(codesOf(link.sender.failures)).toEqual(["stale"]);
    expect(link.receiver.failures).toEqual([]);
    expect(link.network.openCount()).toBe(0);
  }
});

test("a hello of a newer attempt is neither refused nor answered (S2)", async () => {
  const link = await startLink();
  openReceiver(link, 1);
  const gate = openSender(link, 2);
  expect(gate.hasRoom()).toBe(false);
  expect(link.sender.failures).toEqual([]);
  expect(link.receiver.failures).toEqual([]);
});

test("held hellos are bounded (S15)", async () => {
  const network = new MemoryStreams();
  const receiver = await startSlot(network, { options: { maxHeldHellos: 2 } });
  const senders = [];
  for (let index = 0; index < 4; index += 1) senders.push(await startSlot(network));
  for (const sender of senders) openSender({ network, sender, receiver });
  expect(senders.map(({ failures }) => codesOf(failures))).toEqual([[], [], ["stale"], ["stale"]]);
});

test("a connection that breaks fails the attempt at both ends, once, by the channel's name", async () => {
  const link = await startLink();
  openSender(link);
  openReceiver(link);
  link.network.breakAll(new Error("reset"));
  for (const { failures } of [link.sender, link.receiver]) {
    expect(codesOf(failures)).toEqual(["channel-broken"]);
    expect(failures[0]?.message).toContain("edge 0, subtask 0 to 0");
    expect(failures[0]?.message).toContain("reset");
  }
});

test("a stream that ends without END is a failure, for whoever is left (F1)", async () => {
  for (const gone of ["sender", "receiver"] as const) {
    const link = await startLink();
    const gate = openSender(link);
    openReceiver(link);
    gate.emitEndOfInput();
    await link[gone].exchange[Symbol.asyncDispose]();
    link.network.run();
    const left = gone === "sender" ? link.receiver : link.sender;
    expect(codesOf(left.failures)).toEqual(["channel-broken"]);
    expect(link[gone].failures).toEqual([]);
  }
});

test("a sender that is gone while its hello is held fails the attempt that it belongs to", async () => {
  const link = await startLink();
  openSender(link);
  await link.sender.exchange[Symbol.asyncDispose]();
  openReceiver(link);
  expect(codesOf(link.receiver.failures)).toEqual(["channel-broken"]);
});

test("nobody at the address is a failure", async () => {
  const link = await startLink();
  await link.receiver.exchange[Symbol.asyncDispose]();
  openSender(link);
  expect(codesOf(link.sender.failures)).toEqual(["channel-broken"]);
});

test("after END everything closes cleanly and nothing is left (L5)", async () => {
  const link = await startLink();
  const gate = openSender(link);
  const input = openReceiver(link);
  gate.emit("last", 0);
  gate.finish();
  gate.finish();
  link.network.run();
  expect(valuesOf(readElements(input))).toEqual(["last"]);
  for (const slot of [link.sender, link.receiver]) await slot.exchange[Symbol.asyncDispose]();
  link.network.run();
  expect([link.sender.failures, link.receiver.failures]).toEqual([[], []]);
  expect(link.network.openCount()).toBe(0);
  expect(link.sender.clock.timerCount()).toBe(0);
});

test("a stranger who talks nonsense is dropped and harms nobody", async () => {
  const link = await startLink();
  const input = openReceiver(link);
  const stranger = link.network.openStream(link.receiver.exchange.dataAddress);
  stranger.setHandlers({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
  stranger.write([new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]);
  link.network.run();
  expect(stranger.isClosed).toBe(true);
  expect(link.receiver.failures).toEqual([]);
  const gate = openSender(link);
  gate.emit(1, 0);
  gate.flush(0, true);
  link.network.run();
  expect(valuesOf(readElements(input))).toEqual([1]);
});

test("a stranger whose hello is held, and who then talks nonsense, harms nobody", async () => {
  const link = await startLink();
  const input = openReceiver(link);
  const stranger = link.network.openStream(link.receiver.exchange.dataAddress);
  stranger.setHandlers({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
  // Nobody knows the token of an attempt that is still to come: it is held unchecked.
  const payload = encodeHello({
    ref: attemptRef(2),
    channelToken: "guessed",
    from: "a stranger",
    channels: [input.address],
  });
  const header = { kind: frameKinds.hello, channelNumber: 0, sequence: 0 };
  stranger.write([encodeFrame(header, payload)]);
  stranger.write([new Uint8Array(1_000).fill(0xff)]);
  link.network.run();
  expect(stranger.isClosed).toBe(true);
  expect(link.receiver.failures).toEqual([]);
});

test.each([
  ["a gap", [0, 2]],
  ["a repeat", [0, 0]],
  ["a late beginning", [1]],
])("%s in the sequence numbers of a channel fails the attempt (S8)", async (_what, sequences) => {
  const link = await startLink();
  const input = openReceiver(link);
  const stream = link.network.openStream(link.receiver.exchange.dataAddress);
  stream.setHandlers({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
  const payload = encodeHello({
    ref: attemptRef(),
    channelToken: "token",
    from: "test",
    channels: [input.address],
  });
  stream.write([encodeFrame({ kind: frameKinds.hello, channelNumber: 0, sequence: 0 }, payload)]);
  for (const sequence of sequences) {
    const header = { kind: frameKinds.endOfInput, channelNumber: 0, sequence };
    stream.write([encodeFrame(header, new Uint8Array(0))]);
    link.network.run();
  }
  expect(link.receiver.failures.map(({ message }) => message)).toEqual([
    expect.stringContaining("is due (S8)"),
  ]);
});

test("a hello for a channel that the slot does not have fails the attempt", async () => {
  const link = await startLink();
  openSender(link);
  link.receiver.begin();
  link.receiver.exchange.open();
  expect(link.receiver.failures[0]?.message).toContain("no input for edge 0, subtask 0 to 0");
});
