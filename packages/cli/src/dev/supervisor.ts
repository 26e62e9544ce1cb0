import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { StreamError } from "@millrace/core";

import { readLogTail, startChild, type ChildSpec } from "./child-process.ts";

/*
 * Keeps processes alive: one that ends is started again at once, with the same command line.
 *
 * I1 After `stop` has begun nothing is started.
 * I2 A process that ends five times in a row within a second of its start is a failure, not a loop
 *    (L6).
 */

const quickExitMs = 1_000;
const maxQuickExits = 5;
const stopGraceMs = 3_000;

export interface SupervisorHandlers {
  onStart(name: string, processId: number, isRestart: boolean): void;
  onExit(name: string, processId: number, how: string): void;
  /** A process cannot be kept alive. */
  onFailure(error: StreamError): void;
}

interface Supervised {
  readonly spec: ChildSpec;
  child: ChildProcess | undefined;
  quickExits: number;
}

export class Supervisor {
  readonly #handlers: SupervisorHandlers;
  readonly #supervised: Supervised[] = [];
  #isStopping = false;

  constructor(handlers: SupervisorHandlers) {
    this.#handlers = handlers;
  }

  add(spec: ChildSpec): void {
    const supervised: Supervised = { spec, child: undefined, quickExits: 0 };
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
    const children = this.#supervised.flatMap(({ child }) => (child === undefined ? [] : [child]));
    const running = children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    const exits = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGTERM");
    const grace = new AbortController();
    const deadline = sleep(stopGraceMs, undefined, { signal: grace.signal }).then(
      () => {
        for (const child of running) child.kill("SIGKILL");
      },
      () => undefined,
    );
    await Promise.all(exits);
    grace.abort();
    await deadline;
  }

  /** Ends all at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { child } of this.#supervised) child?.kill("SIGKILL");
  }

  #start(supervised: Supervised, isRestart: boolean): void {
    const { spec } = supervised;
    const startedAtMs = performance.now();
    const child = startChild(spec);
    supervised.child = child;
    if (child.pid !== undefined) this.#handlers.onStart(spec.name, child.pid, isRestart);
    // A process that is gone cannot be written to; that it is gone comes as its exit.
    child.stdin?.on("error", () => undefined);
    child.once("error", (cause) => this.#fail(spec, cause.message));
    child.once("exit", (code, signal) => {
      if (this.#isStopping) return;
      const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
      this.#handlers.onExit(spec.name, child.pid ?? 0, how);
      const isQuick = code !== null && performance.now() - startedAtMs < quickExitMs;
      supervised.quickExits = isQuick ? supervised.quickExits + 1 : 0;
      if (supervised.quickExits >= maxQuickExits) this.#fail(spec, how);
      else this.#start(supervised, true);
    });
  }

  #fail(spec: ChildSpec, how: string): void {
    const message = `${spec.name} cannot be kept running, it ${how}\n${readLogTail(spec.logFile)}`;
    this.#handlers.onFailure(
      new StreamError("unavailable", message.trimEnd(), { domain: "external", retry: "never" }),
    );
  }
}
