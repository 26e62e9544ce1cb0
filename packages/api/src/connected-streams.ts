import type { CreateStream, DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import { addProcess, type ConnectedDefinition } from "./process.ts";
import type { StateDeclarations } from "./state.ts";

/** Two keyed streams side by side; what they become is said by `process`. */
export class ConnectedStreams<First, Second, K> {
  readonly #builder: GraphBuilder;
  readonly #inputs: readonly [number, number];
  readonly #createStream: CreateStream;
  /** Only types use it. */
  declare protected readonly recordTypes: readonly [First, Second, K];

  constructor(
    builder: GraphBuilder,
    inputs: readonly [number, number],
    createStream: CreateStream,
  ) {
    this.#builder = builder;
    this.#inputs = inputs;
    this.#createStream = createStream;
  }

  /**
   * The author's own functions, one for each stream, over state and timers that they share (Flink's
   * KeyedCoProcessFunction). Which of two records of different streams comes first is not promised.
   * The operator's watermark is the lower one of both streams.
   */
  process<R = never, S extends StateDeclarations = Record<never, never>>(
    name: string,
    definition: ConnectedDefinition<{ readonly first: First; readonly second: Second }, K, R, S>,
    { parallelism }: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const { onFirst, ...others } = definition;
    const place = { inputs: this.#inputs, name, parallelism };
    return this.#createStream(addProcess(this.#builder, place, { ...others, onRecord: onFirst }));
  }
}
