import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import type { ImageConfig } from "./image.ts";

/*
 * Runs a program in an image's root as Kubernetes would run it in a restricted pod, without a container
 * runtime: mount and process namespaces of its own, the root mounted read-only, /tmp in memory, /data and
 * secrets from folders, the image's user, no capability, and no way to gain one.
 */

const isolator = "unshare";
const startScript = `
set -e
root=$1 data=$2 user=$3 mounts=$4
shift 4
mount --bind "$root" "$root"
printf '%s' "$mounts" | while IFS=: read -r from to; do mkdir -p "$root$to"; done
mount -o remount,bind,ro "$root"
mount -t tmpfs -o size=256m,mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount --bind "$data" "$root/data"
printf '%s' "$mounts" | while IFS=: read -r from to; do mount --bind -o ro "$from" "$root$to"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o size=64k,mode=755 tmpfs "$root/dev"
for device in null urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
`;

export interface ContainerOptions {
  readonly image: { readonly root: string; readonly config: ImageConfig };
  /** Mounted at /data; belongs to the image's user. */
  readonly dataFolder: string;
  readonly program?: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Folders to see, read-only, by the path inside. */
  readonly mounts?: Readonly<Record<string, string>>;
}

export interface ContainerResult {
  readonly exitCode: number | null;
  readonly output: string;
}

/** A program that runs in the image; killed when it is disposed of. */
export class Container implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #onExit = (): void => this.#kill();
  #output = "";

  constructor(options: ContainerOptions) {
    const { image, dataFolder, program, args, environment = {}, mounts = {} } = options;
    const { root, config } = image;
    const mountLines = Object.entries(mounts).map(([inside, path]) => `${path}:${inside}\n`);
    const command = program === undefined ? [...config.entrypoint, ...args] : [program, ...args];
    const isolation = ["--mount", "--pid", "--fork"];
    const script = [
      "sh",
      "-c",
      startScript,
      "sh",
      root,
      dataFolder,
      config.user,
      mountLines.join(""),
    ];
    this.#child = spawn(isolator, [...isolation, ...script, ...command], {
      env: { ...config.environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#closed = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    process.once("exit", this.#onExit);
  }

  /** What it wrote to both streams. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Returns when it has ended by itself. */
  async untilEnd(): Promise<ContainerResult> {
    await this.#closed;
    return { exitCode: this.#child.exitCode, output: this.#output };
  }

  /** Sends the signal to the program, which is process 1 inside. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.#innerProcessId(), signal);
  }

  /** Returns fields of the program's /proc/<id>/status, by name. */
  async readStatus(): Promise<ReadonlyMap<string, string>> {
    const text = await readFile(`/proc/${await this.#innerProcessId()}/status`, "utf8");
    return new Map(
      text.split("\n").map((line) => {
        const [name = "", value = ""] = line.split(/:\s*/, 2);
        return [name, value.replaceAll("\t", " ")] as const;
      }),
    );
  }

  /** Returns the options of the mount at each path that the program sees. */
  async readMounts(): Promise<ReadonlyMap<string, readonly string[]>> {
    const text = await readFile(`/proc/${await this.#innerProcessId()}/mounts`, "utf8");
    return new Map(
      text.split("\n").map((line) => {
        const [, path = "", , options = ""] = line.split(" ");
        return [path, options.split(",")] as const;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.#closed;
    process.off("exit", this.#onExit);
  }

  /** Kills process 1 of the namespace, and all of it with that; `unshare` then ends by itself. */
  #kill(): void {
    if (this.hasEnded) return;
    const [inner] = this.#children();
    // Its death does not reach the child: a process that changes its user forgets that wish.
    if (inner === undefined) this.#child.kill("SIGKILL");
    else process.kill(inner, "SIGKILL");
  }

  #children(): readonly number[] {
    const outer = String(this.#child.pid);
    const text = readFileSync(`/proc/${outer}/task/${outer}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  }

  async #innerProcessId(): Promise<number> {
    const giveUpAtMs = Date.now() + 5_000;
    while (Date.now() < giveUpAtMs && !this.hasEnded) {
      const [inner] = this.#children();
      if (inner !== undefined && (await isInside(inner))) return inner;
      await delay(20);
    }
    throw new Error(`nothing runs in the container:\n${this.#output}`);
  }
}

/** Runs a program in the image to its end. */
export async function runInContainer(options: ContainerOptions): Promise<ContainerResult> {
  await using container = new Container(options);
  return await container.untilEnd();
}

/** Whether the script has handed over to the program. */
async function isInside(processId: number): Promise<boolean> {
  const command = await readFile(`/proc/${processId}/cmdline`, "utf8").catch(() => "");
  const [program = ""] = command.split("\0");
  return command !== "" && !["sh", "setpriv", "chroot", "unshare"].includes(program);
}
