import { parseAttempt, parseCheckpointId, StreamError } from "@millrace/core";
import type { Attempt, CheckpointId } from "@millrace/core";
import { z } from "zod";

import type { CheckpointKind } from "./manifest.ts";

/** The pointer to a committed checkpoint: what `head` and `checkpoints/<id>` hold in the metadata. */
export interface CommittedCheckpoint {
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
  /** The head that it replaced; absent for the first, and for those of versions that did not say it. */
  readonly parentId?: CheckpointId;
  readonly attempt: Attempt;
  /** Of the commit that wrote it: with id and attempt it decides an unknown outcome (S3). */
  readonly nonce: string;
  readonly manifestName: string;
  readonly manifestSha256: string;
  readonly completedAtMs: number;
  readonly durationMs: number;
  /** Uploaded for this checkpoint, and referenced by it in all. */
  readonly newBytes: number;
  readonly totalBytes: number;
}

const schema = z.object({
  checkpointId: z.string().regex(/^\d{1,20}$/),
  kind: z.enum(["checkpoint", "savepoint", "final"]),
  parentId: z
    .string()
    .regex(/^\d{1,20}$/)
    .exactOptional(),
  attempt: z.number(),
  nonce: z.string().max(64),
  manifestName: z.string().max(512),
  manifestSha256: z.string().regex(/^[0-9a-f]{64}$/),
  completedAtMs: z.number(),
  durationMs: z.number(),
  newBytes: z.number(),
  totalBytes: z.number(),
});

/** Returns the pointer as it stands in the metadata: JSON, ids as decimal strings. */
export function encodeCommittedCheckpoint(checkpoint: CommittedCheckpoint): string {
  return JSON.stringify(checkpoint, (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

/** Returns the pointer; throws `manifest-corrupt` if the text is none. */
export function parseCommittedCheckpoint(text: string): CommittedCheckpoint {
  try {
    const { parentId, ...data } = schema.parse(JSON.parse(text));
    return {
      ...data,
      ...(parentId === undefined ? {} : { parentId: parseCheckpointId(BigInt(parentId)) }),
      checkpointId: parseCheckpointId(BigInt(data.checkpointId)),
      attempt: parseAttempt(data.attempt),
    };
  } catch (cause) {
    throw new StreamError(
      "manifest-corrupt",
      `the metadata holds no readable pointer to a checkpoint: ${String(cause)}; restore the metadata store`,
      { domain: "external", retry: "never", cause },
    );
  }
}
