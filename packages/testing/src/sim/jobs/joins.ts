import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import { gapAbove } from "./gaps.ts";
import type { SimGraph } from "./sim-graph.ts";

/** Two streams of `SimRecord`s; they may be the same one. */
export interface JoinInputs {
  readonly left: number;
  readonly right: number;
}

/**
 * Adds joins drawn from a seed and returns their ends. What they emit depends neither on which input
 * comes first nor on when watermarks come, as no record is late.
 */
export function addJoins(
  random: SeededRandom,
  builder: SimGraph,
  inputs: JoinInputs,
): readonly number[] {
  const ends: number[] = [];
  if (random.chance(0.3)) ends.push(addIntervalJoin(random.fork("interval"), builder, inputs));
  if (random.chance(0.2)) ends.push(addWindowJoin(random.fork("window"), builder, inputs));
  if (random.chance(0.2)) ends.push(addTemporalJoin(random.fork("temporal"), builder, inputs));
  if (random.chance(0.2)) ends.push(addTableJoin(random.fork("tables"), builder, inputs));
  const draw = random.fork("more");
  if (draw.chance(0.15)) ends.push(addTable(builder, inputs));
  if (draw.chance(0.15)) ends.push(addLookupJoin(builder, inputs));
  return ends;
}

function addIntervalJoin(draw: SeededRandom, builder: SimGraph, inputs: JoinInputs): number {
  const lowerMs = draw.below(800) - 600;
  return builder.add("near", keyBoth(builder, inputs, "near"), {
    kind: "join",
    type: "interval",
    mode: draw.pick(["inner", "left", "right", "outer"]),
    lowerMs,
    upperMs: lowerMs + 1 + draw.below(600),
    isLowerExclusive: draw.chance(0.3),
    isUpperExclusive: draw.chance(0.3),
    join: pairOf,
  });
}

interface Sides {
  readonly left: SimRecord[];
  readonly right: SimRecord[];
}

/** What is in a window comes in any order: the ids are sorted. */
function addWindowJoin(draw: SeededRandom, builder: SimGraph, inputs: JoinInputs): number {
  const slideMs = 200 * (1 + draw.below(5));
  const assigner = draw.chance(0.5)
    ? ({ kind: "tumbling", sizeMs: slideMs, offsetMs: 0 } as const)
    : ({ kind: "sliding", sizeMs: slideMs * (1 + draw.below(3)), slideMs, offsetMs: 50 } as const);
  const session = { kind: "session", gapMs: gapAbove(50 + draw.below(400)) } as const;
  return builder.add("together", keyBoth(builder, inputs, "together"), {
    ...(draw.chance(0.3)
      ? { kind: "general-window", assigner: session }
      : { kind: "window", assigner }),
    allowedLatenessMs: 0,
    aggregate: {
      create: (): Sides => ({ left: [], right: [] }),
      add: (sides: Sides, record: SimRecord) => void sides.left.push(record),
      addSecond: (sides: Sides, record: SimRecord) => void sides.right.push(record),
      merge: (into: Sides, from: Sides) => {
        into.left.push(...from.left);
        into.right.push(...from.right);
      },
      result: (
        { left, right }: Sides,
        { key, window }: { readonly key: string; readonly window: { readonly start: number } },
      ) => ({ key, start: window.start, left: sortedIds(left), right: sortedIds(right) }),
    },
  });
}

/** Which of two records of one time makes the row is left to chance, so rows show their time only. */
function rowOf({ atMs }: SimRecord): { readonly atMs: number } | null {
  return atMs % 5 === 0 ? null : { atMs };
}

function addTemporalJoin(draw: SeededRandom, builder: SimGraph, inputs: JoinInputs): number {
  return builder.add("as-of", keyBoth(builder, inputs, "as-of"), {
    kind: "join",
    type: "temporal",
    mode: draw.pick(["inner", "left"]),
    right: { valueOf: rowOf },
    join: (left: SimRecord, row: { readonly atMs: number } | undefined) => ({
      key: left.key,
      left: left.id,
      version: row?.atMs ?? null,
    }),
  });
}

interface RowChange {
  readonly after: unknown;
}

/** Which changes there are on the way is left to chance: the last row of each key counts. */
function addTableJoin(draw: SeededRandom, builder: SimGraph, inputs: JoinInputs): number {
  const input = { valueOf: rowOf, order: "event-time" } as const;
  const changes = builder.add("rows", keyBoth(builder, inputs, "rows"), {
    kind: "join",
    type: "tables",
    mode: draw.pick(["inner", "left", "right", "outer"]),
    left: input,
    right: input,
    join: (left: unknown, right: unknown) => ({ left: left ?? null, right: right ?? null }),
  });
  return addLiveRows(builder, changes, "live-rows");
}

/** A table by itself, of the left stream. */
function addTable(builder: SimGraph, { left }: JoinInputs): number {
  const changes = builder.add("table", [builder.keyBy({ stream: left, name: "table" })], {
    kind: "table",
    valueOf: rowOf,
    order: "event-time",
  });
  return addLiveRows(builder, changes, "table-rows");
}

/** Which row there is when a left record comes is left to chance: each comes out once. */
function addLookupJoin(builder: SimGraph, inputs: JoinInputs): number {
  return builder.add("look-up", keyBoth(builder, inputs, "look-up"), {
    kind: "join",
    type: "lookup",
    mode: "left",
    right: { valueOf: rowOf, order: "event-time" },
    join: ({ key, id }: SimRecord, row: { readonly atMs: number } | undefined) => ({
      key,
      left: id,
      isRow: row === undefined || row.atMs % 5 !== 0,
    }),
  });
}

/** The last row of each key, where there is one. */
function addLiveRows(builder: SimGraph, changes: number, name: string): number {
  const lastName = `${name}-last`;
  const last = builder.add(lastName, [builder.keyBy({ stream: changes, name: lastName })], {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 1e12, offsetMs: 0 },
    allowedLatenessMs: 0,
    aggregate: {
      create: (): RowChange => ({ after: null }),
      add: (_last: RowChange, { after }: RowChange): RowChange => ({ after }),
      merge: (_last: RowChange, { after }: RowChange): RowChange => ({ after }),
      result: ({ after }: RowChange, { key }: { readonly key: string }) => ({ key, row: after }),
    },
  });
  const hasRow = ({ row }: { readonly row: unknown }): boolean => row !== null;
  return builder.add(name, [last], { kind: "filter", filter: hasRow });
}

function keyBoth(
  builder: SimGraph,
  { left, right }: JoinInputs,
  name: string,
): readonly [number, number] {
  return [
    builder.keyBy({ stream: left, name: `${name}-left` }),
    builder.keyBy({ stream: right, name: `${name}-right` }),
  ];
}

function pairOf(left: SimRecord | undefined, right: SimRecord | undefined): unknown {
  return { key: left?.key ?? right?.key, left: left?.id ?? null, right: right?.id ?? null };
}

function sortedIds(records: readonly SimRecord[]): readonly number[] {
  return records.map(({ id }) => id).toSorted((left, right) => left - right);
}
