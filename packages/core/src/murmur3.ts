/** Murmur3, x86, 32 bits (Austin Appleby, public domain), in parts that callers combine. */
const c1 = 0xcc9e2d51 | 0;
const c2 = 0x1b873593;

/** Returns the hash state after four more bytes, given as a little-endian word. */
export function mixWord(hash: number, word: number): number {
  const mixed = hash ^ scramble(word);
  const rotated = (mixed << 13) | (mixed >>> 19);
  return (Math.imul(rotated, 5) + 0xe6546b64) | 0;
}

/** Returns the hash of all bytes: the state after the last whole word, the rest, and the length. */
export function finish(hash: number, tail: number, byteCount: number): number {
  let mixed = hash ^ scramble(tail) ^ byteCount;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Returns the hash as a signed 32-bit integer. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  const wholeBytes = bytes.length - (bytes.length % 4);
  let hash = seed | 0;
  for (let at = 0; at < wholeBytes; at += 4) hash = mixWord(hash, wordAt(bytes, at));
  // Bytes beyond the end count as zero, and a zero tail changes nothing.
  const tail = bytes.length > wholeBytes ? wordAt(bytes, wholeBytes) : 0;
  return finish(hash, tail, bytes.length);
}

function scramble(word: number): number {
  const scaled = Math.imul(word, c1);
  return Math.imul((scaled << 15) | (scaled >>> 17), c2);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}
