import type { UserFunction } from "@millrace/graph";

import { checkerOf, isStandardSchema, type StandardSchema } from "./standard-schema.ts";

/** A type, said where a value cannot say it: `emits: type<{ user: string }>()`. */
export interface TypeTag<T> {
  readonly kind: "type";
  /** Only types use it. */
  readonly of?: T;
}

/**
 * What an operator emits: a type, which costs nothing, or a schema of the type, which each record that
 * is emitted is held against: one that does not fit fails the job with `record-invalid`. The schema's
 * result is what goes on, and has the same type.
 */
export type Emits<R> = TypeTag<R> | StandardSchema<R, R>;

/** Returns the mark of a type. */
export function type<T>(): TypeTag<T> {
  return { kind: "type" };
}

/** What makes an author's functions emit only what fits. */
interface EmitChecks {
  /** For functions over something and a context. */
  readonly ofTwo: (run: UserFunction<void>) => UserFunction<void>;
  /** For functions over a context. */
  readonly ofContext: (run: UserFunction<void>) => UserFunction<void>;
}

const noChecks: EmitChecks = { ofTwo: (run) => run, ofContext: (run) => run };

interface EmittingContext {
  readonly emit: (record: unknown) => void;
  /** What it has the rest of. */
  readonly __proto__?: object;
}

/** Returns what makes functions emit only what fits the schema; without one each stays as it is. */
export function checkEmits(emits: Emits<unknown> | undefined, operatorName: string): EmitChecks {
  if (!isStandardSchema<unknown>(emits)) return noChecks;
  const check = checkerOf(emits, `a record that operator ${operatorName} emits`);
  let known: EmittingContext | undefined;
  let checked: EmittingContext | undefined;
  // One context serves all calls of a subtask; what it holds shows through.
  const contextOf = (context: EmittingContext): EmittingContext => {
    if (context === known && checked !== undefined) return checked;
    known = context;
    checked = { __proto__: context, emit: (record) => context.emit(check(record)) };
    return checked;
  };
  return {
    ofTwo: (run) => (what: unknown, context: EmittingContext) => run(what, contextOf(context)),
    ofContext: (run) => (context: EmittingContext) => run(contextOf(context)),
  };
}
