import type { SlotCommand, SlotEvent } from "../slot/slot-messages.ts";

/** What is posted, and the buffers that move with it. */
export interface Posted<Message> {
  readonly message: Message;
  readonly transfer: readonly ArrayBuffer[];
}

/** Returns the command with the buffers of restored state to be moved. */
export function toPostedCommand(command: SlotCommand): Posted<SlotCommand> {
  if (command.kind !== "prepare") return { message: command, transfer: [] };
  const { restore } = command.preparation;
  if (restore === undefined) return { message: command, transfer: [] };
  const transfer: ArrayBuffer[] = [];
  const subtasks = restore.subtasks.map((subtask) => ({
    ...subtask,
    blocks: subtask.blocks.map((block) => ({ ...block, bytes: movable(block.bytes, transfer) })),
  }));
  const preparation = { ...command.preparation, restore: { ...restore, subtasks } };
  return { message: { kind: "prepare", preparation }, transfer };
}

/** Returns the event with the buffer of a snapshot's block to be moved. */
export function toPostedEvent(event: SlotEvent): Posted<SlotEvent> {
  if (event.kind !== "snapshot-block") return { message: event, transfer: [] };
  const transfer: ArrayBuffer[] = [];
  const block = { ...event.block, bytes: movable(event.block.bytes, transfer) };
  return { message: { ...event, block }, transfer };
}

/**
 * Returns bytes that own their buffer: a view of a part is copied, as its buffer holds other things
 * (Node's pool, a writer's arena), and posting it would copy or detach all of them.
 */
function movable(bytes: Uint8Array, transfer: ArrayBuffer[]): Uint8Array {
  const { buffer } = bytes;
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength;
  const isFree = buffer instanceof ArrayBuffer && !transfer.includes(buffer);
  const own = isWhole && isFree ? bytes : new Uint8Array(bytes);
  if (own.buffer instanceof ArrayBuffer) transfer.push(own.buffer);
  return own;
}
