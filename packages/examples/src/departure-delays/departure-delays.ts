/*
 * The departures of US flights in the first half of 2001: for each airport and hour the number of
 * flights and their mean delay. Parameters: `flights` (the Parquet file), `limit` (rows to read),
 * `rate` (rows per second), `out` (the folder for the results), `checkpointMs`.
 */
import { jsonLines } from "@millrace/file";
import { parquet } from "@millrace/parquet";
import { defineJob, tumbling } from "millrace";

import { readNumber, readText } from "../read-param.ts";

interface Flight {
  readonly date: Date;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** A line of the output. */
export interface HourlyDelay {
  readonly airport: string;
  /** When the hour began, in milliseconds since the epoch. */
  readonly hour: number;
  readonly flights: number;
  readonly meanDelayMinutes: number;
}

const flightsOfRepository = "packages/examples/node_modules/vega-datasets/data/flights-3m.parquet";

export default defineJob("departure-delays", (job, params) => {
  const path = readText(params, "flights") ?? flightsOfRepository;
  const limit = readNumber(params, "limit");
  const rate = readNumber(params, "rate");

  job.defaults({ checkpoint: { interval: `${readNumber(params, "checkpointMs") ?? 2_000} ms` } });
  job
    .source(
      "flights",
      parquet<Flight>({
        path,
        timestampColumn: "date",
        ...(limit === undefined ? {} : { maxRows: limit }),
      }),
      {
        watermarks: {
          timestamp: (flight) => flight.date.getTime(),
          outOfOrderness: "10 minutes",
        },
        ...(rate === undefined ? {} : { rateLimit: rate }),
      },
    )
    // Only what is needed crosses to the other worker.
    .map((flight) => ({ origin: flight.origin, delay: flight.delay }))
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
    .sink("board", jsonLines({ path: readText(params, "out") ?? "out/delays" }));
});
