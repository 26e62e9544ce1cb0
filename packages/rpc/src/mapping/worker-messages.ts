import {
  assertNever,
  parseCheckpointId,
  parseSubtaskId,
  parseVertexId,
  parseWorkerId,
} from "@millrace/core";

import { SessionRequest } from "../gen/millrace/v1/coordinator.ts";
import type { SubtaskStateChange } from "../gen/millrace/v1/worker.ts";
import type { SubtaskState, WorkerMessage } from "../session-messages.ts";
import { fromCut, fromSplit, toCut, toSplit } from "./checkpoint.ts";
import {
  fromFailure,
  fromLogLine,
  fromMetrics,
  fromRef,
  required,
  toFailure,
  toLogLine,
  toMetrics,
  toRef,
} from "./common.ts";
import { invalidMessage } from "./enums.ts";

type Event = NonNullable<SessionRequest["event"]>;

/** Returns the message as it goes over the wire. */
export function encodeWorkerMessage(message: WorkerMessage): Uint8Array {
  return SessionRequest.encode({ event: toEvent(message) }).finish();
}

/** Returns the message; throws `invalid-argument` if the bytes hold none that we know. */
export function decodeWorkerMessage(bytes: Uint8Array): WorkerMessage {
  return fromEvent(decodeRequest(bytes));
}

function decodeRequest(bytes: Uint8Array): Event {
  try {
    return required(SessionRequest.decode(bytes).event, "event");
  } catch (cause) {
    throw invalidMessage(`a worker's message cannot be read: ${String(cause)}`);
  }
}

function toEvent(message: WorkerMessage): Event {
  switch (message.kind) {
    case "register":
      return {
        $case: "register",
        value: {
          ...message,
          slots: message.slots.map((slot) => ({ ...slot })),
          running: message.running.map(toRef),
        },
      };
    case "slot-ready":
      return { $case: "slotReady", value: { slot: { ...message.slot } } };
    case "discovered-splits":
      return {
        $case: "discoveredSplits",
        value: {
          ref: toRef(message.ref),
          vertexId: message.vertexId,
          splits: message.splits.map(toSplit),
          hasMore: message.hasMore === true,
        },
      };
    case "request-split":
      return { $case: "requestSplit", value: { ...message, ref: toRef(message.ref) } };
    case "log-lines":
      return {
        $case: "logLines",
        value: { ref: toRef(message.ref), lines: message.lines.map(toLogLine) },
      };
    case "heartbeat":
      return {
        $case: "heartbeat",
        value: { sentAtMs: message.sentAtMs, subtasks: message.subtasks.map(toMetrics) },
      };
    case "draining":
      return { $case: "draining", value: {} };
    case "subtask-state":
    case "ack":
    case "decline":
    case "published":
      return toProgressEvent(message);
    default:
      return assertNever(message);
  }
}

/** What a worker says of an attempt's course: the states of its subtasks, its checkpoints. */
type ProgressMessage = Extract<
  WorkerMessage,
  { readonly kind: "subtask-state" | "ack" | "decline" | "published" }
>;
type ProgressEvent = Extract<Event, { $case: "subtaskState" | "ack" | "decline" | "published" }>;

function toProgressEvent(message: ProgressMessage): ProgressEvent {
  switch (message.kind) {
    case "subtask-state":
      return {
        $case: "subtaskState",
        value: {
          ref: toRef(message.ref),
          subtaskId: message.subtaskId,
          state: toState(message.state),
        },
      };
    case "ack":
      return {
        $case: "ack",
        value: {
          ref: toRef(message.ref),
          checkpointId: message.checkpointId,
          cut: toCut(message.cut),
          timings: { ...message.timings },
        },
      };
    case "decline":
      return {
        $case: "decline",
        value: {
          ref: toRef(message.ref),
          checkpointId: message.checkpointId,
          failure: toFailure(message.failure),
        },
      };
    case "published":
      return {
        $case: "published",
        value: { ref: toRef(message.ref), checkpointId: message.checkpointId },
      };
    default:
      return assertNever(message);
  }
}

