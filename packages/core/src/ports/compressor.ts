/** Compresses off the calling thread. */
export interface Compressor {
  /** What goes into a segment's footer, such as `zstd`. */
  readonly name: string;
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** Throws `decode-failed` if the bytes are broken or would give another length. */
  decompress(bytes: Uint8Array, rawLength: number): Promise<Uint8Array>;
}

/** Hashes bytes; a pure function, but not one that pure packages can write fast. */
export interface Digest {
  /** Returns 64 hexadecimal characters. */
  sha256(...parts: readonly Uint8Array[]): string;
}
