import { nexmarkSource, nexmarkWatermarks, type Bid, type NexmarkEvent } from "@millrace/nexmark";
import type { DataStream, Job, JobParams } from "millrace";

import { readNumber, readText } from "../read-param.ts";

/*
 * What the jobs of the Nexmark benchmark share. Parameters: `events` (how many, 100,000 unless set),
 * `firstEventAtMs`, `intervalMicros` (of event time, between events), `outOfOrderGroup`, `splits`,
 * `stretchEvents`, `rate` (events per second), `out` (the folder for the results).
 */

/** Splits of so many events, taken one after the other, are read at any parallelism. */
const defaultStretchEvents = 10_000;

/** Returns the events of the benchmark: persons, auctions and bids in one stream. */
export function readEvents(job: Job, params: JobParams): DataStream<NexmarkEvent> {
  const read = (name: string): Readonly<Record<string, number>> => {
    const value = readNumber(params, name);
    return value === undefined ? {} : { [name]: value };
  };
  const options = {
    events: 100_000,
    stretchEvents: defaultStretchEvents,
    ...read("events"),
    ...read("stretchEvents"),
    ...read("splits"),
    ...read("firstEventAtMs"),
    ...read("intervalMicros"),
    ...read("outOfOrderGroup"),
  };
  const rate = readNumber(params, "rate");
  return job.source("events", nexmarkSource(options), {
    watermarks: nexmarkWatermarks(options),
    ...(rate === undefined ? {} : { rateLimit: rate }),
  });
}

/** Returns the bids among the events: 46 of 50. */
export function readBids(job: Job, params: JobParams): DataStream<Bid> {
  return readEvents(job, params).filter((event) => event.kind === "bid");
}

/** Returns the folder for a job's results. */
export function outputFolder(params: JobParams): string {
  return readText(params, "out") ?? "out/nexmark";
}
