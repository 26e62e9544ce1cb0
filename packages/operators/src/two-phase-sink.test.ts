import {
  noFailpoints,
  parseCheckpointId,
  type FailpointName,
  type JsonValue,
} from "@millrace/core";
import type { SinkConnector, SinkTransactionId } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import type { Operator } from "./operator.ts";
import { createTestContext } from "./test-context.ts";
import { createSinkOperator } from "./two-phase-sink.ts";

/** A target that outlives attempts: staged and published transactions by id. */
class Target {
  readonly staged = new Map<string, readonly unknown[]>();
  readonly published = new Map<string, readonly unknown[]>();
  readonly calls: string[] = [];
  /** Called in each prepare; a rejection fails it. */
  onPrepare: (id: SinkTransactionId) => Promise<void> = () => Promise.resolve();
  onPublish: () => Promise<void> = () => Promise.resolve();
  /** That of writers; they have none unless it is set. */
  close: (() => Promise<void>) | undefined;

  connector(): SinkConnector<unknown> {
    return {
      connector: "test",
      options: null,
      guarantee: "exactly-once",
      createWriter: ({ attempt }) => {
        const { close } = this;
        let open: unknown[] = [];
        return {
          write: (record) => void open.push(record),
          bufferedBytes: () => open.length,
          flush: () => Promise.resolve(),
          prepare: async (id) => {
            const sealed = open;
            open = [];
            await this.onPrepare(id);
            if (sealed.length === 0) return undefined;
            this.staged.set(nameOf(id), sealed);
            return { staged: nameOf(id) };
          },
          publish: async (committable, id) => {
            await this.onPublish();
            this.calls.push(`publish ${nameOf(id)}`);
            const name = String((committable as { staged: string }).staged);
            this.published.set(nameOf(id), this.staged.get(name) ?? ["nothing staged"]);
          },
          removeOrphans: () => {
            this.calls.push("removeOrphans");
            for (const name of this.staged.keys()) {
              const isOlder = Number(name.split("-")[1]) < attempt;
              if (isOlder && !this.published.has(name)) this.staged.delete(name);
            }
            return Promise.resolve();
          },
          ...(close === undefined ? {} : { close: () => close() }),
        };
      },
    };
  }

  visible(): readonly unknown[] {
    return [...this.published.values()].flat();
  }
}

function nameOf({ subtaskIndex, attempt, checkpointId }: SinkTransactionId): string {
  return `${subtaskIndex}-${attempt}-${checkpointId}`;
}

function openSink(
  target: Target,
  {
    attempt = 1,
    subtaskIndex = 0,
    active,
  }: {
    readonly attempt?: number;
    readonly subtaskIndex?: number;
    readonly active?: FailpointName;
  } = {},
) {
  const failpoints =
    active === undefined ? noFailpoints : { isActive: (name: string) => name === active };
  const operator: Operator = createSinkOperator(target.connector(), failpoints);
  operator.open(createTestContext({ attempt, subtaskIndex }).context);
  return {
    write: (...records: readonly unknown[]) => {
      for (const record of records) operator.onRecord(record, 0);
    },
    snapshot: async (id: bigint): Promise<readonly JsonValue[]> =>
      (await operator.prepareSnapshot?.({ checkpointId: parseCheckpointId(id), mode: "delta" })) ??
      [],
    complete: async (id: bigint) => operator.onCheckpointCompleted?.(id),
    restore: async (entries: readonly JsonValue[]) => operator.restoreList?.(entries),
    flush: async () => operator.flush?.(),
    bufferedBytes: () => operator.bufferedBytes?.(),
    letGo: operator.letGo,
  };
}

test("records are visible after the commit of the checkpoint that holds them, and not before (I3)", async () => {
  const target = new Target();
  const sink = openSink(target);
  sink.write(1, 2);
  const entries = await sink.snapshot(1n);
  sink.write(3);
  expect(entries).toHaveLength(1);
  expect(target.visible()).toEqual([]);
  await sink.complete(1n);
  expect(target.visible()).toEqual([1, 2]);
  expect(await sink.snapshot(2n)).toHaveLength(1);
});

