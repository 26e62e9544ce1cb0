import { parseCheckpointId, parseJobId, streamErrorCodes } from "@millrace/core";

import * as wire from "../gen/millrace/v1/job.ts";
import type { CheckpointProblem, JobCalls, VerifiedCheckpoint } from "../job-calls.ts";
import { checkpointKinds, invalidMessage } from "./enums.ts";

type Call = JobCalls["VerifyCheckpoints"];

/** How the call goes over the wire. */
export const verifyCheckpointsCodec = {
  encodeRequest: (request: Call["request"]): Uint8Array =>
    wire.VerifyCheckpointsRequest.encode({
      jobId: request.jobId,
      checkpointId: request.checkpointId,
    }).finish(),
  decodeRequest(bytes: Uint8Array): Call["request"] {
    const { jobId, checkpointId } = wire.VerifyCheckpointsRequest.decode(bytes);
    return {
      jobId: parseJobId(jobId),
      ...(checkpointId === undefined ? {} : { checkpointId: parseCheckpointId(checkpointId) }),
    };
  },
  encodeResponse: ({ checkpoints }: Call["response"]): Uint8Array =>
    wire.VerifyCheckpointsResponse.encode({ checkpoints: checkpoints.map(toVerified) }).finish(),
  decodeResponse: (bytes: Uint8Array): Call["response"] => ({
    checkpoints: wire.VerifyCheckpointsResponse.decode(bytes).checkpoints.map(fromVerified),
  }),
};

function toVerified(checkpoint: VerifiedCheckpoint): wire.VerifiedCheckpoint {
  return {
    ...checkpoint,
    kind: checkpointKinds.toWire(checkpoint.kind),
    readBytes: BigInt(checkpoint.readBytes),
    entryCount: BigInt(checkpoint.entryCount),
    problems: checkpoint.problems.map((problem) => ({ ...problem })),
  };
}

function fromVerified(value: wire.VerifiedCheckpoint): VerifiedCheckpoint {
  return {
    ...value,
    checkpointId: parseCheckpointId(value.checkpointId),
    kind: checkpointKinds.fromWire(value.kind),
    readBytes: Number(value.readBytes),
    entryCount: Number(value.entryCount),
    problems: value.problems.map(fromProblem),
  };
}

function fromProblem({ objectName, code, message }: wire.CheckpointProblem): CheckpointProblem {
  const known = streamErrorCodes.find((one) => one === code);
  if (known === undefined) throw invalidMessage(`a problem has the unknown code ${code}`);
  return { objectName, code: known, message };
}
