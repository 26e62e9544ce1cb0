/** Eight tables for eight bytes a step; table 0 alone is the classic byte-wise one. */
const tables: readonly Uint32Array[] = makeTables();

/**
 * Returns the CRC-32 (IEEE 802.3, as in zlib) of the bytes as an unsigned integer.
 * @param seed the CRC of what came before, to go on with it.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  if (!t0 || !t1 || !t2 || !t3 || !t4 || !t5 || !t6 || !t7) return 0;
  let crc = ~seed;
  let at = 0;
  const at8 = bytes.length - (bytes.length % 8);
  for (; at < at8; at += 8) {
    const low =
      crc ^
      (byteAt(bytes, at) |
        (byteAt(bytes, at + 1) << 8) |
        (byteAt(bytes, at + 2) << 16) |
        (byteAt(bytes, at + 3) << 24));
    crc =
      wordAt(t7, low & 0xff) ^
      wordAt(t6, (low >>> 8) & 0xff) ^
      wordAt(t5, (low >>> 16) & 0xff) ^
      wordAt(t4, low >>> 24) ^
      wordAt(t3, byteAt(bytes, at + 4)) ^
      wordAt(t2, byteAt(bytes, at + 5)) ^
      wordAt(t1, byteAt(bytes, at + 6)) ^
      wordAt(t0, byteAt(bytes, at + 7));
  }
  for (; at < bytes.length; at += 1)
    crc = wordAt(t0, (crc ^ byteAt(bytes, at)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function wordAt(table: Uint32Array, index: number): number {
  return table[index] ?? 0;
}

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  const made = [first];
  for (let step = 1; step < 8; step += 1) {
    const before = made[step - 1] ?? first;
    const next = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte += 1) {
      const crc = wordAt(before, byte);
      next[byte] = (wordAt(first, crc & 0xff) ^ (crc >>> 8)) >>> 0;
    }
    made.push(next);
  }
  return made;
}
