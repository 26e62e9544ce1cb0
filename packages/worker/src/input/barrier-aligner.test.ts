import { noFailpoints, parseCheckpointId, type Barrier } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { BarrierAligner, type AlignmentResult } from "./barrier-aligner.ts";

function barrier(id: number): Barrier {
  return { checkpointId: parseCheckpointId(BigInt(id)), mode: "full" };
}

function feed(aligner: BarrierAligner, channelIndex: number, id: number, nowMs = 0) {
  return aligner.onBarrier({ channelIndex, barrier: barrier(id), nowMs });
}

function heldOf(aligner: BarrierAligner, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index).filter((index) =>
    aligner.isHeld(index),
  );
}

test("a channel is held from its barrier to the last one's, and the time is measured (S8)", () => {
  const aligner = new BarrierAligner(3, noFailpoints);
  expect(feed(aligner, 1, 5, 100)).toEqual({ kind: "waiting" });
  expect(feed(aligner, 0, 5, 110)).toEqual({ kind: "waiting" });
  expect(heldOf(aligner, 3)).toEqual([0, 1]);
  expect(aligner.aligningId()).toBe(5n);
  expect(feed(aligner, 2, 5, 130)).toEqual({
    kind: "aligned",
    barrier: barrier(5),
    alignmentMs: 30,
  });
  expect(heldOf(aligner, 3)).toEqual([]);
  expect(aligner.aligningId()).toBeUndefined();
});

test("a newer barrier ends the alignment of an older checkpoint", () => {
  const aligner = new BarrierAligner(2, noFailpoints);
  feed(aligner, 0, 5);
  expect(feed(aligner, 1, 6)).toEqual({ kind: "superseded", abandonedId: 5n });
  expect(heldOf(aligner, 2)).toEqual([1]);
  expect(feed(aligner, 0, 6).kind).toBe("aligned");
  expect(feed(aligner, 1, 5).kind).toBe("ignored");
});

test("an aborted checkpoint holds nothing back, and its barriers are ignored", () => {
  const aligner = new BarrierAligner(2, noFailpoints);
  feed(aligner, 0, 5);
  aligner.abort(parseCheckpointId(5n));
  expect(heldOf(aligner, 2)).toEqual([]);
  expect(feed(aligner, 1, 5).kind).toBe("ignored");
  aligner.abort(parseCheckpointId(6n));
  expect([feed(aligner, 0, 6).kind, feed(aligner, 1, 6).kind]).toEqual(["ignored", "ignored"]);
});

test("without alignment the first barrier is taken for the cut: the planted bug", () => {
  const aligner = new BarrierAligner(2, { isActive: (name) => name === "no-alignment" });
  expect(feed(aligner, 0, 5).kind).toBe("aligned");
  expect(heldOf(aligner, 2)).toEqual([]);
  expect(feed(aligner, 1, 5).kind).toBe("ignored");
});

/** What the aligner should do, said as slowly and plainly as possible. */
class NaiveAligner {
  readonly #count: number;
  readonly #over = new Set<number>();
  #arrived: { readonly id: number; readonly channels: Set<number> } | undefined;
  #highestOver = 0;

  constructor(count: number) {
    this.#count = count;
  }

  isHeld(channel: number): boolean {
    return this.#arrived?.channels.has(channel) === true;
  }

  onBarrier(channel: number, id: number): AlignmentResult["kind"] {
    if (this.#over.has(id) || id < this.#highestOver) return "ignored";
    const current = this.#arrived;
    if (current !== undefined && id < current.id) return "ignored";
    const isNew = current === undefined || id > current.id;
    if (current !== undefined && isNew) this.#end(current.id);
    const channels = isNew ? new Set<number>() : current.channels;
    this.#arrived = { id, channels: channels.add(channel) };
    if (channels.size === this.#count) {
      this.#end(id);
      return "aligned";
    }
    return current !== undefined && isNew ? "superseded" : "waiting";
  }

  abort(id: number): void {
    const current = this.#arrived;
    if (current !== undefined && current.id <= id) this.#end(current.id);
    this.#over.add(id);
    this.#highestOver = Math.max(this.#highestOver, id);
  }

  #end(id: number): void {
    this.#over.add(id);
    this.#highestOver = Math.max(this.#highestOver, id);
    this.#arrived = undefined;
  }
}

test("alignment is what a naive model says, for channels that each bring rising barriers", () => {
  const step = fc.record({
    isAbort: fc.boolean(),
    channel: fc.nat(4),
    jump: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 60, size: "max" }),
      (count, steps) => {
        const aligner = new BarrierAligner(count, noFailpoints);
        const naive = new NaiveAligner(count);
        const lastIds = Array.from({ length: count }, () => 0);
        const results: AlignmentResult["kind"][][] = [];
        for (const { isAbort, channel: drawn, jump } of steps) {
          const channel = drawn % count;
          if (isAbort && jump === 2) {
            const id = Math.max(1, ...lastIds);
            aligner.abort(parseCheckpointId(BigInt(id)));
            naive.abort(id);
          } else if (!aligner.isHeld(channel)) {
            const id = (lastIds[channel] ?? 0) + jump;
            lastIds[channel] = id;
            results.push([feed(aligner, channel, id).kind, naive.onBarrier(channel, id)]);
          }
          const held = lastIds.flatMap((_, index) => (naive.isHeld(index) ? [index] : []));
          expect(heldOf(aligner, count)).toEqual(held);
        }
        expect(results.map(([actual]) => actual)).toEqual(results.map(([, due]) => due));
      },
    ),
  );
});
