import type { OperatorSpec } from "@millrace/graph";

/** A stream, and the name of what is put behind it. */
export interface Stage {
  readonly stream: number;
  readonly name: string;
}

/** What adds nodes to a drawn job. */
export interface SimGraph {
  /** Returns the node's id. */
  add(name: string, inputs: readonly number[], spec: OperatorSpec): number;
  /** Adds a `key-by` of the record's key behind the stream; returns its id. */
  keyBy(stage: Stage): number;
}
