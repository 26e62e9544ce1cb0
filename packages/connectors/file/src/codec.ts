import { StreamError } from "@millrace/core";

/** Lines longer than this are an error rather than unbounded memory (F27). */
export const maxLineBytes: number = 16 * 1024 * 1024;

const maxDepth = 64;
const newline = 10;
const carriageReturn = 13;

/** Returns the record as one line of JSON without its newline; throws `record-not-encodable`. */
export function encodeJsonLine(record: unknown): string {
  checkEncodable(record, { path: "", depth: 0 });
  return JSON.stringify(record);
}

interface Place {
  readonly path: string;
  readonly depth: number;
}

// JSON.stringify drops functions, makes `{}` of a Map and null of NaN, all without a word (F26).
function checkEncodable(value: unknown, place: Place): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) throw notEncodable(place, `is ${value}`);
      return;
    case "object":
      if (value !== null) checkObject(value, place);
      return;
    case "bigint":
    case "function":
    case "symbol":
    case "undefined":
      throw notEncodable(place, `is ${typeof value === "undefined" ? "" : "a "}${typeof value}`);
  }
}

function checkObject(value: object, place: Place): void {
  if (place.depth >= maxDepth) {
    throw notEncodable(place, `contains itself or nests deeper than ${maxDepth}`);
  }
  const depth = place.depth + 1;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [index, item] of items.entries()) {
      checkEncodable(item, { path: `${place.path}[${index}]`, depth });
    }
    return;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw notEncodable(place, "is an invalid Date");
    return;
  }
  checkPlain(value, place);
  for (const [name, item] of Object.entries(value)) {
    // A field that is undefined is absent, as everywhere in JSON.
    if (item === undefined) continue;
    checkEncodable(item, { path: place.path === "" ? name : `${place.path}.${name}`, depth });
  }
}

function checkPlain(value: object, place: Place): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return;
  if ("toJSON" in value) return;
  throw notEncodable(place, `is a ${value.constructor.name}, not a plain object`);
}

function notEncodable(place: Place, what: string): StreamError {
  const field = place.path === "" ? "the record" : `the record's field ${place.path}`;
  const message = `${field} ${what}, which JSON cannot hold: convert it in a map before the sink`;
  return new StreamError("record-not-encodable", message, { domain: "user", retry: "never" });
}

export interface LineCut {
  readonly lines: readonly string[];
  /** Where each line begins in the bytes; one more entry: where the next line begins. */
  readonly starts: readonly number[];
}

export interface LineCutLimits {
  /** Lines that begin at or behind this index are left out. */
  readonly startsBefore: number;
  readonly maxLines: number;
  /** Whether the bytes reach the end of the file, so that a last line needs no newline. */
  readonly isEndOfFile: boolean;
}

/** Returns the whole lines at the beginning of the bytes; bytes that are not UTF-8 become U+FFFD. */
export function cutLines(bytes: Uint8Array, limits: LineCutLimits): LineCut {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  const starts: number[] = [0];
  let start = 0;
  while (start < bytes.length && start < limits.startsBefore && lines.length < limits.maxLines) {
    const found = buffer.indexOf(newline, start);
    if (found < 0 && !limits.isEndOfFile) break;
    const end = found < 0 ? bytes.length : found;
    const textEnd = end > start && buffer[end - 1] === carriageReturn ? end - 1 : end;
    lines.push(buffer.toString("utf8", start, textEnd));
    start = end + 1;
    starts.push(Math.min(start, bytes.length));
  }
  return { lines, starts };
}
