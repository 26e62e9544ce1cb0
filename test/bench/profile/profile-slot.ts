import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { BenchCluster } from "../process/bench-cluster.ts";
import type { BenchmarkContext } from "../report/benchmark.ts";
import { openInspector } from "./find-inspector.ts";
import { profileThreads } from "./profile-threads.ts";

const profileMs = 5_000;

/** Writes a CPU profile of the first worker's slot, of 5 s behind a warm-up. */
export async function profileSlot(
  cluster: BenchCluster,
  { warmUpMs, file }: { readonly warmUpMs: number; readonly file: string },
): Promise<void> {
  await delay(warmUpMs);
  const [processId] = cluster.workerProcessIds();
  if (processId === undefined) throw new Error("the cluster has no worker");
  const url = await openInspector(processId);
  const [profile] = await profileThreads({ url, durationMs: profileMs });
  if (profile === undefined) throw new Error("the worker has no slot thread");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, profile.text);
}

/** Returns such as `p-2-100-000-uniform-words-checkpoints-every-1-s-1.cpuprofile` in the folder. */
export function profileFileOf(
  { profileFolder }: BenchmarkContext,
  name: string,
  run: number,
): string | undefined {
  if (profileFolder === undefined) return undefined;
  return join(profileFolder, `${name.replaceAll(/\W+/g, "-")}-${run}.cpuprofile`);
}
