import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";

import { StreamError, type Compressor } from "@millrace/core";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Returns zstd at level 1, on libuv's thread pool. */
export function createZstdCompressor(): Compressor {
  return {
    name: "zstd",
    compress: (bytes) => compress(bytes, options),
    async decompress(bytes, rawLength) {
      const raw = await decompressBounded(bytes, rawLength);
      if (raw.length !== rawLength) throw broken(`gives ${raw.length} bytes, not ${rawLength}`);
      return raw;
    },
  };
}

async function decompressBounded(bytes: Uint8Array, rawLength: number): Promise<Uint8Array> {
  try {
    return await decompress(bytes, { maxOutputLength: Math.max(1, rawLength) });
  } catch (cause) {
    throw broken(`does not decompress to ${rawLength} bytes`, cause);
  }
}

function broken(message: string, cause?: unknown): StreamError {
  return new StreamError("decode-failed", `a zstd block ${message}`, {
    domain: "external",
    retry: "never",
    cause,
  });
}
