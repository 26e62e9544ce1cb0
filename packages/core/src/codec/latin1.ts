/** The methods of Node's Buffer behind `toString`, which costs a third more for short strings. */
interface SliceBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

/** Returns a view of the bytes that makes strings of parts of them, one code unit a byte. */
export function toSliceBuffer({ buffer, byteOffset, length }: Uint8Array): SliceBuffer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the method is there, only not in its types
  return Buffer.from(buffer, byteOffset, length) as unknown as SliceBuffer;
}
