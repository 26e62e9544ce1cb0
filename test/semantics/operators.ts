import { readdirSync, readFileSync } from "node:fs";

const apiUrl = new URL("../../packages/api/src/", import.meta.url);

const joinVerbs = ["inner", "left", "right", "outer"] as const;

const windows = [
  "tumbling and sliding windows",
  "sessions",
  "global window",
  "count windows",
  "windows of processing time",
] as const;

/**
 * By class of the API, and by method, the names under which the page tells of its operators. Who adds a
 * method says here what the page calls it, and the page then needs rows of it.
 */
const namesOf: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  Job: { source: ["source"], defaults: [] },
  DataStream: {
    ...allAs(["map", "filter", "flatMap"], "map, filter, flatMap"),
    check: ["check"],
    ...allAs(["asyncMap", "asyncFlatMap"], "asyncMap"),
    process: ["process without keys"],
    keyBy: ["keyBy"],
    windowAll: windows,
    union: ["union"],
    sideOutput: ["side output"],
    ...allAs(
      ["rebalance", "rescale", "forward", "global", "shuffle", "broadcast", "partitionBy"],
      "partitioners",
    ),
    connect: ["process beside broadcast"],
    joinBroadcast: ["joinBroadcast"],
    print: ["print"],
    sink: ["sink"],
    // Where an operator runs: nothing of what it does.
    startNewChain: [],
    disableChaining: [],
    slotSharingGroup: [],
  },
  KeyedStream: {
    ...allAs(["reduce", "sum", "count", "min", "max"], "running aggregate"),
    ...allAs(["asyncMap", "asyncFlatMap"], "asyncMap"),
    window: windows,
    process: ["keyed process"],
    connect: ["two-input process", "process beside broadcast"],
    join: ["interval join", "window join"],
    toTable: ["table"],
    joinLatest: ["joinLatest"],
    joinAsOf: ["joinAsOf"],
  },
  ConnectedStreams: { process: ["two-input process"] },
  BroadcastConnectedStreams: { process: ["process beside broadcast"] },
  KeyedBroadcastStreams: { process: ["process beside broadcast"] },
  WindowedStream: allAs(
    ["aggregate", "process", "reduce", "count", "sum", "min", "max"],
    "window functions",
  ),
  JoinedStreams: { within: ["interval join"], window: ["window join"] },
  IntervalJoin: allAs(joinVerbs, "interval join"),
  WindowJoin: allAs([...joinVerbs, "coGroup"], "window join"),
  Table: { ...allAs(["mapValues", "filter", "toStream"], "table"), join: ["table join"] },
  TableJoin: allAs(joinVerbs, "table join"),
  BroadcastJoin: allAs(["inner", "left"], "joinBroadcast"),
  LookupJoin: { inner: ["joinLatest", "joinAsOf"], left: ["joinLatest", "joinAsOf"] },
};

/** Returns the names of all operators that the page has to tell of. */
export function operatorNames(): readonly string[] {
  const names = Object.values(namesOf).flatMap((methods) => Object.values(methods).flat());
  return [...new Set(names)];
}

/** Returns the methods of the API's streams, as `Class.method`, that no name is known of. */
export function unnamedMethods(): readonly string[] {
  return readdirSync(apiUrl)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => methodsIn(readFileSync(new URL(file, apiUrl), "utf8")))
    .filter(([type, method]) => namesOf[type]?.[method] === undefined)
    .map(([type, method]) => `${type}.${method}`);
}

/** Returns the methods of a file's classes that end in Stream(s), Join, or Table, and of the job. */
function methodsIn(source: string): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  let type: string | undefined;
  for (const line of source.split("\n")) {
    const opened = /^export (?:class|interface) (\w*(?:Streams?|Join|Table)|Job)\b/.exec(line);
    if (opened !== null) type = opened[1];
    if (line === "}") type = undefined;
    const method = /^ {2}(?!constructor\b)([a-z]\w*)(?:<|\()/.exec(line)?.[1];
    if (type !== undefined && method !== undefined) found.push([type, method]);
  }
  return found;
}

function allAs(
  methods: readonly string[],
  name: string,
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(methods.map((method) => [method, [name]]));
}
