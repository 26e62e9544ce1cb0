import { parseCheckpointId, unlimitedPace, type Barrier } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { InputChannel, OutputGate } from "./contract.ts";
import type { ExchangeOptions } from "./options.ts";
import { MemoryStreams } from "./test-kit/memory-streams.ts";
import {
  addInput,
  addOutput,
  readElements,
  startSlot,
  valuesOf,
  type Read,
  type TestSlot,
} from "./test-kit/slots.ts";

function barrier(id: number): Barrier {
  return { checkpointId: parseCheckpointId(BigInt(id)), mode: "full" };
}

interface Pair {
  readonly network: MemoryStreams;
  readonly sender: TestSlot;
  readonly receiver: TestSlot;
  readonly gate: OutputGate;
  readonly input: InputChannel;
}

/** Returns two slots with one channel between them, open. */
async function connectPair(options: Partial<ExchangeOptions> = {}): Promise<Pair> {
  const network = new MemoryStreams();
  const sender = await startSlot(network, { options });
  const receiver = await startSlot(network, { options });
  sender.begin();
  receiver.begin();
  const gate = addOutput(sender, [receiver]);
  const input = addInput(receiver);
  receiver.exchange.open();
  sender.exchange.open();
  network.run();
  return { network, sender, receiver, gate, input };
}

type Step =
  | { readonly kind: "emit" }
  | { readonly kind: "watermark" }
  | { readonly kind: "barrier" }
  | { readonly kind: "status" }
  | { readonly kind: "flush" }
  | { readonly kind: "run" }
  | { readonly kind: "consume"; readonly channel: number; readonly count: number };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ kind: "emit" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "watermark" }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: "barrier" }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: "status" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "flush" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "run" }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("consume" as const),
        channel: fc.nat(1),
        count: fc.nat(4),
      }),
    },
  ),
  { maxLength: 120, size: "max" },
);

describe.each([
  ["over connections", { remote: true, encodeLocal: true }],
  ["within a slot, encoded", { remote: false, encodeLocal: true }],
  ["within a slot, not encoded", { remote: false, encodeLocal: false }],
])("channels %s", (_what, { remote, encodeLocal }) => {
  test("are FIFO: nothing is lost, repeated or out of order (S8)", async () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(steps, pieces, async (program, lengths) => {
        const network = new MemoryStreams((bytes) => tear(bytes, lengths));
        const options = { minFrameBytes: 200, maxFrameBytes: 400, windowBytes: 600, encodeLocal };
        const sender = await startSlot(network, { options });
        const others = remote
          ? [await startSlot(network, { options }), await startSlot(network, { options })]
          : [sender, sender];
        for (const slot of new Set([sender, ...others])) slot.begin();
        const gate = addOutput(sender, others);
        const inputs = others.map((slot, toIndex) => addInput(slot, toIndex));
        for (const slot of new Set([sender, ...others])) slot.exchange.open();
        network.run();
        const { sent, read } = runProgram(program, { network, gate, inputs });
        expect([...sender.failures, ...others.flatMap((slot) => slot.failures)]).toEqual([]);
        expect(read.map(withoutWatermarks)).toEqual(sent.map(withoutWatermarks));
        const misplaced = sent.map((channel, index) => findMisplaced(channel, read[index] ?? []));
        expect(misplaced).toEqual([undefined, undefined]);
      }),
      { numRuns: 60 },
    );
  });
});

/** Runs the steps, then lets everything arrive; returns what each channel was sent and gave. */
function runProgram(
  program: readonly Step[],
  parts: {
    readonly network: MemoryStreams;
    readonly gate: OutputGate;
    readonly inputs: readonly InputChannel[];
  },
): { readonly sent: readonly Read[][]; readonly read: readonly Read[][] } {
  const { network, gate, inputs } = parts;
  const sent: Read[][] = inputs.map(() => []);
  const read: Read[][] = inputs.map(() => []);
  let count = 0;
  let emitted = 0;
  const sendAll = (element: Read): void => sent.forEach((channel) => channel.push(element));
  for (const step of program) {
    count += 1;
    if (step.kind === "emit") {
      if (!gate.hasRoom()) continue;
      const value = { text: "x".repeat(count), count };
      gate.emit(value, count);
      sent[emitted % inputs.length]?.push({ kind: "record", value, timestampMs: count, hash: 0 });
      emitted += 1;
    } else if (step.kind === "watermark") {
      gate.emitWatermark(count);
      sendAll({ kind: "watermark", watermarkMs: count });
    } else if (step.kind === "barrier") {
      gate.emitBarrier(barrier(count));
      sendAll({ kind: "barrier", barrier: barrier(count) });
    } else if (step.kind === "status") {
      gate.emitStatus(count % 2 === 0);
      sendAll({ kind: "status", isIdle: count % 2 === 0 });
    } else if (step.kind === "flush") gate.flush(count, count % 3 === 0);
    else if (step.kind === "run") network.run();
    else if (step.kind === "consume") consume(inputs, read, step);
  }
  gate.emitEndOfInput();
  sendAll({ kind: "end-of-input" });
  gate.finish();
  for (let turn = 0; turn < 2; turn += 1) {
    network.run();
    inputs.forEach((_, channel) => consume(inputs, read, { channel, count: Infinity }));
  }
  return { sent, read };
}

