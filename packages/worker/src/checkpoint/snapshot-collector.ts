import { segmentName, type WorkerCut } from "@millrace/checkpoint";
import {
  randomId,
  StreamError,
  toFailureData,
  type AttemptRef,
  type CheckpointId,
  type Compressor,
  type Digest,
  type Failpoints,
  type SubtaskId,
} from "@millrace/core";
import type { WorkerMessage } from "@millrace/rpc";

import type { SlotEvent } from "../slot/slot-messages.ts";
import { packBlock, summarizeBlocks, type PackedBlock } from "./packed-block.ts";
import { PendingSnapshot, type SnapshotDone } from "./pending-snapshot.ts";
import { buildSegment } from "./segment-writer.ts";
import { p99SliceMs } from "./slice-times.ts";
import { uploadObject, type UploaderPorts } from "./uploader.ts";

type AckMessage = Extract<WorkerMessage, { kind: "ack" }>;
type DeclineMessage = Extract<WorkerMessage, { kind: "decline" }>;
type SnapshotBlock = Extract<SlotEvent, { kind: "snapshot-block" }>;
type SnapshotFailed = Extract<SlotEvent, { kind: "snapshot-failed" }>;

export interface SnapshotCollectorOptions extends UploaderPorts {
  readonly ref: AttemptRef;
  /** All of this worker's, in the order of the plan. */
  readonly subtasks: readonly SubtaskId[];
  readonly compressor: Compressor;
  readonly digest: Digest;
  readonly failpoints: Failpoints;
  readonly onAck: (ack: AckMessage) => void;
  readonly onDecline: (decline: DeclineMessage) => void;
}

const rememberedIds = 64;

/**
 * Collects what the worker's subtasks store at each checkpoint and writes one segment of it. It
 * knows nothing of commits.
 *
 * I1 An ack names only what is durable (S5), and all subtasks of this worker.
 * I2 A checkpoint is answered once: with an ack, with a decline, or, when it was aborted, not at all.
 * I3 After that, what still comes of it is dropped.
 * I4 Nothing here removes a remote object (S4).
 */
export class SnapshotCollector {
  readonly #options: SnapshotCollectorOptions;
  readonly #pending = new Map<CheckpointId, PendingSnapshot>();
  readonly #answered = new Set<CheckpointId>();

  constructor(options: SnapshotCollectorOptions) {
    this.#options = options;
  }

  onBlock(event: SnapshotBlock): void {
    this.#pendingOf(event.checkpointId)?.addBlock(packBlock(event.block, this.#options));
  }

