import type { JsonValue, StreamError, SubtaskId } from "@millrace/core";
import type { Operator } from "@millrace/operators";

import { locateFailure } from "./chain-failure.ts";
import type { ChainStep } from "./compile-chain.ts";

interface HookedOperator {
  readonly name: string;
  readonly operator: Operator;
}

/**
 * What the operators of a chain do before their first record and behind their last. Not concerned
 * with records, watermarks and snapshots.
 *
 * I1 Operators take their turn first to last, each once the one before has done; they let go all at once.
 * I2 What one throws says which it was.
 */
export class OperatorHooks {
  readonly #subtaskId: SubtaskId;
  readonly #operators: readonly HookedOperator[];

  constructor(subtaskId: SubtaskId, steps: readonly ChainStep[]) {
    this.#subtaskId = subtaskId;
    this.#operators = steps.flatMap((step) =>
      step.kind === "operator" ? [{ name: step.name, operator: step.operator }] : [],
    );
  }

  /** Hands each operator the entries of all old subtasks; it takes those that are its own. */
  async restoreLists(entriesOf: (name: string) => readonly JsonValue[]): Promise<void> {
    for (const { name, operator } of this.#operators) {
      try {
        await operator.restoreList?.(entriesOf(name));
      } catch (caught) {
        throw this.#locate(caught, name, "");
      }
    }
  }

  /** Has each operator do what it does before its first record. */
  async start(isRestored: boolean): Promise<void> {
    for (const { name, operator } of this.#operators) {
      try {
        await operator.start?.(isRestored);
      } catch (caught) {
        throw this.#locate(caught, name, "open of");
      }
    }
  }

  /** Has each operator do what it does behind its last record; undefined: none has anything to do. */
  finish(): Promise<void> | undefined {
    const hooks = this.#operators.flatMap(({ name, operator: { finish } }) =>
      finish === undefined ? [] : [{ name, finish }],
    );
    return hooks.length === 0 ? undefined : this.#finishAll(hooks);
  }

  async #finishAll(
    hooks: readonly { readonly name: string; readonly finish: () => Promise<void> }[],
  ): Promise<void> {
    for (const { name, finish } of hooks) {
      try {
        await finish();
      } catch (caught) {
        throw this.#locate(caught, name, "close of");
      }
    }
  }

  /** Whether an operator holds something outside that it lets go of. */
  holdsOutside(): boolean {
    return this.#operators.some(({ operator }) => operator.letGo !== undefined);
  }

  /** Has all operators let go of what they hold outside; one that throws or hangs keeps no other from it. */
  async letGo(onFailure: (error: StreamError) => void): Promise<void> {
    await Promise.all(
      this.#operators.map(async ({ name, operator }) => {
        try {
          await operator.letGo?.();
        } catch (caught) {
          onFailure(this.#locate(caught, name, "close of"));
        }
      }),
    );
  }

  #locate(caught: unknown, operator: string, role: string): StreamError {
    return locateFailure(caught, { subtaskId: this.#subtaskId, operator, role, position: {} });
  }
}
