export {
  assertExactlyOnce,
  type ExactlyOnceOptions,
  type ExactlyOnceReport,
} from "./kit/assert-exactly-once.ts";
export {
  restoreCheckpoint,
  type RestoredCheckpoint,
  type RestoreSource,
} from "./kit/restore-checkpoint.ts";
export { simulate, type SimulateOptions, type Simulation } from "./kit/simulate.ts";
export type { JobInputs } from "./kit/subject.ts";
export { interpret } from "./reference/interpret.ts";
export { drawFaults } from "./sim/fault-schedule.ts";
export type { Fault, FaultCounts } from "./sim/fault.ts";
export { runSeed, type SeedOptions, type SeedReport } from "./sim/run-seed.ts";
export { simProfiles, type SimProfile } from "./sim/sim-profile.ts";
export { createSeededRandom, type SeededRandom } from "./sim/seeded-random.ts";
export type { SimLogLine } from "./sim/sim-world.ts";
