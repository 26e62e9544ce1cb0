import { defineJob, elements, type, type DataStream } from "@millrace/api";
import { describe, expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { simulate } from "./simulate.ts";

/** A record once a subtask has sent it: by whom, and as which of its own. */
interface Sent {
  readonly from: number;
  readonly sequence: number;
  readonly n: number;
}

/** And once another one has it. */
interface Received extends Sent {
  readonly to: number;
  readonly arrival: number;
}

const inputs = { numbers: Array.from({ length: 120 }, (_, n) => n) };

/** Returns who sent and who received each record between operators of 3 and of `width` subtasks. */
async function route(
  partition: (sent: DataStream<Sent>) => DataStream<Sent>,
  width = 3,
): Promise<readonly Received[]> {
  const job = defineJob("routes", (write) => {
    const sent = write
      .source("numbers", elements<number>([]), { parallelism: 1 })
      .rebalance()
      .process(
        "send",
        {
          emits: type<Sent>(),
          create: () => {
            let sequence = 0;
            return {
              onRecord: (n, ctx) => ctx.emit({ from: ctx.subtaskIndex, sequence: sequence++, n }),
            };
          },
        },
        { parallelism: 3 },
      );
    partition(sent)
      .process(
        "receive",
        {
          emits: type<Received>(),
          create: () => {
            let arrival = 0;
            return {
              onRecord: (record, ctx) =>
                ctx.emit({ ...record, to: ctx.subtaskIndex, arrival: arrival++ }),
            };
          },
        },
        { parallelism: width },
      )
      .sink("received", nowhere);
  });
  const run = await simulate(job, { seed: "1", inputs, splits: 1 });
  expect(run.violation).toBeUndefined();
  return (run.outputs["received"] ?? []) as readonly Received[];
}

/** Of each sender, the subtasks that got something of it. */
function targets(received: readonly Received[]): readonly (readonly number[])[] {
  return [0, 1, 2].map((from) => {
    const own = received.filter((record) => record.from === from);
    return [0, 1, 2, 3, 4, 5].filter((to) => own.some((record) => record.to === to));
  });
}

const numbersOf = (received: readonly Received[]): readonly number[] =>
  received.map(({ n }) => n).toSorted((left, right) => left - right);

describe("records reach", () => {
  test("by broadcast() all subtasks, each record once in each", async () => {
    const received = await route((sent) => sent.broadcast());
    for (const to of [0, 1, 2]) {
      expect(numbersOf(received.filter((record) => record.to === to))).toEqual(inputs.numbers);
    }
  });

  test("by forward() the subtask of their sender's own number", async () => {
    expect(targets(await route((sent) => sent.forward()))).toEqual([[0], [1], [2]]);
  });

  test("by rescale() the few subtasks next to their sender, evenly", async () => {
    const received = await route((sent) => sent.rescale(), 6);
    expect(targets(received)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    for (const to of [0, 1, 2, 3, 4, 5]) {
      expect(received.filter((record) => record.to === to)).toHaveLength(20);
    }
  });

  test("by global() subtask 0 and no other", async () => {
    expect(targets(await route((sent) => sent.global()))).toEqual([[0], [0], [0]]);
  });

  test("by rebalance() and shuffle() subtasks of all senders, each record one", async () => {
    for (const received of [
      await route((sent) => sent.rebalance()),
      await route((sent) => sent.shuffle()),
    ]) {
      expect(targets(received)).toEqual([
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
      ]);
      expect(numbersOf(received)).toEqual(inputs.numbers);
    }
  });

  test("by partitionBy() the subtask that the function says", async () => {
    const received = await route((sent) => sent.partitionBy(({ n }, count) => n % count), 2);
    expect(received).toHaveLength(120);
    expect(received.every(({ n, to }) => to === n % 2)).toBe(true);
  });
});

test("from one subtask to another, records keep their order, by whatever way they go", async () => {
  for (const received of [
    await route((sent) => sent.broadcast()),
    await route((sent) => sent.shuffle()),
    await route((sent) => sent.rescale(), 2),
    await route((sent) => sent.partitionBy(({ n }) => n % 2), 2),
  ]) {
    const byChannel = Map.groupBy(received, ({ from, to }) => `${from} to ${to}`);
    for (const records of byChannel.values()) {
      const inOrder = records.toSorted((left, right) => left.arrival - right.arrival);
      const sequence = inOrder.map((record) => record.sequence);
      expect(sequence).toEqual(sequence.toSorted((left, right) => left - right));
    }
  }
});

test("an operator between others may have one subtask or more than they", async () => {
  for (const width of [1, 5]) {
    expect(numbersOf(await route((sent) => sent, width))).toEqual(inputs.numbers);
  }
});

test("a partition function that returns no subtask's index fails the job, and is named", async () => {
  const job = defineJob("wrong", (write) => {
    write
      .source("numbers", elements<number>([]))
      .partitionBy((n) => n - 5)
      .sink("out", nowhere);
  });
  const run = await simulate(job, { seed: "1", inputs: { numbers: [6, 5, 4] }, parallelism: 2 });
  expect(run.violation).toContain("it returned -1 for 2 subtasks");
});
