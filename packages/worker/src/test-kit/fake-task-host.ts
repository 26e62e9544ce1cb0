import type { Clock } from "@millrace/core";

import type { SlotCommand, SlotEvent } from "../slot/slot-messages.ts";
import type { SlotHandle, SlotHandlers, SlotProgress, TaskHost } from "../slot/task-host.ts";

/** A slot whose inside the test plays. */
export class FakeSlot implements SlotHandle {
  readonly slotIndex: number;
  readonly dataAddress: string;
  readonly commands: SlotCommand[] = [];
  readonly #handlers: SlotHandlers;
  isTerminated = false;
  turns = 0;
  isBusy = false;
  working: Pick<SlotProgress, "taskIndex"> = {};

  constructor(slotIndex: number, dataAddress: string, handlers: SlotHandlers) {
    this.slotIndex = slotIndex;
    this.dataAddress = dataAddress;
    this.#handlers = handlers;
  }

  post(command: SlotCommand): void {
    this.commands.push(command);
  }

  progress(): SlotProgress {
    return { turns: this.turns, isBusy: this.isBusy, ...this.working };
  }

  memory(): undefined {
    return undefined;
  }

  terminate(): Promise<void> {
    this.isTerminated = true;
    return Promise.resolve();
  }

  emit(event: SlotEvent): void {
    this.#handlers.onEvent(event);
  }

  exit(cause: Error): void {
    this.#handlers.onExit(cause);
  }

  kinds(): readonly string[] {
    return this.commands.map(({ kind }) => kind);
  }
}

/** Slots that listen after 10 ms at `slot-<count of starts>`, unless told not to. */
export class FakeTaskHost implements TaskHost {
  readonly started: FakeSlot[] = [];
  doListen = true;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(slotIndex: number, handlers: SlotHandlers): FakeSlot {
    const dataAddress = `slot-${this.started.length}`;
    const slot = new FakeSlot(slotIndex, dataAddress, handlers);
    this.started.push(slot);
    this.#clock.schedule(10, () => {
      if (this.doListen) slot.emit({ kind: "listening", dataAddress });
    });
    return slot;
  }

  /** The newest of the index. */
  slot(slotIndex = 0): FakeSlot {
    const slot = this.started.findLast((one) => one.slotIndex === slotIndex);
    if (slot === undefined) throw new Error(`slot ${slotIndex} was not started`);
    return slot;
  }
}
