/*
 * Totals of many accounts, of which the same number changes between any two checkpoints. Parameters,
 * all required: `accounts`, `changing`, `splits`, `checkpointMs`, `out` (a folder that stays empty).
 */
import { setTimeout as delay } from "node:timers/promises";

import { jsonLines } from "@millrace/file";
import {
  defineJob,
  type JobDefinition,
  type JsonValue,
  type SourceBatch,
  type SourceFactory,
  type SplitHandle,
} from "millrace";

import { numberOf, textOf } from "../job/params.ts";

interface Payment {
  readonly account: string;
  readonly amount: number;
  readonly count: number;
  readonly lastAtMs: number;
}

const changingAccounts: JobDefinition = defineJob("changing-accounts", (job, params) => {
  const interval = `${numberOf(params, "checkpointMs")} ms` as const;
  job.defaults({ checkpoint: { interval, minPause: "1 ms" } });
  job
    .source(
      "payments",
      payments({
        accounts: numberOf(params, "accounts"),
        changing: numberOf(params, "changing"),
        splits: numberOf(params, "splits"),
      }),
    )
    .keyBy(({ account }) => account)
    .reduce("totals", (total, payment) => ({
      account: total.account,
      amount: total.amount + payment.amount,
      count: total.count + 1,
      lastAtMs: payment.lastAtMs,
    }))
    .filter(() => false)
    .sink("nowhere", jsonLines({ path: textOf(params, "out") }));
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default changingAccounts;

interface PaymentsOptions {
  readonly accounts: number;
  /** Accounts that get a payment in each round. */
  readonly changing: number;
  readonly splits: number;
}

/** Returns a source that pays to every account once, and then to some of them in each round. */
function payments(options: PaymentsOptions): SourceFactory<Payment> {
  const { accounts, changing, splits } = options;
  return {
    createSource: () => ({
      connector: "payments",
      options: { ...options },
      canReplay: true,
      discover: () =>
        Promise.resolve(
          Array.from({ length: splits }, (_, index) => ({ id: String(index), descriptor: index })),
        ),
      createReader: () => ({
        open: (split, position) =>
          Promise.resolve(
            new PaymentSplit({
              index: Number(split.descriptor),
              splits,
              accounts: accounts / splits,
              changing: changing / splits,
              next: typeof position === "number" ? position : 0,
            }),
          ),
      }),
    }),
  };
}

const batchSize = 2_048;
/** A prime: rounds go through all accounts in an order of their own. */
const stride = 7_919;

interface PaymentSplitOptions {
  readonly index: number;
  readonly splits: number;
  /** Of this split. */
  readonly accounts: number;
  readonly changing: number;
  /** The number of the next payment. */
  readonly next: number;
}

/** A position is asked for at a barrier: when a round is out, the barrier opens the next one. */
class PaymentSplit implements SplitHandle<Payment> {
  readonly #options: PaymentSplitOptions;
  #next: number;
  #limit: number;
  #isClosed = false;

  constructor(options: PaymentSplitOptions) {
    const { accounts, changing, next } = options;
    this.#options = options;
    this.#next = next;
    this.#limit = accounts + Math.max(0, Math.ceil((next - accounts) / changing)) * changing;
  }

  async nextBatch(): Promise<SourceBatch<Payment> | undefined> {
    while (this.#next >= this.#limit && !this.#isClosed) await delay(2);
    const first = this.#next;
    this.#next = Math.min(first + batchSize, this.#limit);
    const records = Array.from({ length: this.#next - first }, (_, index) =>
      this.#payment(first + index),
    );
    return { records, positionAt: (index): JsonValue => this.#positionAt(first + index) };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #positionAt(position: number): number {
    if (position === this.#limit) this.#limit += this.#options.changing;
    return position;
  }

  #payment(number: number): Payment {
    const { accounts, index, splits } = this.#options;
    const ownAccount = number < accounts ? number : ((number - accounts) * stride) % accounts;
    const noise = Math.imul(number + 1, 2_654_435_761) >>> 0;
    return {
      account: `account-${String(ownAccount * splits + index).padStart(8, "0")}`,
      amount: noise / 100,
      count: 1,
      lastAtMs: 1_700_000_000_000 + number,
    };
  }
}
