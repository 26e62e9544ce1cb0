/*
 * Measures windows over keyed state in a process of its own, without tasks, exchange and checkpoints:
 * `node --expose-gc measure-windows.ts '<options>'` prints one line of JSON. Results are checked.
 */
import { setImmediate } from "node:timers/promises";

import {
  defineJob,
  elements,
  session,
  sliding,
  tumbling,
  type JobDefinition,
  type WindowAssigner,
} from "millrace";

import { WindowRun } from "./window-run.ts";

/** What to measure. */
export interface WindowOptions {
  readonly windows:
    | "tumbling 10 s"
    | "sliding 10 s / 1 s"
    | "sliding 1 h / 1 min"
    /** Of a tenth of the keys at a time, each for 20 s. */
    | "sessions of 10 s";
  /** An object is `{count, sum}`, changed in place. */
  readonly aggregate: "count" | "sum" | "object";
  readonly keyKind: "string" | "number";
  readonly keyCount: number;
  readonly recordsPerPane: number;
  readonly paneCount: number;
}

/** Times are CPU time of the process, collections included, without making and hashing keys. */
export interface WindowFigures {
  readonly recordNs: number;
  readonly resultNs: number;
  /** What the window's firings and the dropping of its panes cost, shared out over its records. */
  readonly totalNs: number;
  /**
   * 1,000 records, or one call of `advanceWatermark` with a budget of 2 ms: wall time, less what the
   * thread waited for a processor.
   */
  readonly longestPauseMs: number;
  readonly bytesPerCell: number;
}

/** A record: nothing but an amount, so that what is measured is windows. */
interface Amount {
  readonly amount: number;
}

/** Returns a job whose only purpose is its window, as an author writes it. */
function defineWindows({ windows, aggregate }: WindowOptions): JobDefinition {
  return defineJob("windows", (job) => {
    const windowed = job
      .source("amounts", elements<Amount>([]), {
        watermarks: { timestamp: () => 0, outOfOrderness: "0 ms" },
      })
      .keyBy(() => 0)
      .window(assignerOf(windows));
    if (aggregate === "count") windowed.count("window").print();
    if (aggregate === "sum") windowed.sum("window", ({ amount }) => amount).print();
    if (aggregate !== "object") return;
    windowed
      .aggregate("window", {
        create: () => ({ count: 0, sum: 0 }),
        add: (total, { amount }) => {
          total.count += 1;
          total.sum += amount;
        },
        merge: (into, from) => {
          into.count += from.count;
          into.sum += from.sum;
        },
        result: ({ sum }, { key, window }) => ({ key, window, value: sum }),
      })
      .print();
  });
}

function assignerOf(windows: WindowOptions["windows"]): WindowAssigner<Amount> {
  switch (windows) {
    case "tumbling 10 s":
      return tumbling("10 seconds");
    case "sliding 10 s / 1 s":
      return sliding("10 seconds", "1 second");
    case "sliding 1 h / 1 min":
      return sliding("1 hour", "1 minute");
    case "sessions of 10 s":
      return session("10 seconds");
  }
}

async function measure(options: WindowOptions): Promise<WindowFigures> {
  const { paneCount } = options;
  const run = new WindowRun(options, defineWindows(options));
  // Code is compiled for the first panes, and windows fill; all panes count where they are few.
  for (let pane = 0; pane < paneCount; pane += 1) {
    if (pane === Math.floor(paneCount / 2)) run.startToCount();
    run.addPane(pane);
    await setImmediate();
  }
  return run.finish();
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("usage: measure-windows.ts '<options as JSON>'");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- windows.ts writes them
const figures = await measure(JSON.parse(argument) as WindowOptions);
process.stdout.write(`${JSON.stringify(figures)}\n`);
