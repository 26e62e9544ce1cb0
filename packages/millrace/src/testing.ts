export { interpret } from "@millrace/testing";
export {
  assertExactlyOnce,
  simulate,
  type ExactlyOnceOptions,
  type ExactlyOnceReport,
  type Fault,
  type JobInputs,
  type SimLogLine,
  type SimulateOptions,
  type Simulation,
} from "@millrace/testing";
