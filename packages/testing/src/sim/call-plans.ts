import type { SimProcess } from "./sim-process.ts";
import type { CallFate } from "./store-call.ts";

interface CallPlan {
  /** From 1. */
  readonly call: number;
  readonly isDone: boolean;
  /** Called when the process dies. */
  readonly onDeath: () => void;
}

/** Which processes die at which of their calls of a store: between any two of them (F4). */
export class CallPlans {
  readonly #plans = new Map<SimProcess, CallPlan & { callsMade: number }>();
  readonly #counts = new Map<string, number>();

  /** From now on the process's calls are counted towards its end. */
  plan(process: SimProcess, plan: CallPlan): void {
    this.#plans.set(process, { ...plan, callsMade: 0 });
  }

  /** The process makes a call. */
  fateOf(process: SimProcess): CallFate {
    const [machine = ""] = process.name.split(".");
    this.#counts.set(machine, (this.#counts.get(machine) ?? 0) + 1);
    const plan = this.#plans.get(process);
    if (plan === undefined) return "lives";
    plan.callsMade += 1;
    if (plan.callsMade < plan.call) return "lives";
    this.#plans.delete(process);
    // A call that is slow to be done is its death only then.
    process.onKill(plan.onDeath);
    return plan.isDone ? "dies-after" : "dies-before";
  }

  /** How many calls the processes of each machine, such as `worker-0`, have made. */
  callsByMachine(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
