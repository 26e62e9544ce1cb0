/** Less than this holds hardly more than the job's own code. */
export const minSlotMemoryMb = 64;
/** For the main thread: sessions, uploads, compression; and what V8 needs beside each heap. */
const processMb = 200;
const usablePart = 0.8;
/** Where nothing limits the process, others use the machine too: what Node gives a heap by itself. */
const mostOfMachinePart = 0.25;
const mostUnlimitedMb = 4096;

/** Of what a slot may hold, for records on their way to it. */
const networkPart = 1 / 8;
export const minNetworkMemoryMb = 8;
const mostNetworkMb = 128;

/** Returns what a slot's inputs may hold by default, in MiB: an eighth of the slot's memory, from 8 to 128. */
export function decideNetworkMemoryMb(slotMemoryMb: number): number {
  return Math.max(
    minNetworkMemoryMb,
    Math.min(mostNetworkMb, Math.floor(slotMemoryMb * networkPart)),
  );
}

export interface MemoryFacts {
  readonly slotCount: number;
  readonly machineBytes: number;
  /** What the container allows, as `process.constrainedMemory` tells: 0 or beyond the machine for no limit. */
  readonly allowedBytes: number;
}

/**
 * Returns what a slot may hold by default, in MiB: in a container its part of 80 % of the limit, less
 * 200 MiB for the rest of the process; elsewhere a quarter of the machine's memory, 4 GiB at most.
 * Never less than 64 MiB.
 */
export function decideSlotMemoryMb({ slotCount, machineBytes, allowedBytes }: MemoryFacts): number {
  const machineMb = machineBytes / 2 ** 20;
  const isLimited = allowedBytes > 0 && allowedBytes < machineBytes;
  const slotMb = isLimited
    ? ((allowedBytes / 2 ** 20) * usablePart - processMb) / slotCount
    : Math.min(machineMb * mostOfMachinePart, mostUnlimitedMb);
  return Math.max(minSlotMemoryMb, Math.floor(slotMb));
}
