import {
  assertNever,
  backoffMs,
  StreamError,
  type Clock,
  type Logger,
  type Random,
  type SubtaskId,
} from "@millrace/core";
import type { SlotOffer } from "@millrace/rpc";

import type { SlotCommand, SlotEvent } from "../slot/slot-messages.ts";
import type { SlotHandle, SlotMemory, TaskHost } from "../slot/task-host.ts";
import type { WorkerConfig } from "../worker-config.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import { HangDetector } from "./hang-detector.ts";

/** What the holder of a slot hears of it; nothing after `release`, or after `onFailed`. */
export interface LeaseHandlers {
  /** What the slot works on, in words, for the message of a failure. */
  readonly work: string;
  /** Its subtasks in the order of the preparation. */
  readonly subtasks: readonly SubtaskId[];
  onEvent(event: SlotEvent): void;
  /** The slot is gone or hangs; it is released. */
  onFailed(error: StreamError): void;
}

export interface SlotLease {
  readonly slotIndex: number;
  post(command: SlotCommand): void;
  /** Ends the used slot and starts a fresh one. Idempotent. */
  release(): void;
}

export interface SlotPoolOptions {
  readonly taskHost: TaskHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: WorkerConfig;
  readonly counters: WorkerCounters;
  /** A fresh slot listens. */
  readonly onReady: (offer: SlotOffer) => void;
  /** A slot does not end although it was told to: only the end of the process frees it. */
  readonly onStuck: (error: StreamError) => void;
}

type SlotState =
  | { readonly kind: "starting"; readonly handle: SlotHandle; readonly timer: Disposable }
  | { readonly kind: "ready"; readonly handle: SlotHandle; readonly dataAddress: string }
  | {
      readonly kind: "leased";
      readonly handle: SlotHandle;
      readonly handlers: LeaseHandlers;
      readonly hang: HangDetector;
    }
  | { readonly kind: "ending"; readonly ended: Promise<void> }
  | { readonly kind: "waiting"; readonly timer: Disposable }
  | { readonly kind: "closed" };

interface Slot {
  readonly slotIndex: number;
  state: SlotState;
  /** Starts in a row that did not get as far as listening. */
  failedStarts: number;
}

/** How a slot is ended: at once, or when it has let go. */
interface Ending {
  readonly handle: SlotHandle;
  readonly hasLetGo?: Promise<void>;
}

const terminateTimeoutMs = 10_000;

