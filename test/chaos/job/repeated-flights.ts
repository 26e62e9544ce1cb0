/*
 * The flights of a Parquet file again and again: loop k adds k times 181 days to each date, the length
 * of the file. A split is a part of a row group in one loop. There are more splits than a run needs;
 * it ends at the last row, which a file names once that is known.
 *
 * I1 Row r of all is row r mod n of the file in loop r div n, n its rows: what a run has to read
 *    depends on the last row alone.
 * I2 A split leaves a mark before it looks for the last row: whoever names the last row sees every
 *    split that may have been read without it, except those that are opened at this moment.
 * I3 A reader that finds itself behind the last row fails.
 */
import { parquet } from "@millrace/parquet";
import type {
  ConnectorContext,
  JsonValue,
  SourceBatch,
  SourceConnector,
  SourceFactory,
  SourceReader,
  SplitDescriptor,
  SplitHandle,
} from "millrace";

const loopMs: number = 181 * 24 * 60 * 60 * 1_000;

export interface RepeatedFlightsOptions {
  /** The Parquet file; absolute. */
  readonly path: string;
  readonly loopCount: number;
  /** Rows of one split at most. */
  readonly splitRows: number;
  /** A folder with the marks, and the file `last-row` once it is known. */
  readonly controlFolder: string;
}

export interface Flight {
  readonly date: Date;
  readonly delay: number;
  readonly origin: string;
}

/** A row group of the file, as the Parquet source describes it, and where it begins. */
interface RowGroup {
  readonly inner: SplitDescriptor;
  readonly rowCount: number;
  /** In the file. */
  readonly firstRow: number;
}

/** Rows [from, to) of a row group in a loop. */
interface Part {
  readonly loop: number;
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/** Returns the source. Its splits are numbered from 0 in the order of their rows. */
export function repeatedFlights(options: RepeatedFlightsOptions): SourceFactory<Flight> {
  const { path } = options;
  const flights = parquet<Flight>({ path, columns: ["date", "delay", "origin"] });
  const dates = parquet<Pick<Flight, "date">>({ path, columns: ["date"] });
  return {
    createSource: (environment) => {
      const inner = flights.createSource(environment);
      return {
        connector: "repeated-flights",
        options: { ...options },
        canReplay: true,
        discover: async (context) => {
          const found = await findParts(
            dates.createSource(environment),
            context,
            options.splitRows,
          );
          return repeatParts(found, options.loopCount);
        },
        createReader: (context) => createReader(inner, context, options),
      };
    },
  };
}

async function findGroups(
  inner: Pick<SourceConnector<unknown>, "discover">,
  context: ConnectorContext,
): Promise<readonly RowGroup[]> {
  let firstRow = 0;
  return (await inner.discover(context)).map((split) => {
    const rowCount = readNumber(split.descriptor, "rowCount");
    const group = { inner: split, rowCount, firstRow };
    firstRow += rowCount;
    return group;
  });
}

/** A part with its place in the loop's time, so that the watermark does not wait for a row group. */
interface BoundedPart {
  readonly group: number;
  readonly from: number;
  readonly to: number;
  readonly earliestMs: number;
}

async function findParts(
  inner: SourceConnector<Pick<Flight, "date">>,
  context: ConnectorContext,
  splitRows: number,
): Promise<readonly BoundedPart[]> {
  const reader = inner.createReader(context);
  const parts: BoundedPart[] = [];
  for (const [group, { inner: split, rowCount }] of (await findGroups(inner, context)).entries()) {
    const bounds: number[] = Array.from(
      { length: Math.ceil(rowCount / splitRows) },
      () => Infinity,
    );
    const handle = await reader.open(split, undefined);
    let row = 0;
    for (let batch = await handle.nextBatch(); batch; batch = await handle.nextBatch()) {
      for (const { date } of batch.records) {
        const index = Math.floor(row / splitRows);
        bounds[index] = Math.min(bounds[index] ?? Infinity, date.getTime());
        row += 1;
      }
    }
    await handle.close();
    for (const [index, earliestMs] of bounds.entries()) {
      const from = index * splitRows;
      parts.push({ group, from, to: Math.min(from + splitRows, rowCount), earliestMs });
    }
  }
  await reader.close?.();
  return parts;
}

function repeatParts(parts: readonly BoundedPart[], loopCount: number): readonly SplitDescriptor[] {
  return Array.from({ length: loopCount * parts.length }, (_, index) => {
    const loop = Math.floor(index / parts.length);
    const { earliestMs, ...part } = parts[index % parts.length] ?? fail("the file has no rows");
    return {
      id: String(index),
      descriptor: { loop, ...part },
      lowerBoundMs: earliestMs + loop * loopMs,
    };
  });
}

function createReader(
  inner: SourceConnector<Flight>,
  context: ConnectorContext,
  { controlFolder }: RepeatedFlightsOptions,
): SourceReader<Flight> {
  const reader = inner.createReader(context);
  let groups: readonly RowGroup[] | undefined;
  return {
    ...reader,
    open: async (split, position) => {
      await context.disk.makeFolder(`${controlFolder}/marks`);
      // Not synced: it only has to be seen by other processes of this machine.
      await context.disk.append(`${controlFolder}/marks/${split.id}`, new Uint8Array());
      groups ??= await findGroups(inner, context);
      const part = parsePart(split.descriptor);
      const group = groups[part.group];
      if (group === undefined) throw new Error(`the file has no row group ${part.group}`);
      const rowsOfFile = groups.reduce((sum, { rowCount }) => sum + rowCount, 0);
      const handle = new PartHandle({
        context,
        part,
        firstRow: part.loop * rowsOfFile + group.firstRow,
        row: typeof position === "number" ? position : part.from,
        lastRowFile: `${controlFolder}/last-row`,
        open: (row) => reader.open(group.inner, row),
      });
      await handle.readLastRow();
      return handle;
    },
  };
}

interface PartHandleOptions {
  readonly context: ConnectorContext;
  readonly part: Part;
  /** Of the row group, among all rows of all loops. */
  readonly firstRow: number;
  /** Where to begin, in the row group. */
  readonly row: number;
  readonly lastRowFile: string;
  readonly open: (row: number) => Promise<SplitHandle<Flight>>;
}

class PartHandle implements SplitHandle<Flight> {
  readonly #options: PartHandleOptions;
  readonly #shiftMs: number;
  #inner: SplitHandle<Flight> | undefined;
  #row: number;
  #end: number;
  #batchCount = 0;

