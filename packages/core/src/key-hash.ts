import { ByteReader } from "./codec/byte-reader.ts";
import { ByteWriter } from "./codec/byte-writer.ts";
import { maxKeyCount, readKey, writeKey } from "./key-codec.ts";
import { hashNumber, hashString, KeyMurmur } from "./key-murmur.ts";
import { KeyText } from "./key-text.ts";

/** Names the hash in snapshots: another one would put keys into other groups. */
export const keyHashVersion = 1;

/**
 * Returns murmur3 of the key's bytes as a signed 32-bit integer (V8 keeps those unboxed).
 * Strings and numbers are hashed without allocating, others without their bytes. Throws `key-not-encodable`.
 */
export function keyHash(key: unknown): number {
  if (typeof key === "string" && key.length <= maxKeyCount) return hashString(key);
  if (typeof key === "number") return hashNumber(key);
  const murmur = new KeyMurmur();
  writeKey(murmur, key);
  return murmur.hash();
}

/**
 * What a Map can hold in place of the key: equal for two keys just when their bytes are equal.
 * Costs nothing for primitive keys; a text in place of the bytes for others. Throws `key-not-encodable`.
 */
export type KeyIdentity = string | number | bigint | boolean | null;

/** Returns the identity of the key. */
export function identityOf(key: unknown): KeyIdentity {
  if (typeof key === "string") return key.charCodeAt(0) === 0 ? `\0s${key}` : key;
  if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") return key;
  if (key === null) return null;
  const text = new KeyText();
  writeKey(text, key);
  return text.text();
}

/** Returns the key itself if it is primitive, else a copy that no one else can change. */
export function ownKey(key: unknown): unknown {
  if (typeof key !== "object" || key === null) return key;
  const out = new ByteWriter({ initialBytes: 128 });
  writeKey(out, key);
  return readKey(new ByteReader(out.view()));
}
