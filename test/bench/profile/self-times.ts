/** A function's share of a CPU profile, without what it calls. */
export interface SelfTime {
  /** Name, and the end of its file's path with the line. */
  readonly where: string;
  readonly selfMs: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node ids, one a sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/**
 * Returns all functions of a `.cpuprofile` (V8's, as DevTools and `node --cpu-prof` write it) with the time
 * that they themselves ran, the longest first; code that is called from several places counts once. Throws
 * where the text is no profile.
 */
export function selfTimes(text: string): readonly SelfTime[] {
  const profile: unknown = JSON.parse(text);
  if (!isProfile(profile)) throw new Error("this is not a CPU profile: it has no samples");
  const names = new Map(profile.nodes.map((node) => [node.id, describe(node)]));
  const byName = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    // A sample stands for the time until the next one.
    const selfUs = profile.timeDeltas[index + 1] ?? 0;
    const name = names.get(id) ?? "(unknown)";
    byName.set(name, (byName.get(name) ?? 0) + selfUs);
  }
  return [...byName]
    .map(([where, selfUs]) => ({ where, selfMs: selfUs / 1_000 }))
    .toSorted((left, right) => right.selfMs - left.selfMs);
}

function describe({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name}  ${url.split("/").slice(-4).join("/")}:${lineNumber + 1}`;
}

function isProfile(value: unknown): value is CpuProfile {
  if (typeof value !== "object" || value === null) return false;
  return (
    "nodes" in value &&
    Array.isArray(value.nodes) &&
    "samples" in value &&
    Array.isArray(value.samples) &&
    "timeDeltas" in value &&
    Array.isArray(value.timeDeltas)
  );
}
