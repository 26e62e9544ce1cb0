import type { CommittedCheckpoint } from "@millrace/checkpoint";
import { StreamError } from "@millrace/core";
import type { VerifiedCheckpoint } from "@millrace/rpc";

import { createCheckpointVerifier, type VerifyPorts } from "./verify-checkpoint.ts";
import { verifyRetained, type VerifyRequest } from "./verify-retained.ts";

export type VerifyCall = (
  request: VerifyRequest,
  readPointers: () => Promise<readonly CommittedCheckpoint[]>,
) => Promise<readonly VerifiedCheckpoint[]>;

/**
 * Returns `verifyRetained` for a leader, which has other things to do: one at a time, others are
 * answered `unavailable`, which commands wait for.
 */
export function verifyOneAtATime(ports: VerifyPorts): VerifyCall {
  let isBusy = false;
  return async (request, readPointers) => {
    if (isBusy) {
      const message = "the leader is verifying other checkpoints; try again";
      throw new StreamError("unavailable", message, { domain: "external", retry: "backoff" });
    }
    isBusy = true;
    try {
      return await verifyRetained(createCheckpointVerifier(ports), request, readPointers);
    } finally {
      isBusy = false;
    }
  };
}
