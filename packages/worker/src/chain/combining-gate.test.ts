import { keyHash, noFailpoints, parseCheckpointId, parseSubtaskId } from "@millrace/core";
import type { OutputGate } from "@millrace/exchange";
import type { OperatorSpec } from "@millrace/graph";
import { combiningOf, type CombineSettings } from "@millrace/operators";
import { expect, test, vi } from "vitest";

import { alwaysCombining } from "../test-kit/always-combining.ts";
import { createChainCursor } from "./chain-cursor.ts";
import { CombiningGate } from "./combining-gate.ts";
import { compileChain } from "./compile-chain.ts";

interface Word {
  readonly word: string;
}

const count: OperatorSpec = {
  kind: "reduce",
  create: () => 1,
  add: (total: number) => total + 1,
  merge: (left: number, right: number) => left + right,
  result: (total: number) => total,
};

const windowed: OperatorSpec = {
  kind: "window",
  assigner: { kind: "tumbling", sizeMs: 100, offsetMs: 0 },
  allowedLatenessMs: 0,
  isCombined: true,
  aggregate: {
    create: () => 0,
    add: (total: number) => total + 1,
    merge: (left: number, right: number) => left + right,
    result: (total: number) => total,
  },
};

/** A gate with room for so many records, which writes down what it is given. */
class RecordingGate implements OutputGate {
  readonly sent: unknown[] = [];
  room = Infinity;

  emit(value: unknown, timestampMs: number): void {
    this.room -= 1;
    this.sent.push({ value, timestampMs });
  }

  emitHashed(value: unknown, timestampMs: number, hash: number): void {
    this.room -= 1;
    this.sent.push({ value, timestampMs, hash });
  }

  emitWatermark(watermarkMs: number): void {
    this.sent.push({ watermarkMs });
  }

  emitStatus(isIdle: boolean): void {
    this.sent.push({ isIdle });
  }

  emitBarrier(): void {
    this.sent.push("barrier");
  }

  emitEndOfInput(): void {
    this.sent.push("end");
  }

  hasRoom(): boolean {
    return this.room > 0;
  }

  flush(): void {
    this.sent.push("flush");
  }

  finish(): void {
    this.sent.push("finish");
  }

  take(): unknown[] {
    return this.sent.splice(0).filter((one) => one !== "flush");
  }
}

function openGate(spec: OperatorSpec, settings: CombineSettings = alwaysCombining) {
  const inner = new RecordingGate();
  const wakes: (number | "now")[] = [];
  const combining = combiningOf(spec);
  if (combining === undefined) throw new Error("the spec is combined");
  const gate = new CombiningGate({
    gate: inner,
    selectKey: ({ word }: Word) => word,
    combining,
    settings,
    operatorName: "counts",
    subtaskId: parseSubtaskId("words/0").subtaskId,
    failpoints: noFailpoints,
    onFull: () => {},
    onWake: () => void wakes.push("now"),
    wakeAfter: (delayMs) => void wakes.push(delayMs),
  });
  const emit = (text: string, timestampMs = 0): void => {
    for (const word of text.split(" ")) gate.emit({ word }, timestampMs);
  };
  return { emit, gate, inner, wakes };
}

/** Returns a gate that combines: its first measurement is over. */
function openCombining(spec: OperatorSpec, settings: CombineSettings = alwaysCombining) {
  const opened = openGate(spec, settings);
  opened.emit("first");
  opened.gate.flush(0, false);
  opened.inner.take();
  return opened;
}

function partial(key: string, value: number, timestampMs: number) {
  const sent = { key, value, timestampMs, recordCount: value };
  return { value: sent, timestampMs: Number.NaN, hash: keyHash(key) };
}

const barrier = { checkpointId: parseCheckpointId(1n), mode: "full" } as const;

test("records go on as they are until a measurement has shown that combining pays", () => {
  const { emit, gate, inner } = openGate(count);
  emit("a a");
  expect(inner.take()).toEqual([
    { value: { word: "a" }, timestampMs: 0, hash: keyHash("a") },
    { value: { word: "a" }, timestampMs: 0, hash: keyHash("a") },
  ]);
  gate.flush(0, false);
  emit("a a a");
  expect(inner.take()).toEqual([]);
  gate.emitEndOfInput();
  expect(inner.take()).toEqual([partial("a", 3, 0), "end"]);
});

test("keys that do not repeat pass with no more than the count of a pause", () => {
  const { emit, gate, inner } = openGate(count, { ...alwaysCombining, startReduction: 2 });
  emit("a b c");
  gate.flush(0, false);
  inner.take();
  emit("a");
  expect(inner.take()).toEqual([{ value: { word: "a" }, timestampMs: 0 }]);
  emit("b c d e f g h i j");
  inner.take();
  emit("a");
  expect(inner.take()).toEqual([{ value: { word: "a" }, timestampMs: 0, hash: keyHash("a") }]);
});