function consume(
  inputs: readonly InputChannel[],
  read: readonly Read[][],
  { channel, count }: { readonly channel: number; readonly count: number },
): void {
  const input = inputs[channel];
  if (input !== undefined) read[channel]?.push(...readElements(input, count));
}

function withoutWatermarks(elements: readonly Read[]): readonly Read[] {
  return elements.filter(({ kind }) => kind !== "watermark");
}

/**
 * Returns what is wrong with the places of the watermarks: they may come later than they were sent,
 * and the last of several suffices, but only records may overtake them.
 */
function findMisplaced(sent: readonly Read[], read: readonly Read[]): string | undefined {
  const othersBefore = new Map<number, number>();
  let otherCount = 0;
  for (const element of sent) {
    if (element.kind === "watermark") othersBefore.set(element.watermarkMs, otherCount);
    else otherCount += 1;
  }
  let seenMs = -Infinity;
  let seenCount = 0;
  for (const element of read) {
    if (element.kind === "watermark") {
      const { watermarkMs } = element;
      if (watermarkMs <= seenMs) return `${watermarkMs} after ${seenMs}`;
      const before = othersBefore.get(watermarkMs) ?? Infinity;
      if (before > seenCount) return `${watermarkMs} before what was sent before it`;
      seenMs = watermarkMs;
      continue;
    }
    seenCount += 1;
    if (element.kind === "record") continue;
    const due = [...othersBefore].filter(([, before]) => before < seenCount).at(-1)?.[0];
    if ((due ?? -Infinity) !== seenMs) return `${element.kind} before the watermark ${due}`;
  }
  return undefined;
}

function tear(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const torn: Uint8Array[] = [];
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    torn.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return torn;
}

test("a receiver that uses nothing up bounds what its sender and itself hold (S15)", async () => {
  const windowBytes = 10_000;
  const { network, gate, input } = await connectPair({
    windowBytes,
    minFrameBytes: 1_000,
    maxFrameBytes: 1_000,
  });
  let emitted = 0;
  for (let turn = 0; turn < 10_000; turn += 1) {
    while (gate.hasRoom() && emitted < 1_000_000) gate.emit(`record ${(emitted += 1)}`, 0);
    gate.flush(turn, true);
    network.run();
  }
  expect(emitted).toBeGreaterThan(300);
  expect(emitted).toBeLessThan(1_000);
  expect(input.bufferedBytes()).toBeLessThan(windowBytes + 2_000);
  expect(network.bufferedBytes()).toBe(0);
});

test("credit comes back as batches are used up, and wakes the sender", async () => {
  const { network, gate, input, sender } = await connectPair({
    windowBytes: 10_000,
    minFrameBytes: 1_000,
    maxFrameBytes: 1_000,
  });
  let emitted = 0;
  const fill = (): void => {
    while (gate.hasRoom()) gate.emit((emitted += 1), 0);
    network.run();
  };
  fill();
  const { wakeCount } = sender;
  expect(input.head()?.kind).toBe("records");
  network.run();
  expect(gate.hasRoom()).toBe(false);
  const read: Read[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    read.push(...readElements(input));
    network.run();
    expect(gate.hasRoom()).toBe(true);
    fill();
  }
  expect(sender.wakeCount).toBeGreaterThan(wakeCount);
  gate.flush(0, true);
  network.run();
  read.push(...readElements(input));
  expect(valuesOf(read)).toEqual(Array.from({ length: emitted }, (_, index) => index + 1));
});

test("an output says when it runs out of room, while the record that did it is emitted", async () => {
  const { gate, sender } = await connectPair({ windowBytes: 2_000, minFrameBytes: 1_000 });
  for (let count = 0; gate.hasRoom(); count += 1) {
    expect(sender.fullCount).toBe(0);
    gate.emit("x".repeat(50), count);
  }
  expect(sender.fullCount).toBe(1);
});

test("a barrier reaches the receiver although there is no credit", async () => {
  const { network, gate, input } = await connectPair({ windowBytes: 2_000, minFrameBytes: 1_000 });
  while (gate.hasRoom()) gate.emit("x".repeat(50), 0);
  gate.emitBarrier(barrier(1));
  network.run();
  expect(readElements(input).at(-1)).toEqual({ kind: "barrier", barrier: barrier(1) });
});

