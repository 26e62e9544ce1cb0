import type {
  BlockSummary,
  ManifestSegment,
  SplitRecord,
  SubtaskCut,
  WorkerCut,
} from "@millrace/checkpoint";
import { parseCheckpointId, parseSubtaskId, type Barrier } from "@millrace/core";

import type * as wire from "../gen/millrace/v1/checkpoint.ts";
import { parseJson, required } from "./common.ts";
import { barrierModes, blockKinds, blockRoles } from "./enums.ts";

export function toBarrier({ checkpointId, base, mode }: Barrier): wire.Barrier {
  return { checkpointId, base, mode: barrierModes.toWire(mode) };
}

export function fromBarrier(barrier: wire.Barrier | undefined): Barrier {
  const { checkpointId, base, mode } = required(barrier, "barrier");
  return {
    checkpointId: parseCheckpointId(checkpointId),
    ...(base === undefined ? {} : { base: parseCheckpointId(base) }),
    mode: barrierModes.fromWire(mode),
  };
}

export function toSplit({ id, descriptor, lowerBoundMs }: SplitRecord): wire.SplitRecord {
  return { id, descriptorJson: JSON.stringify(descriptor), lowerBoundMs };
}

export function fromSplit({ id, descriptorJson, lowerBoundMs }: wire.SplitRecord): SplitRecord {
  return {
    id,
    descriptor: parseJson(descriptorJson, "descriptor_json"),
    ...(lowerBoundMs === undefined ? {} : { lowerBoundMs }),
  };
}

export function toCut({ segment, blocks, subtasks }: WorkerCut): wire.WorkerCut {
  return {
    segment: segment === undefined ? undefined : toSegment(segment),
    blocks: blocks.map(toBlock),
    subtasks: subtasks.map((subtask) => ({ ...subtask })),
  };
}

export function fromCut(cut: wire.WorkerCut | undefined): WorkerCut {
  const { segment, blocks, subtasks } = required(cut, "cut");
  return {
    ...(segment === undefined ? {} : { segment: fromSegment(segment) }),
    blocks: blocks.map(fromBlock),
    subtasks: subtasks.map(fromSubtaskCut),
  };
}

function toSegment(segment: ManifestSegment): wire.Segment {
  return {
    ...segment,
    lengthBytes: BigInt(segment.lengthBytes),
    footerLength: BigInt(segment.footerLength),
  };
}

function fromSegment(segment: wire.Segment): ManifestSegment {
  return {
    name: segment.name,
    lengthBytes: Number(segment.lengthBytes),
    footerLength: Number(segment.footerLength),
    footerSha256: segment.footerSha256,
    ownerCheckpointId: parseCheckpointId(segment.ownerCheckpointId),
  };
}

function toBlock(block: BlockSummary): wire.BlockSummary {
  return {
    ...block,
    kind: blockKinds.toWire(block.kind),
    role: blockRoles.toWire(block.role),
    rawBytes: BigInt(block.rawBytes),
  };
}

function fromBlock(block: wire.BlockSummary): BlockSummary {
  const { operator, groupStart, groupEnd } = block;
  return {
    operator,
    kind: blockKinds.fromWire(block.kind),
    role: blockRoles.fromWire(block.role),
    groupStart,
    groupEnd,
    rawBytes: Number(block.rawBytes),
  };
}

function fromSubtaskCut(cut: wire.SubtaskCut): SubtaskCut {
  const { parallelism, watermarkMs, isDrained } = cut;
  const { subtaskId } = parseSubtaskId(cut.subtaskId);
  return { subtaskId, parallelism, watermarkMs, isDrained };
}
