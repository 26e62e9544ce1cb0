import { readFile } from "node:fs/promises";

/** Resident memory in bytes. */
export interface Memory {
  readonly residentBytes: number;
  /** The most it ever was. */
  readonly peakBytes: number;
}

/** Returns the memory of processes, summed; pages that they share count for each of them. */
export async function readMemory(processIds: readonly number[]): Promise<Memory> {
  const statuses = await Promise.all(
    processIds.map((processId) => readFile(`/proc/${processId}/status`, "utf8")),
  );
  const sum = (name: string): number =>
    statuses.reduce((bytes, status) => bytes + readKilobytes(status, name) * 1_024, 0);
  return { residentBytes: sum("VmRSS"), peakBytes: sum("VmHWM") };
}

function readKilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
}