test("a barrier keeps its base and its mode", async () => {
  const { network, gate, input } = await connectPair();
  const sent: Barrier = { ...barrier(9), base: parseCheckpointId(2n ** 60n), mode: "delta" };
  gate.emitBarrier(sent);
  network.run();
  expect(readElements(input)).toEqual([{ kind: "barrier", barrier: sent }]);
});

test("records leave when the task is idle, or after five milliseconds of the turn's clock", async () => {
  const { network, gate, input } = await connectPair();
  const read = (): readonly unknown[] => {
    network.run();
    return valuesOf(readElements(input));
  };
  gate.emit("a", 0);
  gate.flush(100, false);
  gate.flush(104, false);
  expect(read()).toEqual([]);
  gate.flush(105, false);
  expect(read()).toEqual(["a"]);
  gate.emit("b", 0);
  gate.flush(106, false);
  expect(read()).toEqual([]);
  gate.flush(106, true);
  expect(read()).toEqual(["b"]);
});

test("frames grow under load and shrink again", async () => {
  const { network, gate, input } = await connectPair({ windowBytes: 8 * 1024 * 1024 });
  const frameSizes = (): readonly number[] => {
    network.run();
    const sizes: number[] = [];
    for (let head = input.head(); head !== undefined; head = input.head()) {
      if (head.kind === "records") {
        head.batch.drain(() => {}, unlimitedPace());
        sizes.push(head.batch.recordCount);
      }
      input.advance();
    }
    return sizes;
  };
  const load = (): void => {
    for (let count = 0; count < 8_000; count += 1) gate.emit("x".repeat(90), 0);
  };
  load();
  const sizes = frameSizes();
  expect(sizes.length).toBeGreaterThan(3);
  expect(sizes.at(-1)).toBeGreaterThan(7 * (sizes[0] ?? 0));
  gate.flush(0, true);
  for (let turn = 0; turn < 5; turn += 1) {
    gate.emit("x", 0);
    gate.flush(turn, true);
  }
  frameSizes();
  load();
  expect(frameSizes()[0]).toBe(sizes[0]);
});

test("one call that emits without end fails with output-limit", async () => {
  const { gate } = await connectPair({ maxOvershootBytes: 1_000_000 });
  const emitForever = (): void => {
    while (true) gate.emit("x".repeat(1_000), 0);
  };
  expect(emitForever).toThrow(expect.objectContaining({ code: "output-limit" }));
});

test("a record that cannot be encoded is refused within a slot too; those that skip the codec, in samples", async () => {
  const emitIn = async (encodeLocal: boolean): Promise<(value: unknown) => void> => {
    const slot = await startSlot(new MemoryStreams(), { options: { encodeLocal } });
    slot.begin();
    const gate = addOutput(slot, [slot]);
    addInput(slot);
    slot.exchange.open();
    return (value) => gate.emit(value, 0);
  };
  const refused = expect.objectContaining({ code: "record-not-encodable" });
  const bad = { f: () => 1 };
  const [emitEncoded, emitAsIs] = [await emitIn(true), await emitIn(false)];
  emitEncoded({ f: 1 });
  expect(() => emitEncoded(bad)).toThrow(refused);
  expect(() => emitAsIs(bad)).toThrow(refused);
  emitAsIs({ f: 1 });
  expect(() => emitAsIs(bad)).not.toThrow();
});

test("a hash edge sends each key's hash along; a forward edge has one target", async () => {
  const network = new MemoryStreams();
  const slots = [await startSlot(network), await startSlot(network)];
  for (const slot of slots) slot.begin();
  const [first, second] = slots;
  if (first === undefined || second === undefined) return;
  const keyed = addOutput(first, slots, {
    kind: "hash",
    selectKey: (value) => value,
    maxParallelism: 128,
  });
  const inputs = slots.map((slot, index) => addInput(slot, index));
  const straight = second.exchange.addOutput({
    edgeIndex: 1,
    fromIndex: 1,
    partitioning: { kind: "forward" },
    targets: slots.map(({ exchange }, toIndex) => ({ toIndex, dataAddress: exchange.dataAddress })),
  });
  const forward = second.exchange.addInput({ edgeIndex: 1, fromIndex: 1, toIndex: 1 });
  for (const slot of slots) slot.exchange.open();
  network.run();
  for (let key = 0; key < 20; key += 1) keyed.emit(key, 0);
  straight.emit("here", 1);
  keyed.flush(0, true);
  straight.flush(0, true);
  network.run();
  const read = inputs.map((input) => readElements(input));
  expect(read.map((records) => records.length > 3)).toEqual([true, true]);
  const hashes = read.flat().map((record) => (record.kind === "record" ? record.hash : 0));
  expect(new Set(hashes).size).toBe(20);
  expect(readElements(forward)).toEqual([
    { kind: "record", value: "here", timestampMs: 1, hash: 0 },
  ]);
});
