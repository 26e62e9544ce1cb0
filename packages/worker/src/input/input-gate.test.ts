import {
  noFailpoints,
  parseCheckpointId,
  unlimitedPace,
  type Barrier,
  type Clock,
  type DrainPace,
  type FailpointName,
} from "@millrace/core";
import type { InputChannel, RecordBatch, StreamElement } from "@millrace/exchange";
import fc from "fast-check";
import { expect, test } from "vitest";

import { InputGate, type InputAction } from "./input-gate.ts";

const clock: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  schedule: () => ({ [Symbol.dispose]: () => {} }),
};

/** A channel that holds what a test puts there. */
class FakeChannel implements InputChannel {
  readonly address: InputChannel["address"];
  readonly #elements: StreamElement[] = [];

  constructor(fromIndex: number) {
    this.address = { edgeIndex: 0, fromIndex, toIndex: 0 };
  }

  put(...elements: readonly StreamElement[]): void {
    this.#elements.push(...elements);
  }

  head(): StreamElement | undefined {
    return this.#elements[0];
  }

  advance(): void {
    this.#elements.shift();
  }

  bufferedBytes(): number {
    return this.#elements.length;
  }
}

function barrier(id: number): Barrier {
  return { checkpointId: parseCheckpointId(BigInt(id)), mode: "full" };
}

function records(...values: readonly unknown[]): StreamElement {
  let index = 0;
  const batch: RecordBatch = {
    recordCount: values.length,
    drain(consume, pace) {
      while (index < values.length && (pace.left > 0 || pace.mayGoOn())) {
        pace.left -= 1;
        consume(values[index], 0, 0);
        index += 1;
      }
      return index === values.length;
    },
    position: () => ({ frameSequence: 0, recordIndex: index }),
  };
  return { kind: "records", batch };
}

function watermark(watermarkMs: number): StreamElement {
  return { kind: "watermark", watermarkMs };
}

function createGate(
  channelCount: number,
  settings: { readonly restoredMs?: number; readonly failpoint?: FailpointName } = {},
): { readonly gate: InputGate; readonly channels: readonly FakeChannel[] } {
  const channels = Array.from({ length: channelCount }, (_, index) => new FakeChannel(index));
  const { failpoint, restoredMs } = settings;
  const gate = new InputGate({
    channels,
    clock,
    failpoints: failpoint === undefined ? noFailpoints : { isActive: (name) => name === failpoint },
    restoredWatermarkMs: restoredMs ?? -Infinity,
  });
  return { gate, channels };
}

/** Does everything that the gate says until there is nothing, and returns it in short. */
function runGate(gate: InputGate, pace: DrainPace = unlimitedPace()): readonly unknown[] {
  const done: unknown[] = [];
  for (let action = gate.next(); action.kind !== "nothing"; action = gate.next()) {
    if (action.kind === "records") {
      const isUsedUp = action.batch.drain((value) => done.push(value), pace);
      if (isUsedUp) gate.releaseBatch();
    } else done.push(describe(action));
  }
  return done;
}

function describe(action: Exclude<InputAction, { readonly kind: "records" | "nothing" }>): string {
  switch (action.kind) {
    case "watermark":
      return `watermark ${action.watermarkMs}`;
    case "status":
      return action.isIdle ? "idle" : "active";
    case "barrier":
      return `barrier ${action.barrier.checkpointId}`;
    case "end-of-input":
      return "end";
  }
}

test("channels take turns", () => {
  const { gate, channels } = createGate(2);
  channels[0]?.put(records("a1"), records("a2"), records("a3"));
  channels[1]?.put(records("b1"), records("b2"));
  expect(runGate(gate)).toEqual(["a1", "b1", "a2", "b2", "a3"]);
});

test("a batch that was paused is gone on with before anything else", () => {
  const { gate, channels } = createGate(2);
  channels[0]?.put(records("a1", "a2", "a3"));
  channels[1]?.put(records("b1"));
  let asked = 0;
  const oneByOne: DrainPace = {
    left: 0,
    mayGoOn() {
      asked += 1;
      this.left = asked % 2;
      return this.left > 0;
    },
  };
  expect(runGate(gate, oneByOne)).toEqual(["a1", "a2", "a3", "b1"]);
  expect(channels[0]?.bufferedBytes()).toBe(0);
});

