export type { ParquetOptions } from "./options.ts";
export { parquet } from "./source.ts";
