import { describe, expect, test } from "vitest";

import { asyncNodes, asyncSpec, TestService, type Call } from "../test-kit/async-jobs.ts";
import type { SlotWorld, SnapshotEvent } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import { drained, recordsOf, worldOf } from "../test-kit/test-jobs.ts";

const numbers = Array.from({ length: 40 }, (_, value) => value);
/** Some answers overtake others by far. */
const unevenMs = (value: number): number => (value % 3 === 0 ? 90 : 5 + (value % 7));

interface Run {
  readonly world: SlotWorld;
  readonly target: TestTarget;
  readonly service: TestService;
}

function runOf(
  delayMs: (value: number, attempt: number) => number,
  options: Parameters<typeof asyncSpec>[1] = {},
): Run {
  const target = new TestTarget();
  const service = new TestService(delayMs);
  const spec = asyncSpec(service.ask, options);
  const world = worldOf(asyncNodes(target, [recordsOf(40)], { spec }));
  return { world, target, service };
}

async function finish({ world, target }: Run): Promise<readonly unknown[]> {
  await world.start();
  await drained(world, "enriched/0");
  await world.checkpoint(99n);
  return target.written;
}

function metricsOf(world: SlotWorld) {
  return world
    .events("metrics")
    .flatMap(({ subtasks }) => subtasks)
    .findLast(({ subtaskId }) => subtaskId === "enriched/0");
}

function watermarkOf(snapshot: readonly SnapshotEvent[], subtask: string): number | undefined {
  return snapshot.flatMap((event) =>
    event.kind === "snapshot-done" && event.subtaskId === subtask ? [event.watermarkMs] : [],
  )[0];
}

describe("order", () => {
  test("ordered: results leave in the order of their records, however answers come", async () => {
    expect(await finish(runOf(unevenMs))).toEqual(numbers);
  });

  test("behind keyBy the results of a key are in order over several subtasks", async () => {
    const target = new TestTarget();
    const service = new TestService(unevenMs);
    const ask = async (record: TestRecord, call: Call) => [
      record.key,
      await service.ask(record, call),
    ];
    const [source, asking, sink] = asyncNodes(target, [recordsOf(40)], { spec: asyncSpec(ask) });
    if (source === undefined || asking === undefined || sink === undefined)
      throw new Error("three");
    const key = (record: TestRecord): string => record.key;
    const world = worldOf(
      [
        source,
        { name: "by-key", inputs: [0], spec: { kind: "key-by", key } },
        { ...asking, inputs: [1] },
        { ...sink, inputs: [2] },
      ],
      { parallelism: 2 },
    );
    await world.start();
    for (const subtask of ["enriched/0", "enriched/1"]) await drained(world, subtask);
    expect(service.asked).toHaveLength(40);
    for (const name of new Set(recordsOf(40).map(key))) {
      const own = target.written.filter((one) => Array.isArray(one) && one[0] === name);
      const expected = recordsOf(40).filter((record) => record.key === name);
      expect(own).toEqual(expected.map(({ value }) => [name, value]));
    }
  });

  test("unordered: results leave as answers come, each once", async () => {
    const written = await finish(runOf(unevenMs, { isOrdered: false }));
    expect(written).not.toEqual(numbers);
    expect(written.toSorted((left, right) => Number(left) - Number(right))).toEqual(numbers);
  });

  test("an answer that is no promise is taken as well", async () => {
    const target = new TestTarget();
    const spec = asyncSpec(({ value }: { value: number }) => value * 2);
    const world = worldOf(asyncNodes(target, [recordsOf(3)], { spec }));
    expect(await finish({ world, target, service: new TestService(() => 0) })).toEqual([0, 2, 4]);
  });

  test("an answer of asyncFlatMap is several results or none", async () => {
    const target = new TestTarget();
    const ask = async ({ value }: { value: number }) => Array.from({ length: value }, () => value);
    const spec = asyncSpec(ask, { isFlat: true });
    const world = worldOf(asyncNodes(target, [recordsOf(4)], { spec }));
    expect(await finish({ world, target, service: new TestService(() => 0) })).toEqual([
      1, 2, 2, 3, 3, 3,
    ]);
  });
});

