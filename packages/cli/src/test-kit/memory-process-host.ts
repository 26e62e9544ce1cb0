import { assert } from "@millrace/core";

import type {
  ProcessExit,
  ProcessHandlers,
  ProcessHost,
  ProcessSpec,
} from "../dev/process-host.ts";

/** Processes that are only entries of a list; each ends when a test says so. */
export class MemoryProcessHost implements ProcessHost {
  readonly processes: MemoryProcess[] = [];
  /** By the name of the spec. */
  readonly logs: Map<string, string> = new Map();

  start(spec: ProcessSpec, handlers: ProcessHandlers): MemoryProcess {
    const process = new MemoryProcess(spec, this.processes.length + 101, handlers);
    this.processes.push(process);
    return process;
  }

  readLogTail(spec: ProcessSpec): string {
    return this.logs.get(spec.name) ?? "";
  }

  running(): readonly MemoryProcess[] {
    return this.processes.filter((process) => process.isRunning);
  }

  /** Returns the process of that name that was started last. */
  latest(name: string): MemoryProcess {
    const process = this.processes.findLast(({ spec }) => spec.name === name);
    assert(process !== undefined, `no process ${name} was started`);
    return process;
  }
}

export class MemoryProcess {
  readonly spec: ProcessSpec;
  readonly processId: number;
  readonly #handlers: ProcessHandlers;
  isRunning = true;
  /** Whether it ends when it is asked to. */
  isObedient = true;
  wasAsked = false;

  constructor(spec: ProcessSpec, processId: number, handlers: ProcessHandlers) {
    this.spec = spec;
    this.processId = processId;
    this.#handlers = handlers;
  }

  /** Ends as a process does by itself, or by a signal from elsewhere. */
  exit(cause: ProcessExit): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.#handlers.onExit(cause);
  }

  end(): void {
    this.wasAsked = true;
    if (this.isObedient) queueMicrotask(() => this.exit({ kind: "exited", exitCode: 0 }));
  }

  kill(): void {
    queueMicrotask(() => this.exit({ kind: "signalled", signal: "SIGKILL" }));
  }
}
