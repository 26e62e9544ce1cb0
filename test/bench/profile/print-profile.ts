/*
 * `pnpm bench:profile`: the functions of CPU profiles by the time that they themselves ran.
 *
 *     pnpm bench:profile FILE ... [--top 30]                    of files
 *     pnpm bench:profile --process PID [--seconds 10] [--out FOLDER]   of the slots of a worker that runs
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { openInspector } from "./find-inspector.ts";
import { profileThreads } from "./profile-threads.ts";
import { selfTimes } from "./self-times.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    top: { type: "string", default: "30" },
    process: { type: "string" },
    seconds: { type: "string", default: "10" },
    out: { type: "string", default: "." },
  },
});

function print(name: string, text: string): void {
  const times = selfTimes(text);
  const working = times.filter(({ where }) => where !== "(idle)");
  const busyMs = working.reduce((sum, { selfMs }) => sum + selfMs, 0);
  const allMs = times.reduce((sum, { selfMs }) => sum + selfMs, 0);
  process.stdout.write(`${name}: busy ${Math.round(busyMs)} of ${Math.round(allMs)} ms\n`);
  for (const { where, selfMs } of working.slice(0, Number(values.top))) {
    const share = ((100 * selfMs) / busyMs).toFixed(1).padStart(5);
    process.stdout.write(`${share} %  ${Math.round(selfMs).toString().padStart(6)} ms  ${where}\n`);
  }
}

async function profileProcess(processId: number): Promise<void> {
  const url = await openInspector(processId);
  const durationMs = Number(values.seconds) * 1_000;
  await mkdir(values.out, { recursive: true });
  for (const { thread, text } of await profileThreads({ url, durationMs })) {
    const [slot = "thread"] = /[\w-]+$/.exec(thread) ?? [];
    const file = join(values.out, `${processId}-${slot}.cpuprofile`);
    await writeFile(file, text);
    print(file, text);
  }
}

if (values.process !== undefined) await profileProcess(Number(values.process));
for (const file of positionals) print(basename(file), await readFile(file, "utf8"));
