import {
  ByteReader,
  ByteWriter,
  StreamError,
  ValueReader,
  ValueWriter,
  type JsonValue,
  type Turn,
} from "@millrace/core";

/** A record that was taken and whose results were not emitted. */
export interface InFlightRecord {
  readonly record: unknown;
  readonly timestampMs: number;
}

/** The subtask that had the record at the barrier. */
export interface InFlightOwner {
  readonly subtaskIndex: number;
  readonly parallelism: number;
}

const formatVersion = 1;
/** Of one entry; each is encoded in a turn of its own. */
const maxEntryRecords = 256;
const maxEntryBytes = 64 * 1024;

/**
 * Returns records as entries of list state: `{ formatVersion, owner, count, records }`, of which
 * `records` is base64 of, for each, the event time as float64 and the value in the self-describing
 * format, over one dictionary. Encodes in slices; throws `state-not-encodable`.
 */
export async function encodeInFlight(
  records: readonly InFlightRecord[],
  { owner, operatorName, turn }: EncodeOptions,
): Promise<readonly JsonValue[]> {
  const entries: JsonValue[] = [];
  for (let next = 0; next < records.length;) {
    if (next > 0) await new Promise<void>((resolve) => turn.post(resolve));
    const out = new ByteWriter();
    const end = encodeSome(records, next, { out, operatorName });
    entries.push({
      formatVersion,
      owner: { subtaskIndex: owner.subtaskIndex, parallelism: owner.parallelism },
      count: end - next,
      records: Buffer.from(out.view()).toString("base64"),
    });
    next = end;
  }
  return entries;
}

interface EncodeOptions {
  readonly owner: InFlightOwner;
  readonly operatorName: string;
  readonly turn: Turn;
}

/** Returns where the next entry begins. */
function encodeSome(
  records: readonly InFlightRecord[],
  from: number,
  { out, operatorName }: { readonly out: ByteWriter; readonly operatorName: string },
): number {
  const values = new ValueWriter(out);
  let next = from;
  while (next < from + maxEntryRecords && out.length < maxEntryBytes) {
    const one = records[next];
    if (one === undefined) break;
    out.f64(one.timestampMs);
    try {
      values.write(one.record);
    } catch (cause) {
      const { message } = StreamError.from(cause);
      throw new StreamError(
        "state-not-encodable",
        `operator ${operatorName}: a record that waits for its answer belongs to the snapshot: ${message}`,
        { domain: "user", retry: "never", cause },
      );
    }
    next += 1;
  }
  return next;
}

/**
 * Returns the records that a subtask restores, in the order in which they came; over all subtasks
 * each exactly once. At the same parallelism a record stays where it was, as the watermark that its
 * subtask restores and those of the subtasks behind may be later than what another one's records
 * allow. At another one record i goes to subtask i mod parallelism, and all restore the lowest
 * watermark of their vertex. Throws `state-incompatible`, `decode-failed`.
 */
export function chooseInFlight(
  entries: readonly JsonValue[],
  { subtaskIndex, parallelism }: InFlightOwner,
  operatorName: string,
): readonly InFlightRecord[] {
  const parsed = entries.map((entry) => parseEntry(entry, operatorName));
  if (parsed.every(({ owner }) => owner.parallelism === parallelism)) {
    return parsed.filter(({ owner }) => owner.subtaskIndex === subtaskIndex).flatMap(decodeRecords);
  }
  return parsed.flatMap(decodeRecords).filter((_, index) => index % parallelism === subtaskIndex);
}

interface ParsedEntry {
  readonly owner: InFlightOwner;
  readonly count: number;
  readonly bytes: Uint8Array;
}

function parseEntry(entry: JsonValue, operatorName: string): ParsedEntry {
  const fields = fieldsOf(entry);
  const owner = fieldsOf(fields.get("owner"));
  const subtaskIndex = owner.get("subtaskIndex");
  const parallelism = owner.get("parallelism");
  const count = fields.get("count");
  const records = fields.get("records");
  if (
    fields.get("formatVersion") === formatVersion &&
    typeof subtaskIndex === "number" &&
    typeof parallelism === "number" &&
    typeof count === "number" &&
    typeof records === "string"
  ) {
    return { owner: { subtaskIndex, parallelism }, count, bytes: Buffer.from(records, "base64") };
  }
  throw new StreamError(
    "state-incompatible",
    `operator ${operatorName}: an entry of its restored state is not a list of records that wait for answers; was the name that of another operator?`,
    { domain: "user", retry: "never" },
  );
}

function decodeRecords({ count, bytes }: ParsedEntry): readonly InFlightRecord[] {
  const input = new ByteReader(bytes);
  const values = new ValueReader(input);
  const records: InFlightRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const timestampMs = input.f64();
    records.push({ timestampMs, record: values.read() });
  }
  return records;
}

function fieldsOf(json: JsonValue | undefined): ReadonlyMap<string, JsonValue> {
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  return new Map<string, JsonValue>(isObject ? Object.entries(json) : []);
}
