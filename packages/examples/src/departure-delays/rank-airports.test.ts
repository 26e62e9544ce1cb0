import { expect, test } from "vitest";

import { rankAirports } from "./rank-airports.ts";

test("airports are ranked by their mean over all flights, small ones left out", () => {
  const hours = [
    { airport: "SFO", hour: 0, flights: 90, meanDelayMinutes: 10 },
    { airport: "SFO", hour: 1, flights: 10, meanDelayMinutes: 60 },
    { airport: "LAX", hour: 0, flights: 200, meanDelayMinutes: 20 },
    { airport: "ABE", hour: 0, flights: 99, meanDelayMinutes: 500 },
  ];
  expect(rankAirports(hours, { minimumFlights: 100 })).toEqual([
    { airport: "LAX", flights: 200, meanDelayMinutes: 20 },
    { airport: "SFO", flights: 100, meanDelayMinutes: 15 },
  ]);
});