/**
 * The worker's slots, each with a thread that has never run user code, or leased to an attempt.
 *
 * | from     | event                     | to                |
 * |----------|---------------------------|-------------------|
 * | starting | listening                 | ready             |
 * | starting | exit, no answer           | waiting           |
 * | ready    | claim                     | leased            |
 * | ready    | exit                      | waiting           |
 * | leased   | release, exit, hang       | ending            |
 * | ending   | the slot has ended        | starting          |
 * | waiting  | the wait is over          | starting          |
 * | any      | close                     | closed            |
 *
 * I1 A slot serves one attempt and is then ended: an attempt begins in a fresh one.
 * I2 What a slot says after it was ended is not heard.
 * I3 A slot whose functions hold something outside lets go of it before it is ended, unless it hangs;
 *    it has `letGoTimeoutMs` for that.
 * I4 A slot that is busy and stands still over `hungTaskTimeoutMs` of checks is ended (F23).
 */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #slots: readonly Slot[];
  /** Those whose functions hold something outside. */
  readonly #holding = new Set<SlotHandle>();
  /** What ends the wait for a slot that lets go. */
  readonly #lettingGo = new Map<SlotHandle, () => void>();
  #watchdog: Disposable | undefined;
  #isClosed = false;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.config.slotCount }, (_, slotIndex) => ({
      slotIndex,
      state: { kind: "closed" },
      failedStarts: 0,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#startSlot(slot);
    if (this.#options.config.isHungTaskCheckOn) this.#scheduleWatchdog();
  }

  /** Returns the slots that can take work. */
  ready(): readonly SlotOffer[] {
    return this.#slots.flatMap(({ slotIndex, state }) =>
      state.kind === "ready" ? [{ slotIndex, dataAddress: state.dataAddress }] : [],
    );
  }

  inUse(): number {
    return this.#slots.filter(({ state }) => state.kind === "leased").length;
  }

  /** Returns what each slot with a thread holds, as far as its host knows. */
  memory(): readonly (SlotMemory & { readonly slotIndex: number })[] {
    return this.#slots.flatMap(({ slotIndex, state }) => {
      const memory = "handle" in state ? state.handle.memory() : undefined;
      return memory === undefined ? [] : [{ slotIndex, ...memory }];
    });
  }

  /** Returns the slot, if it is ready at that address. */
  claim(offer: SlotOffer, handlers: LeaseHandlers): SlotLease | undefined {
    const slot = this.#slots[offer.slotIndex];
    if (slot?.state.kind !== "ready" || slot.state.dataAddress !== offer.dataAddress) {
      return undefined;
    }
    const { handle } = slot.state;
    const hang = new HangDetector(this.#options.config);
    const leased: SlotState = { kind: "leased", handle, handlers, hang };
    slot.state = leased;
    return {
      slotIndex: slot.slotIndex,
      post: (command) => {
        if (slot.state === leased) handle.post(command);
      },
      release: () => {
        if (slot.state === leased) this.#endSlot(slot, this.#letGo(handle));
      },
    };
  }

  /** Ends every slot; returns when they have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watchdog?.[Symbol.dispose]();
    await Promise.all(this.#slots.map((slot) => this.#closeSlot(slot)));
  }

  #startSlot(slot: Slot): void {
    const { taskHost, clock, config, counters } = this.#options;
    counters.slotsStarted += 1;
    let handle: SlotHandle | undefined;
    // Identity of this start: a callback of an earlier one finds another handle in the state (I2).
    const isCurrent = (): boolean => "handle" in slot.state && slot.state.handle === handle;
    const started = taskHost.start(slot.slotIndex, {
      onEvent: (event) => {
        if (event.kind === "holds-outside") this.#holding.add(started);
        else if (event.kind === "let-go") this.#lettingGo.get(started)?.();
        else if (isCurrent()) this.#onEvent(slot, event);
      },
      onExit: (cause) => {
        this.#holding.delete(started);
        this.#lettingGo.get(started)?.();
        if (isCurrent()) this.#onExit(slot, cause);
      },
    });
    handle = started;
    const timer = clock.schedule(config.slotStartTimeoutMs, () => {
      if (!isCurrent()) return;
      this.#onExit(slot, new Error(`did not listen within ${config.slotStartTimeoutMs} ms`));
      void this.#terminate(slot.slotIndex, started); // Never rejects; nothing waits for it.
    });
    slot.state = { kind: "starting", handle: started, timer };
  }

  #onEvent(slot: Slot, event: SlotEvent): void {
    const { state } = slot;
    if (state.kind === "starting" && event.kind === "listening") {
      state.timer[Symbol.dispose]();
      slot.failedStarts = 0;
      slot.state = { kind: "ready", handle: state.handle, dataAddress: event.dataAddress };
      this.#options.onReady({ slotIndex: slot.slotIndex, dataAddress: event.dataAddress });
    } else if (state.kind === "leased") {
      state.handlers.onEvent(event);
    }
  }

  #onExit(slot: Slot, cause: Error): void {
    const { counters, logger } = this.#options;
    const { state, slotIndex } = slot;
    counters.slotsExited += 1;
    logger.log("warn", "slot ended by itself", { slotIndex, cause: cause.message });
    if (state.kind === "leased") {
      this.#startSlot(slot);
      state.handlers.onFailed(exitError(slotIndex, state.handlers.work, cause));
      return;
    }
    if (state.kind === "starting") state.timer[Symbol.dispose]();
    this.#waitToStart(slot);
  }

  #waitToStart(slot: Slot): void {
    const { clock, random, config } = this.#options;
    slot.failedStarts += 1;
    const delayMs = backoffMs(config.reconnect, slot.failedStarts, random);
    slot.state = { kind: "waiting", timer: clock.schedule(delayMs, () => this.#startSlot(slot)) };
  }

  /** Ends the slot, once it has let go, and starts a fresh one. */
  #endSlot(slot: Slot, end: Ending): void {
    const ended = this.#endInOrder(slot.slotIndex, end).then(() => {
      if (!this.#isClosed) this.#startSlot(slot);
    });
    slot.state = { kind: "ending", ended };
  }

  async #endInOrder(slotIndex: number, { handle, hasLetGo }: Ending): Promise<void> {
    if (hasLetGo !== undefined) await hasLetGo;
    await this.#terminate(slotIndex, handle);
  }

  /** Tells the slot to let go, if it holds anything; the promise is kept when it has, or the time is over. */
  #letGo(handle: SlotHandle): Ending {
    if (!this.#holding.delete(handle)) return { handle };
    const { clock, config, logger } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.schedule(config.letGoTimeoutMs, () => {
      logger.log("warn", "a slot is ended before its functions have closed", {
        timeoutMs: config.letGoTimeoutMs,
      });
      this.#lettingGo.get(handle)?.();
    });
    this.#lettingGo.set(handle, () => {
      timer[Symbol.dispose]();
      this.#lettingGo.delete(handle);
      resolve();
    });
    handle.post({ kind: "let-go" });
    return { handle, hasLetGo: promise };
  }

  async #terminate(slotIndex: number, handle: SlotHandle): Promise<void> {
    const { clock, logger, onStuck } = this.#options;
    const timer = clock.schedule(terminateTimeoutMs, () => {
      onStuck(
        new StreamError(
          "task-hung",
          `slot ${slotIndex} did not end within ${terminateTimeoutMs} ms: it is inside a native call, so its process has to end`,
          { domain: "user", retry: "never" },
        ),
      );
    });
    try {
      await handle.terminate();
    } catch (caught) {
      const cause = caught instanceof Error ? caught.message : String(caught);
      logger.log("warn", "slot did not end cleanly", { slotIndex, cause });
    } finally {
      timer[Symbol.dispose]();
    }
  }

  #scheduleWatchdog(): void {
    const { clock, config } = this.#options;
    this.#watchdog = clock.schedule(config.hungTaskCheckMs, () => {
      for (const slot of this.#slots) this.#checkProgress(slot);
      this.#scheduleWatchdog();
    });
  }

  #checkProgress(slot: Slot): void {
    const { state, slotIndex } = slot;
    if (state.kind !== "leased") return;
    const progress = state.handle.progress();
    if (!state.hang.observe(progress)) return;
    const { config, counters, logger } = this.#options;
    counters.slotsHung += 1;
    const { work, subtasks } = state.handlers;
    const subtask = subtasks[progress.taskIndex ?? -1];
    const inTask = subtask === undefined ? "" : ` in subtask ${subtask}`;
    const timeoutMs = config.hungTaskTimeoutMs;
    logger.log("error", "slot hangs", { slotIndex, work, subtask, timeoutMs });
    this.#holding.delete(state.handle);
    this.#endSlot(slot, { handle: state.handle });
    state.handlers.onFailed(
      new StreamError(
        "task-hung",
        `slot ${slotIndex} made no progress for ${timeoutMs} ms${inTask}, with ${work}: a function of the job blocks its thread; look for an endless loop or a long synchronous call`,
        {
          domain: "user",
          retry: "never",
          ...(subtask === undefined ? {} : { location: { subtask } }),
        },
      ),
    );
  }

  async #closeSlot(slot: Slot): Promise<void> {
    const { state } = slot;
    slot.state = { kind: "closed" };
    switch (state.kind) {
      case "waiting":
        state.timer[Symbol.dispose]();
        return;
      case "ending":
        await state.ended;
        return;
      case "starting":
        state.timer[Symbol.dispose]();
        await this.#terminate(slot.slotIndex, state.handle);
        return;
      case "ready":
      case "leased":
        await this.#endInOrder(slot.slotIndex, this.#letGo(state.handle));
        return;
      case "closed":
        return;
      default:
        assertNever(state);
    }
  }
}

/** A slot that ended with an error of the author's keeps it; anything else is our loss. */
function exitError(slotIndex: number, work: string, cause: Error): StreamError {
  if (cause instanceof StreamError) return cause;
  return new StreamError(
    "internal",
    `slot ${slotIndex} ended by itself with ${work}: ${cause.message}`,
    { domain: "internal", retry: "never", cause },
  );
}