test("the cut is made at the barrier: a record after it belongs to the next transaction (I1)", async () => {
  const target = new Target();
  const sink = openSink(target);
  sink.write(1);
  const first = sink.snapshot(1n);
  sink.write(2);
  await first;
  await sink.complete(1n);
  expect(target.visible()).toEqual([1]);
});

test("what an aborted checkpoint staged stays in the state and is published by the next commit (I2)", async () => {
  const target = new Target();
  const sink = openSink(target);
  sink.write(1);
  await sink.snapshot(1n);
  sink.write(2);
  expect(await sink.snapshot(2n)).toHaveLength(2);
  await sink.complete(2n);
  expect(target.visible()).toEqual([1, 2]);
  expect(await sink.snapshot(3n)).toEqual([]);
});

test("a snapshot waits for the prepares before it, which may be slower", async () => {
  const target = new Target();
  let release = (): void => {};
  target.onPrepare = ({ checkpointId }) =>
    checkpointId === 1n
      ? new Promise((resolve) => {
          release = resolve;
        })
      : Promise.resolve();
  const sink = openSink(target);
  sink.write(1);
  const first = sink.snapshot(1n);
  sink.write(2);
  const second = sink.snapshot(2n);
  release();
  expect(await first).toHaveLength(1);
  expect(await second).toHaveLength(2);
});

test("a commit publishes nothing of a later checkpoint that is already prepared", async () => {
  const target = new Target();
  const sink = openSink(target);
  sink.write(1);
  await sink.snapshot(1n);
  sink.write(2);
  await sink.snapshot(2n);
  await sink.complete(1n);
  expect(target.visible()).toEqual([1]);
});

describe("after a restore", () => {
  async function crashAfterCommit(target: Target): Promise<readonly JsonValue[]> {
    const entries: JsonValue[] = [];
    for (const subtaskIndex of [0, 1]) {
      const sink = openSink(target, { subtaskIndex });
      sink.write(`committed-${subtaskIndex}`);
      entries.push(...(await sink.snapshot(7n)));
      sink.write(`lost-${subtaskIndex}`);
      await sink.snapshot(8n);
    }
    return entries;
  }

  test("subtask 0 publishes all that was committed, then removes what was not (I4)", async () => {
    const target = new Target();
    const entries = await crashAfterCommit(target);
    await openSink(target, { attempt: 2, subtaskIndex: 1 }).restore(entries);
    expect(target.calls).toEqual([]);
    await openSink(target, { attempt: 2 }).restore(entries);
    expect(target.calls).toEqual(["publish 0-1-7", "publish 1-1-7", "removeOrphans"]);
    expect(target.visible()).toEqual(["committed-0", "committed-1"]);
    expect([...target.staged.keys()]).toEqual(["0-1-7", "1-1-7"]);
  });

  test("publishing again, in this or a later attempt, changes nothing (S13)", async () => {
    const target = new Target();
    const entries = await crashAfterCommit(target);
    for (const attempt of [2, 3]) await openSink(target, { attempt }).restore(entries);
    expect(target.visible()).toEqual(["committed-0", "committed-1"]);
  });

  test("what is published is not in the next snapshot", async () => {
    const target = new Target();
    const entries = await crashAfterCommit(target);
    const sink = openSink(target, { attempt: 2 });
    await sink.restore(entries);
    expect(await sink.snapshot(9n)).toEqual([]);
  });

  test("orphans go also when nothing is restored", async () => {
    const target = new Target();
    await crashAfterCommit(target);
    await openSink(target, { attempt: 2 }).restore([]);
    expect(target.staged.size).toBe(0);
  });

  test("state that is not a prepared transaction is refused with the sink's name", async () => {
    await expect(openSink(new Target()).restore([{ attempt: 1 }])).rejects.toMatchObject({
      code: "state-incompatible",
      message: expect.stringContaining("sink op"),
    });
  });
});

