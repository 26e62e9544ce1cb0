import type { OperatorSpec, PlainFunctions } from "@millrace/graph";

import type { ParallelismOptions } from "./data-stream.ts";
import type { TagFor } from "./process.ts";
import { checkerOf, checkValue, type SchemaIssue, type StandardSchema } from "./standard-schema.ts";

/** A record that does not fit its schema, as side outputs get it. */
export interface InvalidRecord<T> {
  readonly record: T;
  readonly issues: readonly SchemaIssue[];
}

export interface CheckOptions<T> extends ParallelismOptions {
  /** Takes the records that do not fit; without it such a record fails the job. */
  readonly invalidTo?: TagFor<InvalidRecord<T>>;
}

interface CheckContext {
  emit(record: unknown): void;
  emitTo(tag: { readonly name: string }, record: unknown): void;
}

/** Returns the operator that lets through what fits the schema. */
export function checkSpec(
  name: string,
  schema: StandardSchema<unknown, unknown>,
  { invalidTo }: CheckOptions<never>,
): OperatorSpec {
  const what = `a record that came to operator ${name}`;
  if (invalidTo === undefined) return { kind: "map", map: checkerOf(schema, what) };
  const functions: PlainFunctions = {
    onRecord(record: unknown, context: CheckContext) {
      const checked = checkValue(schema, record, what);
      if (checked.isValid) context.emit(checked.value);
      else context.emitTo(invalidTo, { record, issues: checked.issues });
    },
  };
  return { kind: "plain-process", create: () => functions };
}
