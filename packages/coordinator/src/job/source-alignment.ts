import type { SubtaskId, VertexId } from "@millrace/core";
import { parseSubtaskId } from "@millrace/core";
import type { JobGraph } from "@millrace/graph";
import type { SourceLimit, SubtaskMetrics } from "@millrace/rpc";

interface AlignedSource {
  readonly vertexId: VertexId;
  readonly group: string;
  readonly maxDriftMs: number;
}

/**
 * How far the sources of a group may read in one attempt (Flink's watermark alignment). Pure.
 *
 * I1 No source waits before all subtasks of its group have said where they are.
 * I2 Where the slowest is, there is always room: its limit is above its own watermark.
 */
export class SourceAlignment {
  readonly #sources: readonly AlignedSource[];
  /** By group. */
  readonly #expected: ReadonlyMap<string, ReadonlySet<SubtaskId>>;
  readonly #watermarks = new Map<SubtaskId, number>();

  constructor(plan: JobGraph, subtaskIds: readonly SubtaskId[]) {
    this.#sources = plan.vertices.flatMap((vertex) => {
      const { group, maxDriftMs } = vertex.operators[0]?.alignment ?? {};
      if (group === undefined || maxDriftMs === undefined) return [];
      return [{ vertexId: vertex.id, group, maxDriftMs }];
    });
    const groups = Map.groupBy(this.#sources, ({ group }) => group);
    this.#expected = new Map(
      [...groups].map(([group, sources]) => {
        const vertices = new Set(sources.map(({ vertexId }) => vertexId));
        const own = subtaskIds.filter((id) => vertices.has(parseSubtaskId(id).vertexId));
        return [group, new Set(own)] as const;
      }),
    );
  }

  /**
   * Returns the limits by what subtasks say, also unchanged ones: whoever reports may have missed the
   * last ones with a session that broke. Undefined if there are none.
   */
  onMetrics(subtasks: readonly SubtaskMetrics[]): readonly SourceLimit[] | undefined {
    if (this.#sources.length === 0) return undefined;
    for (const { subtaskId, alignedMs } of subtasks) {
      if (alignedMs !== undefined) this.#watermarks.set(subtaskId, alignedMs);
    }
    const limits = this.#sources.flatMap(({ vertexId, group, maxDriftMs }) => {
      const slowestMs = this.#slowestOf(group);
      return slowestMs === undefined ? [] : [{ vertexId, maxWatermarkMs: slowestMs + maxDriftMs }];
    });
    return limits.length === 0 ? undefined : limits;
  }

  #slowestOf(group: string): number | undefined {
    let slowestMs = Infinity;
    for (const subtaskId of this.#expected.get(group) ?? []) {
      const watermarkMs = this.#watermarks.get(subtaskId);
      if (watermarkMs === undefined) return undefined;
      slowestMs = Math.min(slowestMs, watermarkMs);
    }
    return slowestMs;
  }
}
