import type { SlotCommand, SlotEvent, SlotPort, TaskHost } from "@millrace/worker";

import { SimProcess } from "./sim-process.ts";

/** Runs the body of a slot in its own simulated process. */
export type RunSimSlot = (port: SlotPort, process: SimProcess) => Promise<void>;

/** A message between threads takes this long. */
const threadLatencyMs = 0.02;

/**
 * Slots inline: each is a child of the worker's process, so that it dies and pauses with it; what
 * crosses is cloned, and buffers are detached as a thread boundary would.
 */
export function createSimTaskHost(worker: SimProcess, runSlot: RunSimSlot): TaskHost {
  let startedCount = 0;
  return {
    start(slotIndex, handlers) {
      startedCount += 1;
      const name = `${worker.name}#slot-${slotIndex}.${startedCount}`;
      const process = new SimProcess(name, worker.scheduler, worker);
      const progress = { turns: 0, isBusy: false };
      let onCommand: ((command: SlotCommand) => void) | undefined;
      const early: SlotCommand[] = [];
      let isTerminated = false;
      const port: SlotPort = {
        send: (event) => {
          if (!process.isAlive()) return;
          const copy: SlotEvent = structuredClone(event);
          worker.post(threadLatencyMs, "slot event", () => {
            if (!isTerminated) handlers.onEvent(copy);
          });
        },
        setHandler: (handler) => {
          onCommand = handler;
          for (const command of early.splice(0)) handler(command);
        },
        markTurn: (isBusy) => {
          progress.isBusy = isBusy;
          progress.turns += 1;
        },
      };
      process.post(threadLatencyMs, "start", () => {
        runSlot(port, process).catch((error: unknown) => {
          worker.post(0, "slot exit", () => {
            process.kill();
            handlers.onExit(error instanceof Error ? error : new Error(String(error)));
          });
        });
      });
      return {
        post: (command) => {
          const copy: SlotCommand = structuredClone(command);
          process.post(threadLatencyMs, "slot command", () => {
            if (onCommand === undefined) early.push(copy);
            else onCommand(copy);
          });
        },
        progress: () => ({ ...progress }),
        terminate: () => {
          isTerminated = true;
          process.kill();
          return Promise.resolve();
        },
      };
    },
  };
}