describe("failures", () => {
  test("after a failed prepare no snapshot succeeds and no record is taken (I5)", async () => {
    const target = new Target();
    const sink = openSink(target);
    target.onPrepare = () => Promise.reject(new Error("disk full"));
    sink.write(1);
    await expect(sink.snapshot(1n)).rejects.toMatchObject({
      code: "sink-failed",
      message: expect.stringContaining("could not prepare checkpoint 1: disk full"),
    });
    target.onPrepare = () => Promise.resolve();
    expect(() => sink.write(2)).toThrow("disk full");
    await expect(sink.snapshot(2n)).rejects.toMatchObject({ code: "sink-failed" });
  });

  test("what failed to publish is published by the next commit", async () => {
    const target = new Target();
    const sink = openSink(target);
    sink.write(1);
    await sink.snapshot(1n);
    target.onPublish = () => Promise.reject(new Error("away"));
    await expect(sink.complete(1n)).rejects.toMatchObject({ code: "sink-failed" });
    target.onPublish = () => Promise.resolve();
    await sink.snapshot(2n);
    await sink.complete(2n);
    expect(target.visible()).toEqual([1]);
  });
});

describe("planted bugs", () => {
  test("publish-before-commit shows output of a checkpoint that is not committed", async () => {
    const target = new Target();
    const sink = openSink(target, { active: "publish-before-commit" });
    sink.write(1);
    await sink.snapshot(1n);
    expect(target.visible()).toEqual([1]);
  });

  test("new-commit-id-on-recommit publishes twice what was published before the crash", async () => {
    const target = new Target();
    const before = openSink(target);
    before.write(1);
    const entries = await before.snapshot(1n);
    await before.complete(1n);
    const after = openSink(target, { attempt: 2, active: "new-commit-id-on-recommit" });
    await after.restore(entries);
    expect(target.visible()).toEqual([1, 1]);
  });
});

test("what another job prepared is published under that job's id", async () => {
  const target = new Target();
  const published: string[] = [];
  const connector: SinkConnector<unknown> = {
    ...target.connector(),
    createWriter: (context) => ({
      ...target.connector().createWriter(context),
      publish: (_committable, { jobId }) => Promise.resolve(void published.push(jobId)),
    }),
  };
  const operator = createSinkOperator(connector, noFailpoints);
  operator.open(createTestContext({ attempt: 1, subtaskIndex: 0 }).context);
  const entry = { subtaskIndex: 1, attempt: 4, checkpointId: "7", committable: "x" };
  await operator.restoreList?.([{ ...entry, jobId: "other-1" }, entry]);
  expect(published).toEqual(["other-1", createTestContext({}).context.jobId]);
});

test("the writer is closed once, and nothing is asked of it behind that, by what was under way either (I6)", async () => {
  const target = new Target();
  const begun = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  target.onPublish = () => {
    begun.resolve();
    return going.promise;
  };
  target.close = () => {
    target.calls.push("close");
    return Promise.resolve();
  };
  const sink = openSink(target);
  for (const id of [1n, 2n]) {
    sink.write(Number(id));
    await sink.snapshot(id);
  }
  const publishing = sink.complete(2n);
  await begun.promise;
  await sink.letGo?.();
  await sink.letGo?.();
  expect(target.calls).toEqual(["close"]);
  expect(() => sink.write(3)).toThrow(expect.objectContaining({ code: "cancelled" }));
  await expect(sink.flush()).rejects.toMatchObject({ code: "cancelled" });
  expect(sink.bufferedBytes()).toBe(0);
  going.resolve();
  await expect(publishing).rejects.toMatchObject({ code: "cancelled" });
  await expect(sink.snapshot(3n)).rejects.toMatchObject({ code: "cancelled" });
  expect(target.calls).toEqual(["close", "publish 0-1-1"]);
});

test("a sink whose writer has no close has nothing to let go of", () => {
  expect(openSink(new Target()).letGo).toBeUndefined();
});
