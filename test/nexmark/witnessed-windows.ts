/*
 * Query 12 counts by the clock, and only its operator knows when that was. So it is run with a witness: the same
 * job, whose windows also keep the event times of the bids that they count, which no two bids share. These say
 * when each bid was processed, and DuckDB counts by that.
 *
 * I1 Each bid is in exactly one window.
 * I2 Windows are those of the clock: multiples of their size, together no longer than the run, and several in a
 *    long one.
 */
import { sleep, type JsonValue } from "@millrace/core";
import { NexmarkGenerator, type GeneratorOptions } from "@millrace/nexmark";
import type { JobDefinition, SourceConnector, SplitHandle } from "millrace";

type PlainRow = Readonly<Record<string, JsonValue>>;
type Node = ReturnType<JobDefinition["build"]>["nodes"][number];

const sizeMs = 10_000;
/** Behind the last event: all windows end before the input does, which drops those that are open. */
const lingerMs = 11_000;

/** Returns the query with the witness in each of its rows, as `times`; its last split holds the last of `events`. */
export function witnessed(query: JobDefinition, events: number): JobDefinition {
  return {
    ...query,
    build: (input) => {
      const graph = query.build(input);
      const window = graph.nodes.findIndex(({ spec }) => "aggregate" in spec);
      const nodes = graph.nodes.map((node, index) =>
        witness(node, { isBefore: index < window, events }),
      );
      return { ...graph, nodes };
    },
  };
}

function witness(
  node: Node,
  { isBefore, events }: { readonly isBefore: boolean; readonly events: number },
): Node {
  const { spec } = node;
  if (spec.kind === "source") {
    return { ...node, spec: { ...spec, connector: lingering(spec.connector, events) } };
  }
  if (spec.kind === "map") {
    const map = isBefore
      ? (bid: { dateTime: number }) => ({ ...toRow(spec.map(bid)), times: [bid.dateTime] })
      : (result: { times: readonly number[] }) => ({
          ...toRow(spec.map(result)),
          times: result.times,
        });
    return { ...node, spec: { ...spec, map } };
  }
  if (!("aggregate" in spec)) return node;
  return { ...node, spec: { ...spec, aggregate: witnessAggregate(spec.aggregate) } };
}

interface Witnessed {
  readonly value: unknown;
  readonly times: readonly number[];
}

type ErasedAggregate = Extract<Node["spec"], { readonly kind: "window" }>["aggregate"];

function witnessAggregate(aggregate: ErasedAggregate): ErasedAggregate {
  return {
    create: (): Witnessed => ({ value: aggregate.create(), times: [] }),
    add: ({ value, times }: Witnessed, bid: { times: readonly number[] }): Witnessed => ({
      value: aggregate.add(value, bid) ?? value,
      times: [...times, ...bid.times],
    }),
    merge: (into: Witnessed, from: Witnessed): Witnessed => ({
      value: aggregate.merge(into.value, from.value) ?? into.value,
      times: [...into.times, ...from.times],
    }),
    result: ({ value, times }: Witnessed, details: unknown) => ({
      ...toRow(aggregate.result(value, details)),
      times,
    }),
  };
}

/** The input ends some time behind its last event. */
function lingering<T>(source: SourceConnector<T>, events: number): SourceConnector<T> {
  return {
    ...source,
    createReader: (context) => {
      const reader = source.createReader(context);
      return {
        ...reader,
        open: async (split, position) => {
          const handle = await reader.open(split, position);
          const { descriptor } = split;
          const isLast =
            typeof descriptor === "object" &&
            descriptor !== null &&
            "end" in descriptor &&
            descriptor["end"] === events;
          if (!isLast) return handle;
          return lingeringHandle(handle, () => sleep(context.clock, lingerMs));
        },
      };
    },
  };
}

function lingeringHandle<T>(handle: SplitHandle<T>, linger: () => Promise<void>): SplitHandle<T> {
  return {
    nextBatch: async () => {
      const batch = await handle.nextBatch();
      if (batch === undefined) await linger();
      return batch;
    },
    close: () => handle.close(),
  };
}

/** What the witness says. */
export interface Testimony {
  /** The rows without it. */
  readonly rows: readonly PlainRow[];
  /** When the window of an event's bid began. */
  readonly processingTimeMs: (number: number) => number;
  /** Bids that are in no window, or in two, and windows that are not those of the clock. */
  readonly problems: readonly string[];
}

/** Returns what the rows of a witnessed run say about events 0 to `events - 1`. */
export function hearWitness(
  given: readonly unknown[],
  {
    events,
    options,
    virtualMs,
  }: {
    readonly events: number;
    readonly options: GeneratorOptions;
    readonly virtualMs: number;
  },
): Testimony {
  const startOf = new Map<number, number>();
  const problems: string[] = [];
  const rows = given.map((row) => {
    const { times, ...plain } = toRow(row);
    const start = Number(plain["startTime"]);
    if (start % sizeMs !== 0) problems.push(`a window begins at ${start}`);
    for (const time of Array.isArray(times) ? times.map(Number) : []) {
      if (startOf.has(time)) problems.push(`the bid of ${time} is in two windows`);
      startOf.set(time, start);
    }
    return plain;
  });
  const starts = [...startOf.values()];
  const spanMs =
    starts.reduce((left, right) => Math.max(left, right), -Infinity) -
    starts.reduce((left, right) => Math.min(left, right), Infinity);
  const isLong = virtualMs > sizeMs + 2 * lingerMs;
  if (isLong && spanMs === 0) problems.push(`all bids of ${virtualMs} ms are in one window`);
  if (spanMs > virtualMs) problems.push(`windows span ${spanMs} ms of a run of ${virtualMs} ms`);
  const generator = new NexmarkGenerator(options);
  for (let number = 0; number < events; number += 1) {
    const { kind, dateTime } = generator.event(number);
    if (kind === "bid" && !startOf.has(dateTime)) problems.push(`bid ${number} is in no window`);
  }
  return {
    rows,
    processingTimeMs: (number) => startOf.get(generator.eventTimeMs(number)) ?? 0,
    problems: problems.slice(0, 3),
  };
}

function toRow(value: unknown): Record<string, JsonValue> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows of a query are plain objects
  return value as Record<string, JsonValue>;
}
