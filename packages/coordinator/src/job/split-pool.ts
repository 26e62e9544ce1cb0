/**
 * The splits of one source vertex that no reader has, during one attempt.
 *
 * I1 A split is in the pool or was assigned to exactly one reader (S9).
 * I2 The earliest goes first; a repeated request gets the same answer, an older one none: its split
 *    would be read by nobody (F9).
 * I3 Nobody is told that the pool is empty before it is discovered; where more may be discovered, who
 *    asks an empty pool is told to wait, and answered again once there is a split.
 */
import type { SplitPoolCut, SplitRecord } from "@millrace/checkpoint";
import { StreamError, type Failpoints, type VertexId } from "@millrace/core";

export interface SplitRequest {
  readonly subtaskIndex: number;
  readonly requestNumber: number;
}

export interface SplitAnswer extends SplitRequest {
  readonly split?: SplitRecord;
  readonly isPoolEmpty: boolean;
  readonly poolLowerBoundMs: number;
}

export class SplitPool {
  readonly #vertexId: VertexId;
  readonly #failpoints: Failpoints;
  readonly #splits: SplitRecord[];
  readonly #answers = new Map<number, SplitAnswer>();
  #isDiscovered: boolean;
  /** Of all splits so far, where more may be discovered. */
  #known: Set<string> | undefined;
  #assignedCount = 0;
  #waiting: SplitRequest[] = [];

  /** A cut of a manifest, or nothing when the job begins. */
  constructor(vertexId: VertexId, cut: SplitPoolCut | undefined, failpoints: Failpoints) {
    this.#vertexId = vertexId;
    this.#failpoints = failpoints;
    this.#splits = [...(cut?.splits ?? [])];
    this.#isDiscovered = cut?.isDiscovered ?? false;
    this.#known = cut?.known === undefined ? undefined : new Set(cut.known);
  }

  /**
   * Takes the splits in and answers who waits. With `hasMore` they may come again, and others later;
   * else a repeated report changes nothing.
   */
  discover(splits: readonly SplitRecord[], hasMore = false): readonly SplitAnswer[] {
    if (this.#isDiscovered && this.#known === undefined) return [];
    const repeated = findRepeated(splits);
    if (repeated !== undefined) {
      throw new StreamError(
        "source-failed",
        `source ${this.#vertexId} discovered two splits with the id ${JSON.stringify(repeated)}; ` +
          "the ids of a connector's splits must differ",
        { domain: "user", retry: "never" },
      );
    }
    this.#isDiscovered = true;
    const before = this.#known;
    this.#splits.push(...splits.filter(({ id }) => before?.has(id) !== true));
    this.#known = hasMore ? new Set([...(before ?? []), ...splits.map(({ id }) => id)]) : undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.map((request) => this.#assign(request));
  }

  /** Returns the answer, or undefined if it comes with the discovery. */
  request(request: SplitRequest): SplitAnswer | undefined {
    const { subtaskIndex, requestNumber } = request;
    const last = this.#answers.get(subtaskIndex);
    if (last?.requestNumber === requestNumber) return last;
    if (last !== undefined && requestNumber < last.requestNumber) return undefined;
    if (this.#isDiscovered) return this.#assign(request);
    const others = this.#waiting.filter((waiting) => waiting.subtaskIndex !== subtaskIndex);
    this.#waiting = [...others, request];
    return undefined;
  }

  /** What no reader has, at this place of the stream of assignments and barriers. */
  cut(): SplitPoolCut {
    return {
      vertexId: this.#vertexId,
      isDiscovered: this.#isDiscovered,
      splits: [...this.#splits],
      ...(this.#known === undefined ? {} : { known: [...this.#known] }),
    };
  }

  #assign(request: SplitRequest): SplitAnswer {
    const [split] = this.#splits;
    if (split === undefined && this.#known !== undefined) return this.#wait(request);
    this.#assignedCount += 1;
    const isForgotten =
      this.#assignedCount % 3 === 2 && this.#failpoints.isActive("split-assigned-twice");
    if (!isForgotten) this.#splits.shift();
    const answer: SplitAnswer = {
      ...request,
      ...(split === undefined ? {} : { split }),
      isPoolEmpty: this.#splits.length === 0 && this.#known === undefined,
      poolLowerBoundMs: this.#lowerBoundMs(),
    };
    this.#answers.set(request.subtaskIndex, answer);
    return answer;
  }

  /** There is none for now: the same request is answered again. */
  #wait(request: SplitRequest): SplitAnswer {
    const others = this.#waiting.filter(
      ({ subtaskIndex }) => subtaskIndex !== request.subtaskIndex,
    );
    this.#waiting = [...others, request];
    const answer = { ...request, isPoolEmpty: false, poolLowerBoundMs: Infinity };
    this.#answers.set(request.subtaskIndex, answer);
    return answer;
  }

  #lowerBoundMs(): number {
    return this.#splits.reduce(
      (least, { lowerBoundMs }) => Math.min(least, lowerBoundMs ?? -Infinity),
      Infinity,
    );
  }
}

function findRepeated(splits: readonly SplitRecord[]): string | undefined {
  const seen = new Set<string>();
  for (const { id } of splits) {
    if (seen.has(id)) return id;
    seen.add(id);
  }
  return undefined;
}
