export type { Auction, Bid, NexmarkEvent, Person } from "./event.ts";
export { NexmarkGenerator } from "./generator.ts";
export { nexmarkWatermarks, type GeneratorOptions, type NexmarkOptions } from "./options.ts";
export { createSideInput, type SideInputRow } from "./side-input.ts";
export { nexmarkSource } from "./source.ts";
