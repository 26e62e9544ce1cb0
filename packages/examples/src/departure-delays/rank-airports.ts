import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { HourlyDelay } from "./departure-delays.ts";

/** An airport over all of its hours. */
export interface AirportDelay {
  readonly airport: string;
  readonly flights: number;
  readonly meanDelayMinutes: number;
}

/** Returns the lines of all output files of a job. */
export async function readHourlyDelays(folder: string): Promise<readonly HourlyDelay[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts.flatMap((text) => text.trimEnd().split("\n").map(parseLine));
}

/** Returns the airports with enough flights, those with the longest mean delay first. */
export function rankAirports(
  hours: readonly HourlyDelay[],
  { minimumFlights }: { readonly minimumFlights: number },
): readonly AirportDelay[] {
  const sums = new Map<string, { flights: number; minutes: number }>();
  for (const { airport, flights, meanDelayMinutes } of hours) {
    const sum = sums.get(airport) ?? { flights: 0, minutes: 0 };
    sum.flights += flights;
    sum.minutes += meanDelayMinutes * flights;
    sums.set(airport, sum);
  }
  return [...sums]
    .filter(([, { flights }]) => flights >= minimumFlights)
    .map(([airport, { flights, minutes }]) => ({
      airport,
      flights,
      meanDelayMinutes: minutes / flights,
    }))
    .toSorted((a, b) => b.meanDelayMinutes - a.meanDelayMinutes);
}

function parseLine(line: string): HourlyDelay {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the job's own sink wrote the line
  return JSON.parse(line) as HourlyDelay;
}
