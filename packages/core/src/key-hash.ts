import { ByteWriter } from "./codec/byte-writer.ts";
import { keyTags, maxKeyCount, normalNumber, writeKey } from "./key-codec.ts";
import { finish, mixWord, murmur3 } from "./murmur3.ts";

/** Names the encoding and the hash in snapshots: another one would put keys elsewhere. */
export const keyHashVersion = 1;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Returns murmur3 (x86, 32 bit) of the key's encoded bytes as a signed integer. Strings and numbers
 * are hashed without being encoded. Throws `key-not-encodable`.
 */
export function keyHash(key: unknown): number {
  if (typeof key === "string" && key.length <= maxKeyCount) return hashString(key);
  if (typeof key === "number") return hashNumber(key);
  const out = new ByteWriter({ initialBytes: 64 });
  writeKey(out, key);
  return murmur3(out.view());
}

function hashString(text: string): number {
  const { length } = text;
  let hash = mixWord(0, keyTags.string | (length << 8));
  const wholeUnits = length - (length % 2);
  for (let index = 0; index < wholeUnits; index += 2) {
    hash = mixWord(hash, text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16));
  }
  const tail = length > wholeUnits ? text.charCodeAt(wholeUnits) : 0;
  return finish(hash, tail, 4 + length * 2);
}

function hashNumber(value: number): number {
  scratch.setFloat64(0, normalNumber(value), true);
  let hash = mixWord(0, keyTags.number);
  hash = mixWord(hash, scratch.getInt32(0, true));
  hash = mixWord(hash, scratch.getInt32(4, true));
  return finish(hash, 0, 12);
}

/**
 * Returns what stands for the key in a JavaScript Map: two keys have the same one if and only if
 * their encoded bytes are equal. Primitives stand for themselves (a Map takes -0 for 0 and NaN for
 * NaN); other keys for their bytes, as a string that no key string gives.
 */
export function identityOf(key: unknown): unknown {
  if (typeof key === "string") return key.charCodeAt(0) === 0 ? `\0s${key}` : key;
  if (typeof key !== "object" || key === null) return key;
  const out = new ByteWriter({ initialBytes: 64 });
  writeKey(out, key);
  let text = "\0k";
  for (const byte of out.view()) text += String.fromCharCode(byte);
  return text;
}
