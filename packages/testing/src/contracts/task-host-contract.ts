import {
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseVertexId,
  parseWorkerId,
  sleep,
  subtaskIdOf,
  type Clock,
} from "@millrace/core";
import { canonicalPlanJson, planJob } from "@millrace/graph";
import { createNodeDigest } from "@millrace/platform";
import type {
  SlotCommand,
  SlotEvent,
  SlotHandle,
  SlotPreparation,
  TaskHost,
} from "@millrace/worker";
import { describe, expect, test, vi } from "vitest";

import job from "./task-host-job.ts";

export interface TaskHostSubject extends AsyncDisposable {
  /** Its slots run the bundles at `bundleUrls`. */
  readonly host: TaskHost;
  /** Its slots cannot open their listener. */
  readonly brokenHost: TaskHost;
  readonly clock: Clock;
}

/** What the slots of every subject load, do not finish loading, and are ended by. */
export const bundleUrls: Readonly<Record<"working" | "hanging" | "exiting", string>> = {
  working: new URL("./task-host-job.ts", import.meta.url).href,
  hanging: new URL("./task-host-job.ts?hang", import.meta.url).href,
  exiting: new URL("./task-host-job.ts?exit", import.meta.url).href,
};

type CreateSubject = () => Promise<TaskHostSubject>;

const waitMs = 4_000;
const vertexId = parseVertexId("silent");
const subtaskId = subtaskIdOf(vertexId, 0);

interface Slot extends AsyncDisposable {
  readonly handle: SlotHandle;
  readonly events: SlotEvent[];
  readonly exits: Error[];
  /** Returns the events of the kind once there are so many. */
  until<Kind extends SlotEvent["kind"]>(
    kind: Kind,
    count?: number,
  ): Promise<readonly Extract<SlotEvent, { kind: Kind }>[]>;
}

function startSlot(host: TaskHost): Slot {
  const events: SlotEvent[] = [];
  const exits: Error[] = [];
  const handle = host.start(0, {
    onEvent: (event) => events.push(event),
    onExit: (cause) => exits.push(cause),
  });
  return {
    handle,
    events,
    exits,
    until: (kind, count = 1) =>
      vi.waitFor(
        () => {
          const found = events.filter((event) => isOfKind(event, kind));
          expect(exits).toEqual([]);
          expect(found.length).toBeGreaterThanOrEqual(count);
          return found;
        },
        { timeout: waitMs, interval: 2 },
      ),
    [Symbol.asyncDispose]: () => handle.terminate(),
  };
}

function isOfKind<Kind extends SlotEvent["kind"]>(
  event: SlotEvent,
  kind: Kind,
): event is Extract<SlotEvent, { kind: Kind }> {
  return event.kind === kind;
}

function prepareCommand(bundleUrl: string, restore?: SlotPreparation["restore"]): SlotCommand {
  const planJson = canonicalPlanJson(planJob(job.build({ params: {}, baseDirectory: "/" })));
  return {
    kind: "prepare",
    preparation: {
      ref: {
        jobId: parseJobId("task-host"),
        leaderEpoch: parseLeaderEpoch(1n),
        attempt: parseAttempt(1),
      },
      bundleUrl,
      planJson,
      planSha256: createNodeDigest().sha256(new TextEncoder().encode(planJson)),
      params: {},
      environment: {},
      channelToken: "token",
      placements: [{ subtaskId, workerId: parseWorkerId("w1"), slotIndex: 0, dataAddress: "" }],
      ownSubtasks: [subtaskId],
      ...(restore === undefined ? {} : { restore }),
    },
  };
}

const assign = (descriptor: string): SlotCommand => ({
  kind: "assign-split",
  vertexId,
  subtaskIndex: 0,
  requestNumber: 1,
  split: { id: "only", descriptor },
  isPoolEmpty: false,
  poolLowerBoundMs: Infinity,
});

const inject = (id: number): SlotCommand => ({
  kind: "inject-barrier",
  barrier: { checkpointId: parseCheckpointId(BigInt(id)), mode: "full" },
});

/** Returns a slot whose job runs and asks for its split; it was prepared before it was up. */
async function runJob(host: TaskHost, restore?: SlotPreparation["restore"]): Promise<Slot> {
  const slot = startSlot(host);
  slot.handle.post(prepareCommand(bundleUrls.working, restore));
  await slot.until("subtask-state");
  slot.handle.post({ kind: "start" });
  if (restore === undefined) await slot.until("request-split");
  else await slot.until("subtask-state", 2);
  return slot;
}

