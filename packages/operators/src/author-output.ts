import type { OperatorContext, Output } from "./operator.ts";

/** What functions without keys emit through; one object for all records, its timestamp changes. */
export interface AuthorOutput {
  timestamp: number;
  readonly watermark: number;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  emit(value: unknown): void;
  emitTo(tag: { readonly name: string }, value: unknown): void;
}

/** Returns the outputs of an operator as its author's functions get them. */
export function createAuthorOutput(context: OperatorContext): AuthorOutput {
  const { output, sideOutput, seenWatermarkMs, subtaskIndex, parallelism } = context;
  const sides = new Map<string, Output>();
  const author: AuthorOutput = {
    timestamp: -Infinity,
    get watermark() {
      return seenWatermarkMs();
    },
    subtaskIndex,
    parallelism,
    emit(value) {
      output.emit(value, author.timestamp);
    },
    emitTo({ name }, value) {
      let side = sides.get(name);
      if (side === undefined) {
        side = sideOutput(name);
        sides.set(name, side);
      }
      side.emit(value, author.timestamp);
    },
  };
  return author;
}