function fromEvent(event: Event): WorkerMessage {
  switch (event.$case) {
    case "register": {
      const { protocolVersion, version, incarnation, processId, slots } = event.value;
      return {
        kind: "register",
        protocolVersion,
        version,
        workerId: parseWorkerId(event.value.workerId),
        incarnation,
        processId,
        slots,
        running: event.value.running.map(fromRef),
      };
    }
    case "slotReady":
      return { kind: "slot-ready", slot: required(event.value.slot, "slot") };
    case "discoveredSplits":
      return {
        kind: "discovered-splits",
        ref: fromRef(event.value.ref),
        vertexId: parseVertexId(event.value.vertexId),
        splits: event.value.splits.map(fromSplit),
        ...(event.value.hasMore ? { hasMore: true } : {}),
      };
    case "requestSplit":
      return {
        kind: "request-split",
        ref: fromRef(event.value.ref),
        vertexId: parseVertexId(event.value.vertexId),
        subtaskIndex: event.value.subtaskIndex,
        requestNumber: event.value.requestNumber,
      };
    case "logLines":
      return {
        kind: "log-lines",
        ref: fromRef(event.value.ref),
        lines: event.value.lines.map(fromLogLine),
      };
    case "heartbeat":
      return {
        kind: "heartbeat",
        sentAtMs: event.value.sentAtMs,
        subtasks: event.value.subtasks.map(fromMetrics),
      };
    case "draining":
      return { kind: "draining" };
    case "subtaskState":
    case "ack":
    case "decline":
    case "published":
      return fromProgressEvent(event);
    default:
      return assertNever(event);
  }
}

function fromProgressEvent(event: ProgressEvent): ProgressMessage {
  switch (event.$case) {
    case "subtaskState":
      return {
        kind: "subtask-state",
        ref: fromRef(event.value.ref),
        subtaskId: parseSubtaskId(event.value.subtaskId).subtaskId,
        state: fromState(event.value.state),
      };
    case "ack":
      return {
        kind: "ack",
        ref: fromRef(event.value.ref),
        checkpointId: parseCheckpointId(event.value.checkpointId),
        cut: fromCut(event.value.cut),
        timings: required(event.value.timings, "timings"),
      };
    case "decline":
      return {
        kind: "decline",
        ref: fromRef(event.value.ref),
        checkpointId: parseCheckpointId(event.value.checkpointId),
        failure: fromFailure(event.value.failure),
      };
    case "published":
      return {
        kind: "published",
        ref: fromRef(event.value.ref),
        checkpointId: parseCheckpointId(event.value.checkpointId),
      };
    default:
      return assertNever(event);
  }
}

function toState(state: SubtaskState): SubtaskStateChange["state"] {
  switch (state.kind) {
    case "ready": {
      const { restoredBytes, sourcePositions } = state;
      return { $case: "ready", value: { restoredBytes: BigInt(restoredBytes), sourcePositions } };
    }
    case "running":
    case "stopped":
    case "drained":
      return { $case: state.kind, value: {} };
    case "failed":
      return { $case: "failed", value: { failure: toFailure(state.failure) } };
    default:
      return assertNever(state);
  }
}

function fromState(state: SubtaskStateChange["state"]): SubtaskState {
  const known = required(state, "state");
  switch (known.$case) {
    case "ready": {
      const { restoredBytes, sourcePositions } = known.value;
      return {
        kind: "ready",
        restoredBytes: Number(restoredBytes),
        ...(sourcePositions === undefined ? {} : { sourcePositions }),
      };
    }
    case "running":
    case "stopped":
    case "drained":
      return { kind: known.$case };
    case "failed":
      return { kind: "failed", failure: fromFailure(known.value.failure) };
    default:
      return assertNever(known);
  }
}
