import { decodeFailed, type ByteReader } from "./codec/byte-reader.ts";
import { magnitudeBytes, magnitudeOf } from "./codec/magnitude.ts";
import { setField } from "./codec/set-field.ts";
import { describeKind } from "./codec/unencodable.ts";
import { StreamError } from "./error.ts";

/**
 * The bytes of a key, **frozen**: they decide its key group and its equality (golden vectors in
 * `key.test.ts`). Each part begins with a little-endian word: the tag in the low byte, a count
 * in the upper three. Then
 *
 * | tag | kind | count | body |
 * |---|---|---|---|
 * | 0, 1, 2 | null, false, true | 0 | |
 * | 3 | number | 0 | float64, little-endian; -0 as 0, one NaN |
 * | 4, 5 | bigint, negative bigint | bytes | magnitude, least significant first |
 * | 6 | string | code units | UTF-16, little-endian, as they are |
 * | 7 | Date | 0 | milliseconds as float64 |
 * | 8 | tuple | parts | the parts |
 * | 9 | plain object | fields | name (as a string) and value, sorted by the names' code units |
 *
 * Everything else is refused with `key-not-encodable`.
 */
export const keyCodecVersion = 1;

export const keyTags = {
  null: 0,
  false: 1,
  true: 2,
  number: 3,
  bigint: 4,
  negativeBigint: 5,
  string: 6,
  date: 7,
  tuple: 8,
  object: 9,
} as const;

/** A string longer than this is no key; nor is anything of more parts. */
export const maxKeyCount = 0xffff;
const maxKeyDepth = 16;

/**
 * What takes a key's bytes: a `ByteWriter` keeps them, others only need what they come to. Words and
 * code units are little-endian.
 */
export interface KeyOut {
  u32(word: number): void;
  f64(value: number): void;
  utf16(text: string): void;
  bytes(source: Uint8Array): void;
}

/** From a part of a key to the key itself, which has none: a step costs one small object. */
type KeyPath = KeyStep | undefined;

interface KeyStep {
  readonly name: string | number;
  readonly outer: KeyPath;
  readonly depth: number;
}

/** Gives out the key's bytes. Throws `key-not-encodable`, naming what in the key is refused. */
export function writeKey(out: KeyOut, key: unknown): void {
  writePart(out, key, undefined);
}

/** Returns the key at the reader's position, made anew. Throws `decode-failed`. */
export function readKey(input: ByteReader): unknown {
  return readPart(input, 0);
}

/** Returns `key-not-encodable`. */
function keyNotEncodable(path: KeyPath, reason: string): StreamError {
  const where = path === undefined ? "the key" : `the key's ${JSON.stringify(textOf(path))}`;
  const message = `${where} cannot be encoded: ${reason}; use strings, numbers, booleans, bigints, dates, null, or tuples and plain objects of them`;
  return new StreamError("key-not-encodable", message, { domain: "user", retry: "never" });
}

/** Names and indexes from the key to the part, with dots between them. */
function textOf({ name, outer }: KeyStep): string {
  return outer === undefined ? String(name) : `${textOf(outer)}.${name}`;
}

// The recursion is bounded: see `inside`.
function writePart(out: KeyOut, key: unknown, path: KeyPath): void {
  switch (typeof key) {
    case "string":
      writeString(out, key, path);
      return;
    case "number":
      header(out, keyTags.number, 0);
      out.f64(normalNumber(key));
      return;
    case "boolean":
      header(out, key ? keyTags.true : keyTags.false, 0);
      return;
    case "bigint":
      writeBigint(out, key, path);
      return;
    case "object":
      if (key === null) header(out, keyTags.null, 0);
      else writeObject(out, key, path);
      return;
    case "undefined":
    case "function":
    case "symbol":
      throw keyNotEncodable(path, describeKind(key));
  }
}

/** Returns the number with -0 as 0 and with the one NaN. */
export function normalNumber(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value + 0;
}

function writeString(out: KeyOut, text: string, path: KeyPath): void {
  if (text.length > maxKeyCount) throw tooLong(path);
  header(out, keyTags.string, text.length);
  out.utf16(text);
}

function writeBigint(out: KeyOut, value: bigint, path: KeyPath): void {
  const bytes = magnitudeBytes(value < 0n ? -value : value);
  if (bytes.length > maxKeyCount) throw tooLong(path);
  header(out, value < 0n ? keyTags.negativeBigint : keyTags.bigint, bytes.length);
  out.bytes(bytes);
}