test("what follows a barrier waits until every channel's barrier has come (S8)", () => {
  const { gate, channels } = createGate(2);
  channels[0]?.put(records("a1"), { kind: "barrier", barrier: barrier(1) }, records("a2"));
  channels[1]?.put(records("b1"), records("b2"));
  expect(runGate(gate)).toEqual(["a1", "b1", "b2"]);
  expect(gate.aligningId()).toBe(1n);
  channels[1]?.put(records("b3"), { kind: "barrier", barrier: barrier(1) }, records("b4"));
  expect(runGate(gate)).toEqual(["b3", "barrier 1", "a2", "b4"]);
});

test("an abort lets the held channels go on", () => {
  const { gate, channels } = createGate(2);
  channels[0]?.put({ kind: "barrier", barrier: barrier(1) }, records("a1"));
  expect(runGate(gate)).toEqual([]);
  gate.abortCheckpoint(parseCheckpointId(1n));
  channels[1]?.put({ kind: "barrier", barrier: barrier(1) }, records("b1"));
  expect(runGate(gate)).toEqual(["a1", "b1"]);
});

test("the end is said once, when all channels have ended; barriers still pass", () => {
  const { gate, channels } = createGate(2);
  channels[0]?.put(watermark(Infinity), { kind: "end-of-input" });
  channels[1]?.put(records("b1"), watermark(5));
  expect(runGate(gate)).toEqual(["b1", "watermark 5"]);
  channels[1]?.put(watermark(Infinity), { kind: "end-of-input" });
  expect(runGate(gate)).toEqual(["watermark Infinity", "end"]);
  for (const channel of channels) channel.put({ kind: "barrier", barrier: barrier(7) });
  expect(runGate(gate)).toEqual(["barrier 7"]);
});

test("a restored watermark is the first thing to do (S12)", () => {
  const { gate, channels } = createGate(1, { restoredMs: 50 });
  channels[0]?.put(records("a1"), watermark(40), watermark(60));
  expect(runGate(gate)).toEqual(["watermark 50", "a1", "watermark 60"]);
});

test("idleness is handed on", () => {
  const { gate, channels } = createGate(1);
  channels[0]?.put(
    { kind: "status", isIdle: true },
    { kind: "status", isIdle: false },
    watermark(1),
  );
  expect(runGate(gate)).toEqual(["idle", "active", "watermark 1"]);
});

type Step = { readonly channel: number; readonly isBarrier: boolean };

/** Feeds the gate step by step; returns by channel how many records came before each barrier. */
function cutsOf(
  steps: readonly Step[],
  failpoint?: FailpointName,
): { readonly expected: readonly number[][]; readonly actual: readonly number[][] } {
  const { gate, channels } = createGate(3, failpoint === undefined ? {} : { failpoint });
  const counts = [0, 0, 0];
  const nextBarrier = [1, 1, 1];
  const expected: number[][] = [];
  const seen = [0, 0, 0];
  const actual: number[][] = [];
  const feed = ({ channel, isBarrier }: Step): void => {
    const id = nextBarrier[channel] ?? 0;
    if (isBarrier) {
      nextBarrier[channel] = id + 1;
      const cut = (expected[id - 1] ??= [0, 0, 0]);
      cut[channel] = counts[channel] ?? 0;
      channels[channel]?.put({ kind: "barrier", barrier: barrier(id) });
    } else {
      counts[channel] = (counts[channel] ?? 0) + 1;
      channels[channel]?.put(records(channel));
    }
    for (const done of runGate(gate)) {
      if (typeof done === "number") seen[done] = (seen[done] ?? 0) + 1;
      else actual.push([...seen]);
    }
  };
  for (const step of steps) feed(step);
  const total = Math.max(...nextBarrier);
  for (const [channel, next] of nextBarrier.entries()) {
    for (let id = next; id < total; id += 1) feed({ channel, isBarrier: true });
  }
  return { expected, actual };
}

const steps = fc.array(fc.record({ channel: fc.nat(2), isBarrier: fc.boolean() }), {
  maxLength: 60,
  size: "max",
});

test("every cut holds exactly the records before the barrier of each channel (S8)", () => {
  fc.assert(
    fc.property(steps, (program) => {
      const { expected, actual } = cutsOf(program);
      expect(actual).toEqual(expected);
    }),
  );
});

test("without alignment a cut does not hold what it should: the planted bug is visible", () => {
  const program = [
    { channel: 0, isBarrier: true },
    { channel: 1, isBarrier: false },
  ];
  const { expected, actual } = cutsOf(program, "no-alignment");
  expect(actual).not.toEqual(expected);
});
