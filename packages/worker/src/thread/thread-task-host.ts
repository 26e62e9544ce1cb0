import { rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { Worker } from "node:worker_threads";

import {
  fromFailureData,
  type LogLevel,
  type OwnedTlsMaterial,
  type StreamHint,
} from "@millrace/core";

import type {
  SlotHandle,
  SlotHandlers,
  SlotMemory,
  SlotProgress,
  TaskHost,
} from "../slot/task-host.ts";
import { memoryFullError } from "./memory-watch.ts";
import { slotEnvironment } from "./slot-environment.ts";
import {
  progressBytes,
  progressCells,
  type SlotThreadData,
  type SlotThreadMessage,
  type TlsRenewal,
} from "./thread-protocol.ts";
import { toPostedCommand } from "./transfer.ts";

export interface ThreadTaskHostOptions {
  readonly workerId: string;
  /** Where slots listen for records. */
  readonly hint: StreamHint;
  readonly logLevel: LogLevel;
  /** Returns what data sockets over TCP show now; asked for each new slot. Absent: plain text. */
  readonly readTls?: () => OwnedTlsMaterial;
  /** Names of this process's variables that the author's functions see, besides the usual ones. */
  readonly passedVariables?: readonly string[];
  /** What each slot may hold, heap and buffers, in MiB; absent: Node's limit of the heap. */
  readonly memoryMb?: number;
  /** What the windows of its inputs may be together, in MiB; absent: 64. */
  readonly networkMb?: number;
  /** Records within a slot go through the codec too; absent: true. */
  readonly encodeLocal?: boolean;
}

// The thread's file has our own extension: `.ts` from source, where Node strips types, `.js` from dist.
const entry = new URL(`./slot-thread${import.meta.url.slice(-3)}`, import.meta.url);

/** Returns a host that runs each slot in a thread of its own. */
export function createThreadTaskHost(options: ThreadTaskHostOptions): TaskHost {
  return { start: (slotIndex, handlers) => new SlotThread(options, slotIndex, handlers) };
}

/**
 * One slot thread, from outside.
 *
 * I1 After `terminate` nothing is called; an end that nobody asked for is told once, with the
 *    thread's own failure if it had the time to say one.
 * I2 What a thread leaves behind that only it knew of (its unix socket) is removed when it has ended.
 */
class SlotThread implements SlotHandle {
  readonly #thread: Worker;
  readonly #progress: Int32Array;
  readonly #handlers: SlotHandlers;
  readonly #memoryMb: number | undefined;
  readonly #readTls: (() => OwnedTlsMaterial) | undefined;
  #tls: OwnedTlsMaterial | undefined;
  #dataAddress = "";
  #cause: Error | undefined;
  #isTerminated = false;

  constructor(options: ThreadTaskHostOptions, slotIndex: number, handlers: SlotHandlers) {
    const { memoryMb, networkMb, encodeLocal = true, workerId, hint, logLevel, readTls } = options;
    const progress = new SharedArrayBuffer(progressBytes);
    const memory = {
      ...(memoryMb === undefined ? {} : { memoryMb }),
      ...(networkMb === undefined ? {} : { networkMb }),
    };
    // Through the start data and no variable: a process's variables are read by too many.
    this.#readTls = readTls;
    this.#tls = readTls?.();
    const tls = this.#tls === undefined ? {} : { tls: this.#tls };
    const data: SlotThreadData = {
      workerId,
      slotIndex,
      hint,
      logLevel,
      encodeLocal,
      progress,
      ...memory,
      ...tls,
    };
    this.#handlers = handlers;
    this.#memoryMb = memoryMb;
    this.#progress = new Int32Array(progress);
    this.#thread = new Worker(entry, {
      workerData: data,
      name: `slot-${slotIndex}`,
      env: { ...slotEnvironment(process.env, options.passedVariables ?? []) },
      ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
    });
    this.#thread.on("message", (message: SlotThreadMessage) => this.#onMessage(message));
    this.#thread.on("error", (error) => {
      this.#cause ??= isOutOfMemory(error)
        ? memoryFullError(undefined, this.#memoryMb)
        : toError(error);
    });
    this.#thread.on("exit", (code) => this.#onExit(code));
  }

  post(command: Parameters<SlotHandle["post"]>[0]): void {
    if (this.#isTerminated) return;
    this.#renewTls();
    const { message, transfer } = toPostedCommand(command);
    this.#thread.postMessage(message, transfer);
  }

  progress(): SlotProgress {
    const taskIndex = Atomics.load(this.#progress, progressCells.taskIndex);
    return {
      ...(taskIndex < 0 ? {} : { taskIndex }),
      turns: Atomics.load(this.#progress, progressCells.turns),
      isBusy: Atomics.load(this.#progress, progressCells.isBusy) === 1,
    };
  }

  memory(): SlotMemory {
    return {
      heapBytes: 1024 * Atomics.load(this.#progress, progressCells.heapKib),
      bufferBytes: 1024 * Atomics.load(this.#progress, progressCells.bufferKib),
      inputBytes: 1024 * Atomics.load(this.#progress, progressCells.inputKib),
    };
  }

  async terminate(): Promise<void> {
    this.#isTerminated = true;
    await this.#thread.terminate();
    removeSocketFolder(this.#dataAddress);
  }

  /** A slot may wait for its job longer than its first certificate is valid. */
  #renewTls(): void {
    const latest = this.#readTls?.();
    if (latest === undefined || latest === this.#tls) return;
    this.#tls = latest;
    this.#thread.postMessage({ kind: "renew-tls", tls: latest } satisfies TlsRenewal);
  }

  #onMessage(message: SlotThreadMessage): void {
    if (this.#isTerminated) return;
    if (message.kind === "fatal") {
      this.#cause ??= fromFailureData(message.failure);
      return;
    }
    if (message.event.kind === "listening") this.#dataAddress = message.event.dataAddress;
    this.#handlers.onEvent(message.event);
  }

  #onExit(code: number): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    removeSocketFolder(this.#dataAddress);
    this.#handlers.onExit(this.#cause ?? new Error(`its thread ended with code ${code}`));
  }
}

function isOutOfMemory(error: unknown): boolean {
  const hasCode = typeof error === "object" && error !== null && "code" in error;
  return hasCode && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** A thread that is terminated has no time to remove the folder of its socket. */
function removeSocketFolder(dataAddress: string): void {
  if (!dataAddress.startsWith("unix:")) return;
  const folder = dirname(dataAddress.slice("unix:".length));
  if (basename(folder).startsWith("millrace-")) rmSync(folder, { recursive: true, force: true });
}