  constructor(options: PartHandleOptions) {
    this.#options = options;
    this.#shiftMs = options.part.loop * loopMs;
    this.#row = options.row;
    this.#end = options.part.to;
  }

  async nextBatch(): Promise<SourceBatch<Flight> | undefined> {
    this.#batchCount += 1;
    // The first batch is handed to the chain when the second one is asked for.
    if (this.#batchCount === 2) this.#sayThatRecordsFlow();
    await this.readLastRow();
    if (this.#row >= this.#end) return undefined;
    this.#inner ??= await this.#options.open(this.#row);
    const batch = await this.#inner.nextBatch();
    if (batch === undefined) return undefined;
    const first = this.#row;
    const records = batch.records.slice(0, this.#end - first).map((flight) => this.#shift(flight));
    this.#row += records.length;
    return { records, positionAt: (index) => first + index };
  }

  /** Takes the last row in, if it is known; throws if it was passed. */
  async readLastRow(): Promise<void> {
    const { context, firstRow, lastRowFile, part } = this.#options;
    const stat = await context.disk.stat(lastRowFile);
    if (stat === undefined) return;
    const bytes = await context.disk.readRange(lastRowFile, { offset: 0, length: stat.sizeBytes });
    const end = Math.min(part.to, Number(new TextDecoder().decode(bytes)) - firstRow);
    if (this.#row > Math.max(end, part.from)) {
      throw new Error(`row ${firstRow + this.#row} was read, the last row is before it`);
    }
    this.#end = end;
  }

  async close(): Promise<void> {
    await this.#inner?.close();
  }

  #sayThatRecordsFlow(): void {
    const { attempt, subtaskIndex, logger } = this.#options.context;
    logger.log("info", "records flow", { attempt, subtaskIndex });
  }

  #shift({ date, delay, origin }: Flight): Flight {
    return { date: new Date(date.getTime() + this.#shiftMs), delay, origin };
  }
}

function fail(message: string): never {
  throw new Error(message);
}

function parsePart(descriptor: JsonValue): Part {
  return {
    loop: readNumber(descriptor, "loop"),
    group: readNumber(descriptor, "group"),
    from: readNumber(descriptor, "from"),
    to: readNumber(descriptor, "to"),
  };
}

function readNumber(json: JsonValue, name: string): number {
  const value: unknown = json !== null && typeof json === "object" ? Reflect.get(json, name) : json;
  if (typeof value === "number") return value;
  throw new Error(`a split has no ${name}: ${JSON.stringify(json)}`);
}