test("a compiled chain passes the gate by while it pauses, and comes back to it", () => {
  const { emit, gate, inner } = openGate(count, { ...alwaysCombining, startReduction: 2 });
  emit("a b c");
  gate.flush(0, false);
  inner.take();
  const { run } = compileChain({
    steps: [],
    gates: [{ gate, after: -1 }],
    cursor: createChainCursor(),
  });
  const asked = vi.spyOn(gate, "emit");
  const words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  for (const word of words) run({ word }, 5);
  expect(asked).not.toHaveBeenCalled();
  expect(inner.take()).toEqual(words.map((word) => ({ value: { word }, timestampMs: 5 })));
  run({ word: "a" }, 5);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(inner.take()).toEqual([{ value: { word: "a" }, timestampMs: 5, hash: keyHash("a") }]);
});

test("what is held leaves before a barrier, a status and the end (I1)", () => {
  const { emit, gate, inner } = openCombining(count);
  emit("a a");
  gate.emitBarrier(barrier);
  expect(inner.take()).toEqual([partial("a", 2, 0), "barrier"]);
  emit("b b");
  gate.emitStatus(true);
  expect(inner.take()).toEqual([partial("b", 2, 0), { isIdle: true }]);
  emit("c c c");
  gate.emitEndOfInput();
  gate.finish();
  expect(inner.take()).toEqual([partial("c", 3, 0), "end", "finish"]);
});

test("no running result is passed by a watermark that would make it late", () => {
  const { emit, gate, inner } = openCombining(count);
  emit("a", 50);
  emit("a", 70);
  gate.emitWatermark(49);
  expect(inner.take()).toEqual([{ watermarkMs: 49 }]);
  gate.emitWatermark(50);
  expect(inner.take()).toEqual([partial("a", 2, 70), { watermarkMs: 50 }]);
});

test("a watermark passes what is held for a window that it does not fire", () => {
  const { emit, gate, inner } = openCombining(windowed);
  emit("a a", 50);
  gate.emitWatermark(98);
  expect(inner.take()).toEqual([{ watermarkMs: 98 }]);
  emit("a", 60);
  gate.emitWatermark(99);
  expect(inner.take()).toEqual([partial("a", 3, 60), { watermarkMs: 99 }]);
});

test("a record that may be late for its window goes on by itself", () => {
  const { emit, gate, inner } = openCombining(windowed);
  gate.emitWatermark(99);
  inner.take();
  emit("a a", 99);
  expect(inner.take()).toHaveLength(2);
  emit("a a", 100);
  expect(inner.take()).toEqual([]);
});

test("without event time a window's record goes on by itself, to be refused there", () => {
  const { emit, inner } = openCombining(windowed);
  emit("a a", -Infinity);
  expect(inner.take()).toHaveLength(2);
});

test("what is held leaves after its time, for which the slot is woken (I3)", () => {
  const { emit, gate, inner, wakes } = openCombining(count);
  emit("a a");
  gate.flush(1_000, true);
  expect(wakes).toEqual([100]);
  gate.flush(1_099, true);
  expect(inner.take()).toEqual([]);
  gate.flush(1_100, true);
  expect(inner.take()).toEqual([partial("a", 2, 0)]);
});

test("emptying stops without room, goes on with it, and holds back what follows in order (I2)", () => {
  const { emit, gate, inner, wakes } = openCombining(count);
  emit("a b c a b c");
  inner.room = 2;
  gate.emitBarrier(barrier);
  gate.emitWatermark(5);
  expect(inner.take()).toHaveLength(2);
  expect(gate.hasRoom()).toBe(false);
  // One call of the author's code may emit on, without room.
  emit("d", 7);
  gate.emitBarrier(barrier);
  gate.flush(0, false);
  expect(inner.take()).toEqual([]);
  inner.room = Infinity;
  gate.flush(0, false);
  expect(inner.take()).toEqual([
    expect.objectContaining({ timestampMs: Number.NaN }),
    "barrier",
    { watermarkMs: 5 },
    partial("d", 1, 7),
    "barrier",
  ]);
  expect(gate.hasRoom()).toBe(true);
  expect(wakes).toEqual(["now"]);
});

test("a turn sends no more than its share of a full table", () => {
  const { emit, gate, inner, wakes } = openCombining(count, {
    ...alwaysCombining,
    entryCount: 16_384,
  });
  const words = Array.from({ length: 6_000 }, (_, index) => `word-${index}`).join(" ");
  emit(words);
  inner.take();
  gate.emitBarrier(barrier);
  expect(inner.take()).toHaveLength(4_096);
  expect(gate.hasRoom()).toBe(false);
  expect(wakes).toEqual(["now"]);
  gate.flush(0, false);
  expect(inner.take().at(-1)).toBe("barrier");
  expect(gate.hasRoom()).toBe(true);
});

test("a key that is an object is not held: its owner may change it", () => {
  const opened = openGate(count);
  const tuple = { word: ["a", 1] };
  opened.gate.emit({ word: "first" }, 0);
  opened.gate.flush(0, false);
  opened.inner.take();
  opened.gate.emit(tuple, 0);
  expect(opened.inner.take()).toMatchObject([{ value: tuple }]);
});

test("what the author's function throws here names the operator that it belongs to", () => {
  const { emit } = openCombining({
    ...count,
    create: () => {
      throw new TypeError("no such field");
    },
  });
  expect(() => emit("a")).toThrow(
    expect.objectContaining({
      code: "user-function-failed",
      message: expect.stringContaining("operator counts threw TypeError: no such field"),
      location: { subtask: "words/0", operator: "counts" },
    }),
  );
});
