import { defineJob, elements, tumbling } from "@millrace/api";
import { describe, expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { simulate } from "./simulate.ts";

const letters = defineJob("letters", (job, { isLoud }) => {
  job
    .source("letters", elements(["a", "b", "c", "a"]))
    .map((letter) => (isLoud === true ? `${letter}!` : letter))
    .keyBy((letter) => letter)
    .count("counts")
    .sink("board", nowhere);
});

interface Reading {
  readonly at: Date;
  readonly sensor: string;
  readonly value: bigint;
}

const hourly = defineJob("hourly", (job) => {
  job
    .source<Reading>(
      "readings",
      async function* read() {
        yield* [];
      },
      { watermarks: { timestamp: ({ at }) => at.getTime() } },
    )
    .keyBy(({ sensor }) => sensor)
    .window(tumbling("10 ms"))
    .reduce("newest", (left, right) => (left.value > right.value ? left : right))
    .map(({ value }) => value)
    .sink("board", nowhere);
});

const reading = (atMs: number, value: bigint): Reading => ({
  at: new Date(atMs),
  sensor: "s",
  value,
});

describe("simulate", () => {
  test("gives what the sinks publish, with the job's own sources and parameters", async () => {
    const run = await simulate(letters, { seed: "1", params: { isLoud: true } });
    expect(run.violation).toBeUndefined();
    expect(run.outputs["board"]).toHaveLength(4);
    expect(run.outputs["board"]).toEqual(
      expect.arrayContaining([
        { key: "a!", value: 1 },
        { key: "a!", value: 2 },
        { key: "b!", value: 1 },
        { key: "c!", value: 1 },
      ]),
    );
    expect(run).toMatchObject({ recoveries: 0, faults: [] });
  });

  test("takes records of any type in place of a source, however many splits they are cut into", async () => {
    const readings = [reading(1, 5n), reading(8, 9n), reading(9, 2n), reading(15, 1n)];
    for (const splits of [1, 2, 4, 9]) {
      const run = await simulate(hourly, { seed: "1", inputs: { readings }, splits });
      expect(run.violation).toBeUndefined();
      expect(run.outputs["board"]).toHaveLength(2);
      expect(run.outputs["board"]).toEqual(
        expect.arrayContaining([reading(8, 9n), reading(15, 1n)]),
      );
    }
  });

  test("is the same run for the same seed, and another one for another", async () => {
    const options = { inputs: { letters: "a b c a b c a a b b c c".split(" ") }, faults: true };
    const runs = await Promise.all(
      ["3", "3", "4"].map((seed) => simulate(letters, { ...options, seed })),
    );
    const [once, again, other] = runs.map(({ traceHash, virtualMs, outputs, faults }) =>
      JSON.stringify({ traceHash, virtualMs, outputs, faults }),
    );
    expect(again).toBe(once);
    expect(other).not.toBe(once);
  });

  test("repeats faults that are given, and recovers from them", async () => {
    const run = await simulate(letters, {
      seed: "1",
      inputs: { letters: Array.from({ length: 200 }, (_, index) => `letter ${index % 7}`) },
      faults: [0, 1, 2].map((worker) => ({ kind: "kill-worker", atMs: 2_000, worker, downMs: 50 })),
    });
    expect(run.violation).toBeUndefined();
    expect(run.outputs["board"]).toHaveLength(200);
    expect(run.recoveries).toBeGreaterThan(0);
    expect(run.checkpoints).toBeGreaterThan(1);
  });

  test("an operator that throws for a record is the run's violation", async () => {
    const job = defineJob("broken", (write) => {
      write
        .source("letters", elements(["a"]))
        .map((letter) => {
          throw new Error(`no ${letter}`);
        })
        .sink("board", nowhere);
    });
    const run = await simulate(job, { seed: "1" });
    expect(run.violation).toContain("no a");
    expect(run.outputs).toEqual({ board: [] });
  });

  test("a graph that no cluster would take is refused", async () => {
    const job = defineJob("twice", (write) => {
      const read = write.source("letters", elements(["a"]));
      read.sink("board", nowhere);
      read.sink("board", nowhere);
    });
    await expect(simulate(job, { seed: "1" })).rejects.toMatchObject({
      code: "job-module-invalid",
    });
  });

  test.each([
    [letters, { inputs: { leters: [] } }, "inputs names leters, but the sources of job letters"],
    [hourly, {}, "source readings of job hourly cannot be read again"],
  ])("inputs that do not fit %o are refused", async (job, inputs, message) => {
    await expect(simulate(job, { seed: "1", ...inputs })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringContaining(message),
    });
  });

  test("goes on at another parallelism from the third checkpoint, as if nothing had happened", async () => {
    const records = Array.from({ length: 300 }, (_, index) => `letter ${index % 11}`);
    for (const [parallelism, restoreAt] of [
      [2, 3],
      [3, 1],
      [1, 4],
    ] as const) {
      const run = await simulate(letters, {
        seed: `${parallelism} to ${restoreAt}`,
        inputs: { letters: records },
        parallelism,
        restoreAt,
      });
      expect(run.violation).toBeUndefined();
      const counts = run.outputs["board"] ?? [];
      expect(counts).toHaveLength(300);
      expect(counts).toContainEqual({ key: "letter 0", value: 28 });
      expect(run.log.filter(({ message }) => message.startsWith("job submitted"))).toHaveLength(2);
    }
  });

  test("a job that is over before its third checkpoint is not restored, and says so", async () => {
    const options = { inputs: { letters: [] }, restoreAt: 3 };
    const run = await simulate(letters, { seed: "1", ...options });
    expect(run.violation).toMatch(/^the job was over after \d checkpoints, before it could be/);
  });
});
