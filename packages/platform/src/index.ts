export { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
export { createNodeClock } from "./node-clock.ts";
export { createNodeDigest } from "./node-digest.ts";
export { createNodeDisk } from "./node-disk.ts";
export { createNodeRandom } from "./node-random.ts";
export { createNodeTurn } from "./node-turn.ts";
export { createPinoLogger, type LoggerOptions } from "./pino-logger.ts";
export { createZstdCompressor } from "./zstd-compressor.ts";