function writeObject(out: KeyOut, key: object, path: KeyPath): void {
  const prototype: unknown = Object.getPrototypeOf(key);
  if (Array.isArray(key) && prototype === Array.prototype) {
    writeTuple(out, key, path);
    // oxlint-disable-next-line eslint/no-restricted-globals -- a value's type, not the clock
  } else if (key instanceof Date && prototype === Date.prototype) {
    const timeMs = key.getTime();
    if (Number.isNaN(timeMs)) throw keyNotEncodable(path, "it is an invalid date");
    header(out, keyTags.date, 0);
    out.f64(timeMs + 0);
  } else if (prototype === Object.prototype || prototype === null) {
    writeFields(out, key, path);
  } else throw keyNotEncodable(path, describeKind(key));
}

function writeTuple(out: KeyOut, key: readonly unknown[], path: KeyPath): void {
  if (key.length > maxKeyCount) throw tooLong(path);
  header(out, keyTags.tuple, key.length);
  for (let index = 0; index < key.length; index += 1) {
    writePart(out, key[index], inside(path, index));
  }
}

function writeFields(out: KeyOut, key: object, path: KeyPath): void {
  const names = sortedNames(key);
  if (names.length > maxKeyCount) throw tooLong(path);
  header(out, keyTags.object, names.length);
  for (const name of names) {
    const step = inside(path, name);
    writeString(out, name, step);
    writePart(out, Reflect.get(key, name), step);
  }
}

/** Returns the names of the fields in the order of their UTF-16 code units, which most objects have. */
function sortedNames(key: object): string[] {
  const names = Object.keys(key);
  for (let index = 1; index < names.length; index += 1) {
    if ((names[index] ?? "") < (names[index - 1] ?? "")) return names.toSorted();
  }
  return names;
}

function inside(outer: KeyPath, name: string | number): KeyStep {
  const depth = (outer?.depth ?? 0) + 1;
  if (depth <= maxKeyDepth) return { name, outer, depth };
  throw keyNotEncodable(
    outer,
    `it is nested deeper than ${maxKeyDepth} levels, or contains itself`,
  );
}

function tooLong(path: KeyPath): StreamError {
  return keyNotEncodable(path, `it is longer than ${maxKeyCount}`);
}

function header(out: KeyOut, tag: number, count: number): void {
  out.u32(tag | (count << 8));
}

function readPart(input: ByteReader, depth: number): unknown {
  if (depth > maxKeyDepth) throw decodeFailed("a key is nested too deep");
  const word = input.u32();
  const count = word >>> 8;
  switch (word & 0xff) {
    case keyTags.null:
      return null;
    case keyTags.false:
      return false;
    case keyTags.true:
      return true;
    case keyTags.number:
      return input.f64();
    case keyTags.bigint:
      return magnitudeOf(input.bytes(count));
    case keyTags.negativeBigint:
      return -magnitudeOf(input.bytes(count));
    case keyTags.string:
      return input.utf16(count);
    case keyTags.date:
      return readDate(input);
    case keyTags.tuple:
      return readTuple(input, count, depth);
    case keyTags.object:
      return readFields(input, count, depth);
    default:
      throw decodeFailed(`there is no key tag ${word & 0xff}`);
  }
}

function readDate(input: ByteReader): Date {
  // oxlint-disable-next-line eslint/no-restricted-globals -- a value, not the clock
  const date = new Date(input.f64());
  // No writer lets one out, and nothing that reads keys expects one that it cannot encode.
  if (Number.isNaN(date.getTime())) throw decodeFailed("a key has an invalid date");
  return date;
}

function readTuple(input: ByteReader, count: number, depth: number): unknown[] {
  const parts: unknown[] = [];
  for (let index = 0; index < count; index += 1) parts.push(readPart(input, depth + 1));
  return parts;
}

function readFields(input: ByteReader, count: number, depth: number): object {
  const fields = {};
  for (let index = 0; index < count; index += 1) {
    const word = input.u32();
    if ((word & 0xff) !== keyTags.string) throw decodeFailed("a field of a key has no name");
    const name = input.utf16(word >>> 8);
    setField(fields, name, readPart(input, depth + 1));
  }
  return fields;
}
