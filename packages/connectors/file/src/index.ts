export type { JsonLinesOptions, TextLinesOptions } from "./options.ts";
export { jsonLines } from "./sink.ts";
export { textLines } from "./source.ts";
