import {
  assertNever,
  parseCheckpointId,
  parseLeaderEpoch,
  parseSubtaskId,
  parseVertexId,
  parseWorkerId,
} from "@millrace/core";

import {
  SessionResponse,
  type Deployment as WireDeployment,
  type AlignSources,
  type AssignSplit,
} from "../gen/millrace/v1/coordinator.ts";
import type { CoordinatorMessage, Deployment } from "../session-messages.ts";
import { fromBarrier, fromSplit, toBarrier, toSplit } from "./checkpoint.ts";
import { fromFailure, fromRef, parseJson, required, toFailure, toRef } from "./common.ts";
import { invalidMessage } from "./enums.ts";

type Command = NonNullable<SessionResponse["command"]>;

/** Returns the message as it goes over the wire. */
export function encodeCoordinatorMessage(message: CoordinatorMessage): Uint8Array {
  return SessionResponse.encode({ command: toCommand(message) }).finish();
}

/** Returns the message; throws `invalid-argument` if the bytes hold none that we know. */
export function decodeCoordinatorMessage(bytes: Uint8Array): CoordinatorMessage {
  return fromCommand(decodeResponse(bytes));
}

function decodeResponse(bytes: Uint8Array): Command {
  try {
    return required(SessionResponse.decode(bytes).command, "command");
  } catch (cause) {
    throw invalidMessage(`a coordinator's message cannot be read: ${String(cause)}`);
  }
}

function toCommand(message: CoordinatorMessage): Command {
  switch (message.kind) {
    case "welcome":
      return { $case: "welcome", value: { ...message } };
    case "refused":
      return { $case: "refused", value: { failure: toFailure(message.failure) } };
    case "deploy":
      return { $case: "deploy", value: toDeployment(message.deployment) };
    case "start":
      return { $case: "start", value: { ref: toRef(message.ref) } };
    case "assign-split":
      return {
        $case: "assignSplit",
        value: {
          ...message,
          ref: toRef(message.ref),
          split: message.split === undefined ? undefined : toSplit(message.split),
        },
      };
    case "inject-barrier":
      return {
        $case: "injectBarrier",
        value: { ref: toRef(message.ref), barrier: toBarrier(message.barrier) },
      };
    case "checkpoint-completed":
      return {
        $case: "checkpointCompleted",
        value: { ref: toRef(message.ref), checkpointId: message.checkpointId },
      };
    case "checkpoint-aborted":
      return {
        $case: "checkpointAborted",
        value: {
          ref: toRef(message.ref),
          checkpointId: message.checkpointId,
          reason: message.reason,
        },
      };
    case "stop-sources":
      return {
        $case: "stopSources",
        value: { ref: toRef(message.ref), isDrain: message.isDrain },
      };
    case "align-sources":
      return {
        $case: "alignSources",
        value: { ref: toRef(message.ref), limits: message.limits.map((limit) => ({ ...limit })) },
      };
    case "cancel-attempt":
      return {
        $case: "cancelAttempt",
        value: { ref: toRef(message.ref), reason: message.reason },
      };
    default:
      return assertNever(message);
  }
}

function fromCommand(command: Command): CoordinatorMessage {
  switch (command.$case) {
    case "welcome": {
      const { leaderEpoch, clusterId, heartbeatIntervalMs, heartbeatTimeoutMs } = command.value;
      return {
        kind: "welcome",
        leaderEpoch: parseLeaderEpoch(leaderEpoch),
        clusterId,
        heartbeatIntervalMs,
        heartbeatTimeoutMs,
      };
    }
    case "refused":
      return { kind: "refused", failure: fromFailure(command.value.failure) };
    case "deploy":
      return { kind: "deploy", deployment: fromDeployment(command.value) };
    case "start":
      return { kind: "start", ref: fromRef(command.value.ref) };
    case "assignSplit":
      return fromAssignSplit(command.value);
    case "injectBarrier":
      return {
        kind: "inject-barrier",
        ref: fromRef(command.value.ref),
        barrier: fromBarrier(command.value.barrier),
      };
    case "checkpointCompleted":
      return {
        kind: "checkpoint-completed",
        ref: fromRef(command.value.ref),
        checkpointId: parseCheckpointId(command.value.checkpointId),
      };
    case "checkpointAborted":
      return {
        kind: "checkpoint-aborted",
        ref: fromRef(command.value.ref),
        checkpointId: parseCheckpointId(command.value.checkpointId),
        reason: command.value.reason,
      };
    case "stopSources":
      return {
        kind: "stop-sources",
        ref: fromRef(command.value.ref),
        isDrain: command.value.isDrain,
      };
    case "alignSources":
      return fromAlignSources(command.value);
    case "cancelAttempt":
      return {
        kind: "cancel-attempt",
        ref: fromRef(command.value.ref),
        reason: command.value.reason,
      };
    default:
      return assertNever(command);
  }
}

function fromAlignSources({ ref, limits }: AlignSources): CoordinatorMessage {
  return {
    kind: "align-sources",
    ref: fromRef(ref),
    limits: limits.map(({ vertexId, maxWatermarkMs }) => ({
      vertexId: parseVertexId(vertexId),
      maxWatermarkMs,
    })),
  };
}

function fromAssignSplit(value: AssignSplit): CoordinatorMessage {
  const { subtaskIndex, requestNumber, split, isPoolEmpty, poolLowerBoundMs } = value;
  return {
    kind: "assign-split",
    ref: fromRef(value.ref),
    vertexId: parseVertexId(value.vertexId),
    subtaskIndex,
    requestNumber,
    ...(split === undefined ? {} : { split: fromSplit(split) }),
    isPoolEmpty,
    poolLowerBoundMs,
  };
}

function toDeployment(deployment: Deployment): WireDeployment {
  const { ref, params, environment, placements, restore, ...same } = deployment;
  return {
    ...same,
    ref: toRef(ref),
    paramsJson: JSON.stringify(params),
    environment: { ...environment },
    placements: placements.map((placement) => ({ ...placement })),
    restore:
      restore === undefined
        ? undefined
        : { checkpointId: restore.checkpointId, manifest: { ...restore.manifest } },
  };
}

function fromDeployment(value: WireDeployment): Deployment {
  const { bundleSha256, planSha256, planJson, environment, channelToken, restore } = value;
  return {
    ref: fromRef(value.ref),
    bundleSha256,
    planSha256,
    planJson,
    params: parseJson(value.paramsJson, "params_json"),
    environment,
    channelToken,
    placements: value.placements.map(({ subtaskId, workerId, slotIndex, dataAddress }) => ({
      subtaskId: parseSubtaskId(subtaskId).subtaskId,
      workerId: parseWorkerId(workerId),
      slotIndex,
      dataAddress,
    })),
    ...(restore === undefined
      ? {}
      : {
          restore: {
            checkpointId: parseCheckpointId(restore.checkpointId),
            manifest: required(restore.manifest, "manifest"),
          },
        }),
  };
}
