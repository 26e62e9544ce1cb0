import { ByteReader } from "./codec/byte-reader.ts";
import { ByteWriter } from "./codec/byte-writer.ts";
import { keyTags, maxKeyCount, normalNumber, readKey, writeKey } from "./key-codec.ts";
import { finish, mixWord, murmur3 } from "./murmur3.ts";

/** Names the hash in snapshots: another one would put keys into other groups. */
export const keyHashVersion = 1;

// Scratch memory to see a number's bits: written and read within one call, so not state.
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Returns murmur3 of the key's bytes as a signed 32-bit integer (V8 keeps those unboxed).
 * Strings and numbers are hashed without allocating. Throws `key-not-encodable`.
 */
export function keyHash(key: unknown): number {
  if (typeof key === "string" && key.length <= maxKeyCount) return hashString(key);
  if (typeof key === "number") return hashNumber(key);
  return murmur3(encode(key).view());
}

/**
 * What a Map can hold in place of the key: equal for two keys just when their bytes are equal.
 * Costs nothing for primitive keys; the bytes, as a string, for others. Throws `key-not-encodable`.
 */
export type KeyIdentity = string | number | bigint | boolean | null;

/** Returns the identity of the key. */
export function identityOf(key: unknown): KeyIdentity {
  if (typeof key === "string") return key.charCodeAt(0) === 0 ? `\0s${key}` : key;
  if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") return key;
  if (key === null) return null;
  // Behind a zero, where no identity of a string key can be: that would begin with "\0s".
  let identity = "\0k";
  for (const byte of encode(key).view()) identity += String.fromCharCode(byte);
  return identity;
}

/** Returns the key itself if it is primitive, else a copy that no one else can change. */
export function ownKey(key: unknown): unknown {
  if (typeof key !== "object" || key === null) return key;
  return readKey(new ByteReader(encode(key).view()));
}

function hashString(key: string): number {
  const { length } = key;
  let hash = mixWord(0, keyTags.string | (length << 8));
  const even = length - (length % 2);
  for (let index = 0; index < even; index += 2) {
    hash = mixWord(hash, key.charCodeAt(index) | (key.charCodeAt(index + 1) << 16));
  }
  return finish(hash, even < length ? key.charCodeAt(even) : 0, 4 + 2 * length);
}

function hashNumber(key: number): number {
  scratch.setFloat64(0, normalNumber(key), true);
  let hash = mixWord(0, keyTags.number);
  hash = mixWord(hash, scratch.getInt32(0, true));
  hash = mixWord(hash, scratch.getInt32(4, true));
  return finish(hash, 0, 12);
}

function encode(key: unknown): ByteWriter {
  const out = new ByteWriter({ initialBytes: 64 });
  writeKey(out, key);
  return out;
}
