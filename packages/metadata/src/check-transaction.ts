import { StreamError } from "@millrace/core";

import type { MetadataTransaction } from "./metadata-store.ts";

/** etcd's defaults: `--max-txn-ops`, and what is left of `--max-request-bytes` (1.5 MiB). */
const maxOperations = 128;
const maxValueLength = 1_048_576;

/**
 * Refuses what etcd refuses, in every store alike: a key that is written twice, more than 128
 * compares or writes, a value longer than 1,048,576 characters. Throws `internal`: a caller's mistake.
 */
export function checkTransaction({ compares, writes }: MetadataTransaction): void {
  if (compares.length > maxOperations || writes.length > maxOperations) {
    throw refused(`it has more than ${maxOperations} compares or writes`);
  }
  const keys = new Set<string>();
  for (const write of writes) {
    if (keys.has(write.key)) throw refused(`it writes ${write.key} twice`);
    keys.add(write.key);
    if (write.kind === "put" && write.value.length > maxValueLength) {
      throw refused(`the value of ${write.key} is longer than ${maxValueLength}`);
    }
  }
}

function refused(reason: string): StreamError {
  return new StreamError("internal", `a metadata transaction is refused: ${reason}`, {
    domain: "internal",
    retry: "never",
  });
}