describe("capacity", () => {
  test("bounds the requests in flight, and what is full reads no more", async () => {
    const run = runOf(() => 20, { capacity: 4 });
    expect(await finish(run)).toEqual(numbers);
    expect(run.service.mostOpen).toBe(4);
  });

  test("a full operator counts as busy, not as idle", async () => {
    const run = runOf(() => 100_000, { capacity: 4 });
    await run.world.start();
    await run.world.time.run(5_100);
    const metrics = metricsOf(run.world);
    expect(metrics?.busyMs).toBeGreaterThan(4_000);
    expect(metrics?.async).toMatchObject({ inFlight: 4, capacity: 4 });
  });

  test("a barrier does not wait for requests, also where there is no room", async () => {
    const run = runOf(() => 100_000, { capacity: 40 });
    await run.world.start();
    await run.world.time.run(200);
    expect(run.service.asked).toEqual(numbers);
    const snapshot = await run.world.checkpoint(1n);
    expect(snapshot.filter(({ kind }) => kind === "snapshot-done")).toHaveLength(2);
  });
});

describe("watermarks", () => {
  test("wait for the records before them, and a snapshot holds the one that has left", async () => {
    const run = runOf((value) => (value === 20 ? 10_000 : 1));
    await run.world.start();
    await run.world.time.run(300);
    const snapshot = await run.world.checkpoint(1n);
    // Record 20 is of 200 ms; what was read last is of 390 ms.
    expect(watermarkOf(snapshot, "numbers/0")).toBeGreaterThan(200);
    expect(watermarkOf(snapshot, "enriched/0")).toBeLessThan(200);
    await drained(run.world, "enriched/0");
    expect(run.world.time.nowMs()).toBeGreaterThan(10_000);
  });

  test("unordered: no record passes a watermark", async () => {
    // Batches of 7, a watermark behind each at the earliest: 14 to 20 come after the first two.
    const run = runOf((value) => (value < 7 ? 1_000 : 1), { isOrdered: false });
    await run.world.start();
    await run.world.time.run(500);
    const early = [...run.target.written];
    await drained(run.world, "enriched/0");
    expect(early.every((value) => Number(value) < 14)).toBe(true);
    expect(run.target.written).toHaveLength(40);
  });

  test("the end of input waits for all requests", async () => {
    const run = runOf((value) => (value === 39 ? 30_000 : 1));
    await run.world.start();
    await run.world.time.run(20_000);
    expect(run.world.stateOf("numbers/0")).toBe("drained");
    expect(run.world.stateOf("enriched/0")).toBe("running");
    await drained(run.world, "enriched/0");
    expect(run.target.written).toEqual(numbers);
  });
});

describe("failures", () => {
  const failing = (failUntil: (value: number) => number) => {
    const tries: number[] = [];
    const ask = ({ value }: { value: number }, { attempt }: { attempt: number }) => {
      tries.push(value);
      if (attempt <= failUntil(value)) throw new Error(`no answer for ${value}`);
      return value;
    };
    return { ask, tries };
  };

  test("a function that throws fails the job, which names the operator", async () => {
    const target = new TestTarget();
    const { ask } = failing((value) => (value === 5 ? 1 : 0));
    const world = worldOf(asyncNodes(target, [recordsOf(40)], { spec: asyncSpec(ask) }));
    await world.start();
    await world.time.run(1_000);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "user-function-failed",
        message: expect.stringContaining("operator enriched threw Error: no answer for 5"),
      },
    });
  });

  test("retries wait longer each time, and their results keep their places", async () => {
    const target = new TestTarget();
    const { ask, tries } = failing((value) => (value === 5 ? 3 : 0));
    const retry = { maxAttempts: 4, initialDelayMs: 100, maxDelayMs: 250 };
    const world = worldOf(asyncNodes(target, [recordsOf(40)], { spec: asyncSpec(ask, { retry }) }));
    await world.start();
    await drained(world, "enriched/0");
    expect(tries.filter((value) => value === 5)).toHaveLength(4);
    expect(target.written).toEqual(numbers);
    // The test's randomness is a half: three quarters of 100, 200 and 250 ms.
    expect(world.time.nowMs()).toBeGreaterThanOrEqual(75 + 150 + 187.5);
    expect(world.time.nowMs()).toBeLessThan(500);
  });

  test("retryOn decides which errors are tried again", async () => {
    const target = new TestTarget();
    const aside = new TestTarget();
    const { ask, tries } = failing((value) => (value === 5 || value === 6 ? 2 : 0));
    const spec = asyncSpec(ask, {
      retry: {
        maxAttempts: 3,
        initialDelayMs: 1,
        maxDelayMs: 1,
        retryOn: (error: Error) => error.message.endsWith("5"),
      },
      failuresTo: "failed",
    });
    const world = worldOf(asyncNodes(target, [recordsOf(40)], { spec, aside }));
    await world.start();
    await drained(world, "enriched/0");
    await world.time.run(100);
    expect(tries.filter((value) => value === 5)).toHaveLength(3);
    expect(aside.written).toEqual([
      {
        record: recordsOf(40)[6],
        reason: "failed",
        message: "Error: no answer for 6",
        attempts: 1,
      },
    ]);
    expect(target.written).toEqual(numbers.filter((value) => value !== 6));
  });

  test("after a failure of the job the signals of all requests abort", async () => {
    const target = new TestTarget();
    const service = new TestService(() => 100_000);
    const ask: typeof service.ask = (record, call) => {
      if (record.value < 12) return service.ask(record, call);
      return Promise.reject(new Error("broken"));
    };
    const world = worldOf(asyncNodes(target, [recordsOf(13)], { spec: asyncSpec(ask) }));
    await world.start();
    await world.time.run(1_000);
    expect(world.failure()).toBeDefined();
    expect(service.aborted).toEqual(numbers.slice(0, 12));
  });
});

