import type { IKeyValue } from "etcd3";

import type { MetadataEntry } from "./metadata-store.ts";

/** The part of etcd's keys that a store has for itself. */
export interface Keyspace {
  toKey(key: string): Buffer;
  fromKey(key: Buffer): string;
  /** The range of all keys with the prefix, as etcd wants it. */
  rangeOf(prefix: string): { readonly key: Buffer; readonly range_end: Buffer };
}

/** Returns the keys that begin with `root`, which may be empty. */
export function createKeyspace(root: string): Keyspace {
  const toKey = (key: string): Buffer => Buffer.from(root + key);
  return {
    toKey,
    fromKey: (key) => key.toString().slice(root.length),
    rangeOf: (prefix) => {
      const key = toKey(prefix);
      // Both ends of one zero byte: every key there is.
      if (key.length === 0) return { key: Buffer.of(0), range_end: Buffer.of(0) };
      return { key, range_end: endOf(key) };
    },
  };
}

/** Returns the first key after all that begin with the prefix; UTF-8 has no byte 255. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
}

export function toEntry(keyspace: Keyspace, kv: IKeyValue): MetadataEntry {
  return {
    key: keyspace.fromKey(kv.key),
    value: kv.value.toString(),
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
  };
}
