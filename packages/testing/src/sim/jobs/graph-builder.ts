import {
  apiVersion,
  type OperatorSpec,
  type StreamGraph,
  type StreamNode,
  type UserFunction,
} from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimGraph, Stage } from "./sim-graph.ts";

/** Collects nodes; ids are positions. */
export class GraphBuilder implements SimGraph {
  /** Whether senders combine records where the operator allows it. */
  readonly isCombining: boolean;
  readonly #nodes: StreamNode[] = [];

  constructor(isCombining: boolean) {
    this.isCombining = isCombining;
  }

  add(
    name: string,
    inputs: readonly number[],
    spec: OperatorSpec,
    own: Pick<StreamNode, "parallelism" | "chaining"> = {},
  ): number {
    const id = this.#nodes.length;
    this.#nodes.push({ id, name, inputs, ...own, spec });
    return id;
  }

  keyBy({ stream, name }: Stage): number {
    const key: UserFunction = (record: { key: string }) => record.key;
    return this.add(`key-${name}`, [stream], { kind: "key-by", key });
  }

  processes(): readonly StreamNode[] {
    return this.#nodes.filter(({ spec }) => spec.kind === "process");
  }

  finish(draw: SeededRandom): StreamGraph {
    return {
      apiVersion,
      jobName: "sim",
      baseDirectory: "/",
      nodes: this.#nodes,
      settings: {
        parallelism: 1 + draw.below(3),
        maxParallelism: draw.pick([8, 128]),
        checkpoint: {
          intervalMs: 300 + draw.below(1_500),
          timeoutMs: 20_000,
          minPauseMs: 100,
          retainedCount: 1 + draw.below(3),
        },
        restart: { maxFailures: 1_000 },
      },
    };
  }
}
