import type { AttemptRef } from "@millrace/core";
import type { SlotCommand, SlotEvent, SlotHandlers, SlotPort, TaskHost } from "@millrace/worker";

import { SimProcess } from "./sim-process.ts";

export interface SimSlotHooks {
  /** Runs the body of a slot in its own simulated process. */
  readonly runSlot: (port: SlotPort, process: SimProcess) => Promise<void>;
  /** `ref` is what the slot is, or is being, prepared for. */
  readonly onCommand: (command: SlotCommand, ref: AttemptRef | undefined) => void;
}

export interface SimTaskHost extends TaskHost {
  /** Ends the slot that was started last, without having been asked to. */
  crash(): void;
}

/** A message between threads takes this long. */
const threadLatencyMs = 0.02;

/**
 * Slots inline: each is a child of the worker's process, so that it dies and pauses with it; what
 * crosses is cloned, as at a thread boundary.
 */
export function createSimTaskHost(worker: SimProcess, hooks: SimSlotHooks): SimTaskHost {
  let startedCount = 0;
  let lastStarted: SimSlot | undefined;
  return {
    start(slotIndex, handlers) {
      startedCount += 1;
      const name = `${worker.name}#slot-${slotIndex}.${startedCount}`;
      lastStarted = new SimSlot(new SimProcess(name, worker.scheduler, worker), worker, handlers);
      lastStarted.run(hooks);
      const slot = lastStarted;
      let ref: AttemptRef | undefined;
      return {
        post: (command) => {
          if (command.kind === "prepare") ref = command.preparation.ref;
          hooks.onCommand(command, ref);
          slot.take(structuredClone(command));
        },
        progress: () => ({ ...slot.progress }),
        memory: () => undefined,
        terminate: () => {
          slot.terminate();
          return Promise.resolve();
        },
      };
    },
    crash: () => lastStarted?.crash(new Error("the slot's thread ended (simulated)")),
  };
}

class SimSlot {
  readonly progress = { turns: 0, isBusy: false };
  readonly #process: SimProcess;
  readonly #worker: SimProcess;
  readonly #handlers: SlotHandlers;
  #onCommand: ((command: SlotCommand) => void) | undefined;
  #early: SlotCommand[] = [];
  #isTerminated = false;

  constructor(process: SimProcess, worker: SimProcess, handlers: SlotHandlers) {
    this.#process = process;
    this.#worker = worker;
    this.#handlers = handlers;
  }

  run({ runSlot }: SimSlotHooks): void {
    const port: SlotPort = {
      send: (event) => this.#send(structuredClone(event)),
      setHandler: (onCommand) => {
        this.#onCommand = onCommand;
        for (const command of this.#early.splice(0)) onCommand(command);
      },
      markTurn: (isBusy) => {
        this.progress.isBusy = isBusy;
        this.progress.turns += 1;
      },
      markTask: () => {},
    };
    this.#process.post(threadLatencyMs, "start", () => {
      runSlot(port, this.#process).catch((error: unknown) => {
        this.crash(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  take(command: SlotCommand): void {
    this.#process.post(threadLatencyMs, "slot command", () => {
      if (this.#onCommand === undefined) this.#early.push(command);
      else this.#onCommand(command);
    });
  }

  terminate(): void {
    this.#isTerminated = true;
    this.#process.kill();
  }

  crash(cause: Error): void {
    if (!this.#process.isAlive()) return;
    this.#process.kill();
    this.#worker.post(0, "slot exit", () => {
      if (!this.#isTerminated) this.#handlers.onExit(cause);
    });
  }

  #send(event: SlotEvent): void {
    if (!this.#process.isAlive()) return;
    this.#worker.post(threadLatencyMs, "slot event", () => {
      if (!this.#isTerminated) this.#handlers.onEvent(event);
    });
  }
}