/** Describes what every host of slots does, by what the slots' real body does in it. */
export function describeTaskHostContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} task host`, () => {
    describeSlotStarts(createSubject);
    describeMessages(createSubject);
    describeProgress(createSubject);
    describeTermination(createSubject);
    describeExits(createSubject);
  });
}

function describeSlotStarts(createSubject: CreateSubject): void {
  test("a slot says first of all where it listens, never before start has returned", async () => {
    await using subject = await createSubject();
    await using slot = startSlot(subject.host);
    expect(slot.events).toEqual([]);
    const [listening] = await slot.until("listening");
    expect(listening?.dataAddress).not.toBe("");
    expect(slot.events[0]).toBe(listening);
  });

  test("what is posted before the slot is up is held, and it listens all the same", async () => {
    await using subject = await createSubject();
    await using slot = await runJob(subject.host);
    const states = slot.events.flatMap((e) => (e.kind === "subtask-state" ? [e.state.kind] : []));
    expect(states).toEqual(["ready", "running"]);
    expect(slot.events[0]?.kind).toBe("listening");
  });
}

function describeMessages(createSubject: CreateSubject): void {
  test("commands take effect and events arrive in the order in which they were sent", async () => {
    await using subject = await createSubject();
    await using slot = await runJob(subject.host);
    slot.handle.post(assign("in the first snapshot"));
    for (const id of [1, 2, 3, 4, 5]) slot.handle.post(inject(id));
    await slot.until("snapshot-done", 5);
    const told = slot.events.flatMap((event) => {
      if (event.kind === "snapshot-block") return [`block ${event.checkpointId}`];
      return event.kind === "snapshot-done" ? [`done ${event.checkpointId}`] : [];
    });
    expect(told).toEqual([1, 2, 3, 4, 5].flatMap((id) => [`block ${id}`, `done ${id}`]));
    const [first] = await slot.until("snapshot-block");
    expect(new TextDecoder().decode(first?.block.bytes)).toContain("in the first snapshot");
  });

  test("buffers arrive intact both ways: a restored snapshot is the one that was taken", async () => {
    await using subject = await createSubject();
    const descriptor = Array.from({ length: 60_000 }, (_unused, index) => index).join(" ");
    await using taken = await runJob(subject.host);
    taken.handle.post(assign(descriptor));
    taken.handle.post(inject(1));
    await taken.until("snapshot-done");
    const blocks = (await taken.until("snapshot-block")).map(({ block }) => block);
    const bytes = blocks.map((block) => Buffer.from(block.bytes).toString());
    expect(bytes.join("")).toContain(descriptor);
    await using restored = await runJob(subject.host, {
      checkpointId: parseCheckpointId(1n),
      subtasks: [{ subtaskId, blocks, watermarkMs: 0 }],
    });
    restored.handle.post(inject(2));
    await restored.until("snapshot-done");
    const again = (await restored.until("snapshot-block")).map(({ block }) => block);
    expect(again.map((block) => Buffer.from(block.bytes).toString())).toEqual(bytes);
  });

  test("slots of one host do not mix", async () => {
    await using subject = await createSubject();
    await using one = await runJob(subject.host);
    await using other = startSlot(subject.host);
    const [address] = await other.until("listening");
    expect((await one.until("listening"))[0]).not.toEqual(address);
    one.handle.post(inject(1));
    await one.until("snapshot-done");
    expect(other.events).toEqual([address]);
  });
}

function describeProgress(createSubject: CreateSubject): void {
  test("turns are counted as the slot works, and at rest it is not busy", async () => {
    await using subject = await createSubject();
    await using slot = await runJob(subject.host);
    const before = slot.handle.progress().turns;
    expect(before).toBeGreaterThan(0);
    slot.handle.post(inject(1));
    await slot.until("snapshot-done");
    expect(slot.handle.progress().turns).toBeGreaterThan(before);
    await vi.waitFor(() => expect(slot.handle.progress().isBusy).toBe(false));
  });
}

function describeTermination(createSubject: CreateSubject): void {
  test("a terminated slot ends within a bound, and nothing is called any more", async () => {
    await using subject = await createSubject();
    await using slot = await runJob(subject.host);
    slot.handle.post(assign("never seen"));
    slot.handle.post(inject(1));
    const ended = slot.handle.terminate();
    const eventCount = slot.events.length;
    await ended;
    slot.handle.post(inject(2));
    await slot.handle.terminate();
    await sleep(subject.clock, 50);
    expect(slot.events.length).toBe(eventCount);
    expect(slot.exits).toEqual([]);
  });

  test("a slot that is terminated before it is up says nothing", async () => {
    await using subject = await createSubject();
    await using slot = startSlot(subject.host);
    await slot.handle.terminate();
    await sleep(subject.clock, 50);
    expect(slot.events).toEqual([]);
    expect(slot.exits).toEqual([]);
  });

  test("a slot whose job never finishes loading stands still while busy, and ends all the same (F23)", async () => {
    await using subject = await createSubject();
    await using slot = startSlot(subject.host);
    await slot.until("listening");
    slot.handle.post(prepareCommand(bundleUrls.hanging));
    const standsStill = async (): Promise<void> => {
      const before = slot.handle.progress();
      await sleep(subject.clock, 100);
      expect(before.isBusy).toBe(true);
      expect(slot.handle.progress()).toEqual(before);
    };
    await vi.waitFor(standsStill, { timeout: 4_000, interval: 1 });
    await slot.handle.terminate();
    expect(slot.exits).toEqual([]);
  });
}

function describeExits(createSubject: CreateSubject): void {
  test("a slot that cannot open its listener is gone, with the cause, once", async () => {
    await using subject = await createSubject();
    await using slot = startSlot(subject.brokenHost);
    slot.handle.post({ kind: "start" });
    await vi.waitFor(() => expect(slot.exits).toHaveLength(1), { timeout: waitMs });
    slot.handle.post({ kind: "start" });
    await slot.handle.terminate();
    await sleep(subject.clock, 50);
    expect(slot.exits).toMatchObject([{ code: "unavailable" }]);
    expect(slot.events).toEqual([]);
  });

  test("a slot that the job's code ends is gone, once; the next one of its index is fresh", async () => {
    await using subject = await createSubject();
    await using slot = startSlot(subject.host);
    await slot.until("listening");
    slot.handle.post(prepareCommand(bundleUrls.exiting));
    await vi.waitFor(() => expect(slot.exits).toHaveLength(1), { timeout: waitMs });
    await using next = await runJob(subject.host);
    expect(next.exits).toEqual([]);
    await slot.handle.terminate();
    expect(slot.exits).toHaveLength(1);
    expect(slot.events.map(({ kind }) => kind)).toEqual(["listening"]);
  });
}
