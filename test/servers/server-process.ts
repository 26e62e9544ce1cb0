import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const readyTimeoutMs = 30_000;
const keptOutput = 20_000;

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it answers yet. */
  readonly isReady: () => Promise<boolean>;
}

/** A server as a process of its own, which a test may kill, pause and start again. */
export class ServerProcess implements AsyncDisposable {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #output = "";
  /** A server outlives no test run that ends, however it does. */
  readonly #onExit = (): void => void this.#child?.kill("SIGKILL");

  constructor(command: ServerCommand) {
    this.#command = command;
    process.setMaxListeners(100);
    process.once("exit", this.#onExit);
  }

  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and returns when it answers. */
  async start(): Promise<void> {
    await this.launch();
    await this.untilReady();
  }

  /** Starts it and does not wait: a member of a cluster answers only when others do. */
  launch(): Promise<void> {
    const { program, args, environment } = this.#command;
    const child = spawn(program, [...args], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-keptOutput);
      });
    }
    return Promise.resolve();
  }

  async untilReady(): Promise<void> {
    const giveUpAtMs = Date.now() + readyTimeoutMs;
    while (Date.now() < giveUpAtMs) {
      if (this.#child?.exitCode !== null && this.#child?.exitCode !== undefined) break;
      if (await this.#command.isReady().catch(() => false)) return;
      await delay(30);
    }
    throw new Error(`${this.#command.program} did not become ready:\n${this.#output}`);
  }

  /** kill -9; returns when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off("exit", this.#onExit);
  }
}

/** Returns ports of 127.0.0.1 that are free now. */
export async function findPorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  for (const server of servers) server.close();
  return ports;
}
