import type { SubtaskId, VertexId, WorkerId } from "@millrace/core";

/** Where one subtask of an attempt runs and where its slot listens for records. */
export interface Placement {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  /** Of its vertex. */
  readonly parallelism: number;
  readonly workerId: WorkerId;
  readonly slotIndex: number;
  readonly dataAddress: string;
}
