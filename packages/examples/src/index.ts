export type { HourlyDelay } from "./departure-delays/departure-delays.ts";
