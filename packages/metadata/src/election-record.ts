import type { MetadataEntry } from "./metadata-store.ts";

/** What the election key holds: who leads, and where it is reached. */
export interface ElectionRecord {
  /** New for each start of a coordinator. */
  readonly identity: string;
  /** `host:port` for workers and commands; may be empty. */
  readonly address: string;
}

export function encodeElectionRecord({ identity, address }: ElectionRecord): string {
  return JSON.stringify({ identity, address });
}

/** Returns the record; a value that is none belongs to somebody unknown. */
export function parseElectionRecord({ value }: MetadataEntry): ElectionRecord {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === "object" && parsed !== null) {
      return { identity: textOf(parsed, "identity"), address: textOf(parsed, "address") };
    }
  } catch {
    // Written by another version, or by hand.
  }
  return { identity: value, address: "" };
}

function textOf(record: object, field: string): string {
  const value: unknown = Reflect.get(record, field);
  return typeof value === "string" ? value : "";
}
