import { expect, test } from "vitest";

import type { SlotCommand } from "../slot/slot-messages.ts";
import { blockOf, checkpoint, refOf, subtask, workerId } from "../test-kit/worker-world.ts";
import { toPostedCommand, toPostedEvent } from "./transfer.ts";

function snapshotBlock(bytes: Uint8Array) {
  const block = { ...blockOf("totals", []), bytes };
  const at = { subtaskId: subtask(), checkpointId: checkpoint(1) };
  return { kind: "snapshot-block", ...at, block } as const;
}

test("a block that owns its buffer moves with it", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const { message, transfer } = toPostedEvent(snapshotBlock(bytes));
  const received = structuredClone(message, { transfer: [...transfer] });
  expect(received).toMatchObject({ block: { bytes: Uint8Array.of(1, 2, 3) } });
  expect(bytes.byteLength, "detached").toBe(0);
});

test("a part of a larger buffer is copied: the rest stays where it is", () => {
  const arena = Uint8Array.of(1, 2, 3, 4);
  const { message, transfer } = toPostedEvent(snapshotBlock(arena.subarray(1, 3)));
  const received = structuredClone(message, { transfer: [...transfer] });
  expect(received).toMatchObject({ block: { bytes: Uint8Array.of(2, 3) } });
  expect([...arena]).toEqual([1, 2, 3, 4]);
});

test("restored blocks move too, and one buffer in two blocks is copied once", () => {
  const bytes = Uint8Array.of(5, 6);
  const blocks = [1, 2].map(() => ({ ...blockOf("totals", []), bytes }));
  const command: SlotCommand = {
    kind: "prepare",
    preparation: {
      ref: refOf(),
      bundleUrl: "",
      planJson: "",
      planSha256: "",
      params: {},
      environment: {},
      channelToken: "",
      placements: [{ subtaskId: subtask(), workerId, slotIndex: 0, dataAddress: "" }],
      ownSubtasks: [subtask()],
      restore: {
        checkpointId: checkpoint(1),
        subtasks: [{ subtaskId: subtask(), blocks, watermarkMs: 1 }],
      },
    },
  };
  const { message, transfer } = toPostedCommand(command);
  expect(transfer.length).toBe(2);
  const received = structuredClone(message, { transfer: [...transfer] });
  const restored = received.kind === "prepare" ? received.preparation.restore : undefined;
  expect(restored?.subtasks[0]?.blocks.map((block) => [...block.bytes])).toEqual([
    [5, 6],
    [5, 6],
  ]);
  expect(message).toMatchObject({ preparation: { restore: { checkpointId: 1n } } });
});

test("all else is posted as it is", () => {
  const command: SlotCommand = { kind: "start" };
  expect(toPostedCommand(command)).toEqual({ message: command, transfer: [] });
});
