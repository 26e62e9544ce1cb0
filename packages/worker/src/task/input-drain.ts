import { assert, type DrainPace, type LookAhead } from "@millrace/core";
import type { ConsumeRecord, InputChannel, RecordBatch } from "@millrace/exchange";

import type { InputGate } from "../input/input-gate.ts";
import type { SubtaskContext } from "./subtask-context.ts";

/** Hands the records of an input gate's batches to the chain of their subtask. */
export class InputDrain {
  readonly #context: SubtaskContext;
  readonly #input: InputGate;
  readonly #consumers: ReadonlyMap<number, ConsumeRecord>;
  readonly #lookAhead: LookAhead;

  constructor(options: {
    readonly context: SubtaskContext;
    readonly input: InputGate;
    /** What runs the records of an edge, by the edge's index. */
    readonly consumers: ReadonlyMap<number, ConsumeRecord>;
  }) {
    this.#context = options.context;
    this.#input = options.input;
    this.#consumers = options.consumers;
    this.#lookAhead = options.context.chain.lookAhead();
  }

  /** Drains the batch as far as the pace allows; throws what the chain threw, with its place. */
  run(
    { channel, batch }: { readonly channel: InputChannel; readonly batch: RecordBatch },
    pace: DrainPace,
  ): void {
    const { chain, subtaskId } = this.#context;
    const consume = this.#consumers.get(channel.address.edgeIndex);
    assert(consume !== undefined, `${subtaskId} has no edge ${channel.address.edgeIndex}`);
    try {
      if (batch.drain(consume, pace, this.#lookAhead)) this.#input.releaseBatch();
    } catch (error) {
      const position = describePosition(channel, batch);
      const keyGroup = chain.keyGroup();
      const group = keyGroup === undefined ? "" : `, key group ${keyGroup}`;
      throw chain.locate(error, { channel: position + group });
    }
  }
}

/** Where the record is that was handed out last: positions, never content. */
function describePosition({ address }: InputChannel, batch: RecordBatch): string {
  const { frameSequence, recordIndex } = batch.position();
  return (
    `edge ${address.edgeIndex} from subtask ${address.fromIndex}, ` +
    `frame ${frameSequence}, record ${recordIndex}`
  );
}