describe("timeouts", () => {
  const slow = (value: number): number => (value % 10 === 3 ? 500 : 1);

  test("fail the job unless the author says what else is to be done", async () => {
    const run = runOf(slow, { timeoutMs: 100 });
    await run.world.start();
    await run.world.time.run(1_000);
    expect(run.world.failure()).toMatchObject({
      failure: {
        code: "deadline-exceeded",
        domain: "external",
        message: expect.stringContaining("operator enriched: no answer within 100 ms, in one try"),
      },
    });
  });

  test("onTimeout answers in place of the service, and the signal aborts", async () => {
    const run = runOf(slow, {
      timeoutMs: 100,
      onTimeout: ({ value }: { value: number }) => -value,
    });
    await run.world.start();
    await drained(run.world, "enriched/0");
    await run.world.time.run(1_100);
    expect(run.target.written).toEqual(numbers.map((one) => (one % 10 === 3 ? -one : one)));
    expect(run.service.aborted).toEqual([3, 13, 23, 33]);
    expect(metricsOf(run.world)?.async).toMatchObject({ timeouts: 4, inFlight: 0 });
  });

  test("hold for all tries of a record and the waits between them", async () => {
    const target = new TestTarget();
    const aside = new TestTarget();
    const ask = async (_record: unknown, { sleep }: { sleep: (d: string) => Promise<void> }) => {
      await sleep("60ms");
      throw new Error("busy");
    };
    const spec = asyncSpec(ask, {
      retry: { maxAttempts: 100, initialDelayMs: 100, maxDelayMs: 100 },
      timeoutMs: 300,
      failuresTo: "failed",
    });
    const world = worldOf(asyncNodes(target, [recordsOf(1)], { spec, aside }));
    await world.start();
    await drained(world, "enriched/0");
    await world.time.run(1_000);
    // Tries at 0, 135 and 270 ms.
    expect(aside.written).toMatchObject([
      { reason: "timed-out", message: "no answer within 300 ms, in 3 tries", attempts: 3 },
    ]);
  });
});

test("an open circuit breaker sends records to its side output, and closes by probes", async () => {
  const target = new TestTarget();
  const aside = new TestTarget();
  let isDown = true;
  const ask = async (
    { value }: { value: number },
    { sleep }: { sleep: (d: string) => Promise<void> },
  ) => {
    await sleep("1ms");
    if (isDown) throw new Error("down");
    return value;
  };
  const spec = asyncSpec(ask, {
    capacity: 1,
    failuresTo: "failed",
    circuitBreaker: {
      trip: { kind: "in-a-row", failureCount: 3 },
      openMs: 1_000,
      probeCount: 1,
      to: "failed",
    },
  });
  const nodes = asyncNodes(target, [recordsOf(400)], { spec, aside });
  const [source, ...others] = nodes;
  if (source?.spec.kind !== "source") throw new Error("the first node is the source");
  const paced = [{ ...source, spec: { ...source.spec, rateLimit: 100 } }, ...others];
  const world = worldOf(paced);
  await world.start();
  await world.time.run(500);
  isDown = false;
  await drained(world, "enriched/0");
  await world.time.run(1_100);
  const reasons = aside.written.map((one) =>
    typeof one === "object" && one !== null && "reason" in one ? one.reason : undefined,
  );
  expect(reasons.slice(0, 3)).toEqual(["failed", "failed", "failed"]);
  expect(reasons.slice(3).every((reason) => reason === "not-asked")).toBe(true);
  expect(reasons.length).toBeGreaterThan(20);
  expect(target.written.length + aside.written.length).toBe(400);
  expect(target.written.length).toBeGreaterThan(200);
  expect(metricsOf(world)?.async).toMatchObject({
    breaker: "closed",
    notAsked: reasons.length - 3,
  });
});
