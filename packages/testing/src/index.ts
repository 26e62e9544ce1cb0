export { interpret } from "./reference/interpret.ts";
export { drawFaults, type Fault } from "./sim/fault-schedule.ts";
export { runSeed, type SeedOptions, type SeedReport } from "./sim/run-seed.ts";
export { createSeededRandom, type SeededRandom } from "./sim/seeded-random.ts";
