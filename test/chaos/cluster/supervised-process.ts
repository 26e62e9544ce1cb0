/**
 * A process of the built CLI that is started again whenever it ends, after a delay, as Kubernetes
 * would. Faults are signals to it.
 *
 * I1 At most one incarnation lives; a paused one counts as living.
 * I2 After `end` nothing is started, and nothing of it lives when `end` has returned.
 * I3 The processes watch their standard input: they end when this process is gone, however it went.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { repository } from "../../e2e/real-cluster.ts";
import { parseLogLine, type LogEntry } from "./log-entry.ts";

const main = `${repository}/packages/cli/dist/main.js`;

export interface ProcessExit {
  readonly process: string;
  readonly atMs: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Nobody here sent it SIGKILL. */
  readonly isOwnEnd: boolean;
}

export interface SupervisedOptions {
  readonly name: string;
  /** Arguments of `millrace`. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly onEntry: (entry: LogEntry) => void;
  readonly onExit: (exit: ProcessExit) => void;
  /** Returns how long an incarnation that ended stays away. */
  readonly restartDelayMs: () => number;
}

export class SupervisedProcess {
  readonly name: string;
  readonly #options: SupervisedOptions;
  #child: ChildProcessWithoutNullStreams | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isKilled = false;
  #isPaused = false;
  #hasEnded = false;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
    this.#start();
  }

  processId(): number | undefined {
    return this.#child?.pid;
  }

  /** It lives and is not paused. */
  isUp(): boolean {
    return this.#child !== undefined && !this.#isPaused;
  }

  /** kill -9; returns when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, "exit");
    this.#isKilled = true;
    child.kill("SIGKILL");
    await gone;
  }

  pause(): void {
    this.#isPaused = true;
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#isPaused = false;
    this.#child?.kill("SIGCONT");
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    clearTimeout(this.#restart);
    await this.kill();
  }

  #start(): void {
    if (this.#hasEnded) return;
    const { args, environment } = this.#options;
    this.#isKilled = false;
    this.#isPaused = false;
    const child = spawn(process.execPath, [main, ...args, "--supervised", "-o", "json"], {
      cwd: repository,
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    this.#read(child.stdout);
    this.#read(child.stderr);
    // Its standard input is only there to end.
    child.stdin.on("error", () => undefined);
    child.once("exit", (code, signal) => this.#onExit(code, signal));
  }

  #read(stream: Readable): void {
    const { name, onEntry } = this.#options;
    createInterface({ input: stream }).on("line", (line) => {
      onEntry(parseLogLine(name, line, Date.now()));
    });
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const { name, onExit, restartDelayMs } = this.#options;
    this.#child = undefined;
    onExit({ process: name, atMs: Date.now(), code, signal, isOwnEnd: !this.#isKilled });
    if (this.#hasEnded) return;
    this.#restart = setTimeout(() => this.#start(), restartDelayMs());
  }
}
