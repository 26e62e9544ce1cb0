/** What Linux counts of CPU time, as proc(5) describes it. Pure: texts in, milliseconds out. */

/** Linux counts CPU time in ticks of this length, whatever the kernel's own clock. */
const tickMs = 10;

export interface ProcessCpu {
  readonly processId: number;
  readonly parentId: number;
  /** User and system together, since the process began. */
  readonly cpuMs: number;
  /** Of the children that have ended and been waited for, and of theirs. */
  readonly endedChildrenMs: number;
}

/** Returns what `/proc/<id>/stat` says; undefined where the text is none. */
export function parseProcessStat(text: string): ProcessCpu | undefined {
  // The program's name stands in brackets and may hold anything.
  const nameEnd = text.lastIndexOf(")");
  const processId = Number.parseInt(text, 10);
  const fields = text.slice(nameEnd + 2).split(" ");
  // Field 3, the state, is the first behind the name.
  const field = (number: number): number => Number(fields[number - 3]);
  const [parentId, cpuTicks, childTicks] = [field(4), field(14) + field(15), field(16) + field(17)];
  if (nameEnd === -1 || [processId, parentId, cpuTicks, childTicks].some(Number.isNaN)) {
    return undefined;
  }
  const endedChildrenMs = childTicks * tickMs;
  return { processId, parentId, cpuMs: cpuTicks * tickMs, endedChildrenMs };
}

/** Returns the CPU time of a process and all that it started, down to what has ended. */
export function sumTree(processes: readonly ProcessCpu[], rootId: number): number {
  const tree = new Set([rootId]);
  // Whoever was started later may have the lower number: round by round, until none is added.
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const { processId, parentId } of processes) if (tree.has(parentId)) tree.add(processId);
  }
  return processes
    .filter(({ processId }) => tree.has(processId))
    .reduce((sum, { cpuMs, endedChildrenMs }) => sum + cpuMs + endedChildrenMs, 0);
}

/**
 * Returns what all processors of the machine have worked, here or, stolen, for its host's others; throws where
 * the text is no `/proc/stat`.
 */
export function parseMachineStat(text: string): number {
  const [name, ...ticks] = (text.split("\n")[0] ?? "").split(/\s+/);
  const [user, nice, system, , , interrupts, softInterrupts, stolen] = ticks.map(Number);
  const sum = [user, nice, system, interrupts, softInterrupts, stolen].reduce<number>(
    (total, value) => total + (value ?? Number.NaN),
    0,
  );
  if (name !== "cpu" || Number.isNaN(sum)) throw new Error("this is not /proc/stat");
  return sum * tickMs;
}
