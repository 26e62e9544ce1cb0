import type { CreateStream } from "./data-stream.ts";
import type { GraphBuilder } from "./graph-builder.ts";

/** Where joins of two inputs hang in the graph; the left one is the first. */
export interface JoinPlace {
  readonly builder: GraphBuilder;
  readonly inputs: readonly [number, number];
  readonly createStream: CreateStream;
}
