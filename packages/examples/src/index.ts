export type { HourlyDelay } from "./departure-delays/departure-delays.ts";
export { nexmarkQueries } from "./nexmark/queries.ts";
