/*
 * The main job, departure-delays, over its input repeated: it runs for as long as the faults need.
 * Parameters, all required: `flights` (the Parquet file), `loops`, `splitRows`, `control` and `out`
 * (folders), `rate` (rows per second), `checkpointMs`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, tumbling, type JobDefinition } from "millrace";

import { numberOf, textOf } from "../../bench/job/params.ts";
import { repeatedFlights } from "./repeated-flights.ts";

/** A line of the output. */
interface HourlyDelay {
  readonly airport: string;
  /** When the hour began, in milliseconds since the epoch. */
  readonly hour: number;
  readonly flights: number;
  readonly meanDelayMinutes: number;
}

const endlessDelays: JobDefinition = defineJob("endless-delays", (job, params) => {
  job.defaults({ checkpoint: { interval: `${numberOf(params, "checkpointMs")} ms` } });
  job
    .source(
      "flights",
      repeatedFlights({
        path: textOf(params, "flights"),
        loopCount: numberOf(params, "loops"),
        splitRows: numberOf(params, "splitRows"),
        controlFolder: textOf(params, "control"),
      }),
      {
        watermarks: { timestamp: (flight) => flight.date.getTime(), outOfOrderness: "10 minutes" },
        rateLimit: numberOf(params, "rate"),
      },
    )
    .map(({ origin, delay }) => ({ origin, delay }))
    .keyBy((flight) => flight.origin)
    .window(tumbling("1 hour"))
    .aggregate("hourly-delay", {
      create: () => ({ flights: 0, minutes: 0 }),
      add: (sum, flight) => {
        sum.flights += 1;
        sum.minutes += flight.delay;
      },
      merge: (sum, other) => {
        sum.flights += other.flights;
        sum.minutes += other.minutes;
      },
      result: (sum, { key, window }): HourlyDelay => ({
        airport: key,
        hour: window.start,
        flights: sum.flights,
        meanDelayMinutes: sum.minutes / sum.flights,
      }),
    })
    .sink("board", jsonLines({ path: textOf(params, "out") }));
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default endlessDelays;
