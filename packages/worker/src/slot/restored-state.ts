import type { CheckpointId, JsonValue, Turn } from "@millrace/core";
import { decodeListBlock, type KeyedBackend, type StateBlock } from "@millrace/state";

import type { SlotRestore } from "./slot-messages.ts";

/** What one subtask restores; nothing in an attempt without a checkpoint. */
export interface RestoredState {
  readonly checkpointId: CheckpointId | undefined;
  readonly watermarkMs: number;
  readonly blocks: readonly StateBlock[];
  readonly sizeBytes: number;
}

/** Returns the restored state of a subtask. */
export function restoredStateOf(
  restore: SlotRestore | undefined,
  subtaskId: string,
): RestoredState {
  const own = restore?.subtasks.find((subtask) => subtask.subtaskId === subtaskId);
  const blocks = own?.blocks ?? [];
  return {
    checkpointId: restore?.checkpointId,
    watermarkMs: own?.watermarkMs ?? -Infinity,
    blocks,
    sizeBytes: blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
  };
}

/** Returns the entries of all old subtasks of an operator, in the order of the manifest. */
export function listEntriesOf(state: RestoredState, operator: string): readonly JsonValue[] {
  return state.blocks
    .filter((block) => block.kind === "list" && block.operator === operator)
    .flatMap(decodeListBlock);
}

/** Takes the keyed blocks of an operator in, one a turn, so that the slot stays responsive. */
export async function restoreKeyed(
  backend: KeyedBackend,
  {
    state,
    operator,
    turn,
  }: {
    readonly state: RestoredState;
    readonly operator: string;
    readonly turn: Turn;
  },
): Promise<void> {
  if (state.checkpointId === undefined) return;
  for (const block of state.blocks) {
    if (block.kind !== "keyed" || block.operator !== operator) continue;
    backend.restoreBlock(block);
    await new Promise<void>((resolve) => turn.post(resolve));
  }
  backend.finishRestore(state.checkpointId);
}