  onDone(event: SnapshotDone): void {
    const pending = this.#pendingOf(event.checkpointId);
    if (pending === undefined) return;
    pending.addCut(event);
    if (!pending.hasAll(this.#options.subtasks)) return;
    void this.#store(pending); // Answers by itself, also when it fails.
  }

  onFailed(event: SnapshotFailed): void {
    const pending = this.#pendingOf(event.checkpointId);
    if (pending !== undefined) this.#decline(pending, event.failure);
  }

  /** Cancels the upload; says nothing more of the checkpoint. */
  onAborted(checkpointId: CheckpointId): void {
    const pending = this.#pending.get(checkpointId);
    this.#settle(checkpointId);
    pending?.abort.abort(cancelled(`checkpoint ${checkpointId} was aborted`));
  }

  /** Older checkpoints that are still pending can no longer be committed. */
  onCompleted(checkpointId: CheckpointId): void {
    for (const pendingId of this.#pending.keys()) {
      if (pendingId < checkpointId) this.onAborted(pendingId);
    }
  }

  /** Cancels everything. */
  close(): void {
    for (const checkpointId of this.#pending.keys()) this.onAborted(checkpointId);
  }

  async #store(pending: PendingSnapshot): Promise<void> {
    const { clock, counters, failpoints } = this.#options;
    const startedMs = clock.monotonicMs();
    counters.uploadsRunning += 1;
    try {
      const blocks = await pending.blocks();
      const isAckEarly = failpoints.isActive("ack-before-durable");
      const segment = await this.#storeSegment(pending, blocks, isAckEarly);
      const uploadMs = clock.monotonicMs() - startedMs;
      counters.uploadMsTotal += uploadMs;
      this.#ack(pending, { ...segment, blocks: summarizeBlocks(blocks) }, uploadMs);
    } catch (caught) {
      this.#decline(pending, toFailureData(this.#toCheckpointFailure(pending, caught)));
    } finally {
      counters.uploadsRunning -= 1;
    }
  }

  async #storeSegment(
    pending: PendingSnapshot,
    blocks: readonly PackedBlock[],
    isAckEarly: boolean,
  ): Promise<Pick<WorkerCut, "segment">> {
    if (blocks.length === 0) return {};
    const { ref, config, random, counters } = this.#options;
    const { checkpointId } = pending;
    const name = segmentName(
      { jobId: ref.jobId, attempt: ref.attempt, checkpointId },
      { workerId: config.workerId, nonce: randomId(random) },
    );
    const { parts, ...layout } = buildSegment(blocks, this.#options);
    const upload = uploadObject(this.#options, { name, parts }, pending.abort.signal);
    if (isAckEarly) upload.catch(() => {});
    else await upload;
    counters.uploadedBytes += layout.lengthBytes;
    return { segment: { name, ...layout, ownerCheckpointId: checkpointId } };
  }

  #ack(pending: PendingSnapshot, stored: Omit<WorkerCut, "subtasks">, uploadMs: number): void {
    const { checkpointId } = pending;
    if (this.#pending.get(checkpointId) !== pending) return;
    const { ref, subtasks, counters, logger, onAck } = this.#options;
    this.#settle(checkpointId);
    counters.snapshotsAcked += 1;
    const cut = { ...stored, subtasks: pending.cutsOf(subtasks) };
    const timings = pending.timings(uploadMs);
    onAck({ kind: "ack", ref, checkpointId, cut, timings });
    const slices = pending.slices.read();
    const sliceCpu = pending.sliceCpu.read();
    counters.slicesMsTotal += slices.totalMs;
    counters.lastP99SliceMs = p99SliceMs(slices);
    counters.lastLongestSliceMs = slices.longestMs;
    logger.log("info", "snapshot stored", {
      jobId: ref.jobId,
      checkpointId,
      snapshotMs: timings.snapshotMs,
      uploadMs,
      sizeBytes: stored.segment?.lengthBytes ?? 0,
      slicesMs: slices.totalMs,
      p99SliceMs: counters.lastP99SliceMs,
      longestSliceMs: slices.longestMs,
      p99SliceCpuMs: p99SliceMs(sliceCpu),
      longestSliceCpuMs: sliceCpu.longestMs,
    });
  }

  #decline(pending: PendingSnapshot, failure: DeclineMessage["failure"]): void {
    const { checkpointId } = pending;
    if (this.#pending.get(checkpointId) !== pending) return;
    const { ref, counters, logger, onDecline } = this.#options;
    this.#settle(checkpointId);
    pending.abort.abort(cancelled(`checkpoint ${checkpointId} was declined`));
    counters.snapshotsDeclined += 1;
    logger.log("warn", "checkpoint declined", { checkpointId, cause: failure.message });
    onDecline({ kind: "decline", ref, checkpointId, failure });
  }

  #toCheckpointFailure(pending: PendingSnapshot, caught: unknown): unknown {
    if (!(caught instanceof StreamError)) return caught;
    const { ref, config } = this.#options;
    return new StreamError(
      "checkpoint-failed",
      `checkpoint ${pending.checkpointId} of job ${ref.jobId} could not be stored by worker ${config.workerId}: ${caught.message}`,
      { domain: caught.domain, retry: "backoff", cause: caught },
    );
  }

  #pendingOf(checkpointId: CheckpointId): PendingSnapshot | undefined {
    const known = this.#pending.get(checkpointId);
    if (known !== undefined || this.#answered.has(checkpointId)) return known;
    const pending = new PendingSnapshot(checkpointId);
    this.#pending.set(checkpointId, pending);
    return pending;
  }

  #settle(checkpointId: CheckpointId): void {
    this.#pending.delete(checkpointId);
    this.#answered.add(checkpointId);
    const [oldest] = this.#answered;
    if (this.#answered.size > rememberedIds && oldest !== undefined) this.#answered.delete(oldest);
  }
}

function cancelled(message: string): StreamError {
  return new StreamError("cancelled", message, { domain: "internal", retry: "never" });
}
