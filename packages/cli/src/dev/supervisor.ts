import { assertNever, StreamError, type Clock } from "@millrace/core";

import type { ProcessExit, ProcessHandle, ProcessHost, ProcessSpec } from "./process-host.ts";

/*
 * Keeps processes alive: one that ends is started again at once, with the same command line.
 *
 * I1 After `stop` has begun nothing is started.
 * I2 A process that ends five times in a row within a second of its start is a failure, not a loop
 *    (L6). One that was killed did not end by itself and does not count.
 */

const quickExitMs = 1_000;
const maxQuickExits = 5;
const stopGraceMs = 3_000;

export interface SupervisorPorts {
  readonly clock: Clock;
  readonly host: ProcessHost;
}

export interface SupervisorHandlers {
  onStart(name: string, processId: number, isRestart: boolean): void;
  onExit(name: string, processId: number, how: string): void;
  /** A process cannot be kept alive. */
  onFailure(error: StreamError): void;
}

interface Supervised {
  readonly spec: ProcessSpec;
  /** Absent once it is gone. */
  running: ProcessHandle | undefined;
  quickExits: number;
}

export class Supervisor {
  readonly #ports: SupervisorPorts;
  readonly #handlers: SupervisorHandlers;
  readonly #supervised: Supervised[] = [];
  #isStopping = false;
  #onAllGone: (() => void)[] = [];

  constructor(ports: SupervisorPorts, handlers: SupervisorHandlers) {
    this.#ports = ports;
    this.#handlers = handlers;
  }

  add(spec: ProcessSpec): void {
    const supervised: Supervised = { spec, running: undefined, quickExits: 0 };
    this.#supervised.push(supervised);
    this.#start(supervised, false);
  }

  /** Says that what ends from now on is meant to. */
  expectEnd(): void {
    this.#isStopping = true;
  }

  /** Asks all to end, and ends those that have not after a while. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const running = this.#running();
    if (running.length === 0) return;
    const allGone = new Promise<void>((resolve) => this.#onAllGone.push(resolve));
    for (const child of running) child.end();
    using _grace = this.#ports.clock.schedule(stopGraceMs, () => this.kill());
    await allGone;
  }

  /** Ends all at once. */
  kill(): void {
    this.#isStopping = true;
    for (const child of this.#running()) child.kill();
  }

  #running(): readonly ProcessHandle[] {
    return this.#supervised.flatMap(({ running }) => (running === undefined ? [] : [running]));
  }

  #start(supervised: Supervised, isRestart: boolean): void {
    const { spec } = supervised;
    const { clock, host } = this.#ports;
    const startedAtMs = clock.monotonicMs();
    const child = host.start(spec, {
      onExit: (cause) => {
        supervised.running = undefined;
        if (!this.#isStopping) this.#onExit(supervised, cause, { child, startedAtMs });
        else if (this.#running().length === 0) for (const tell of this.#onAllGone.splice(0)) tell();
      },
    });
    supervised.running = child;
    if (child.processId !== undefined) {
      this.#handlers.onStart(spec.name, child.processId, isRestart);
    }
  }

  #onExit(
    supervised: Supervised,
    cause: ProcessExit,
    { child, startedAtMs }: { readonly child: ProcessHandle; readonly startedAtMs: number },
  ): void {
    const { spec } = supervised;
    const how = describeExit(cause);
    if (cause.kind === "not-started") return this.#fail(spec, how);
    this.#handlers.onExit(spec.name, child.processId ?? 0, how);
    const lifeMs = this.#ports.clock.monotonicMs() - startedAtMs;
    const isQuick = cause.kind === "exited" && lifeMs < quickExitMs;
    supervised.quickExits = isQuick ? supervised.quickExits + 1 : 0;
    if (supervised.quickExits >= maxQuickExits) this.#fail(spec, how);
    else this.#start(supervised, true);
  }

  #fail(spec: ProcessSpec, how: string): void {
    const tail = this.#ports.host.readLogTail(spec);
    const message = `${spec.name} cannot be kept running, it ${how}\n${tail}`;
    this.#handlers.onFailure(
      new StreamError("unavailable", message.trimEnd(), { domain: "external", retry: "never" }),
    );
  }
}

function describeExit(cause: ProcessExit): string {
  switch (cause.kind) {
    case "exited":
      return `ended with exit code ${cause.exitCode}`;
    case "signalled":
      return `was ended by ${cause.signal}`;
    case "not-started":
      return `could not be started: ${cause.reason}`;
    default:
      return assertNever(cause);
  }
}
