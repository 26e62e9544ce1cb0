import { ByteReader, ByteWriter, decodeFailed } from "@millrace/core";

/**
 * A segment is one object with the blocks of one worker's subtasks for one checkpoint, version 1:
 * the compressed blocks in the order in which they came, then the footer. The footer's length and
 * hash stand in the manifest, each block's hash in the footer.
 */
const segmentFormatVersion = 1;

const magic = 0x4d_52_53_31;
const maxBlocks = 1_000_000;
const hexDigits = 64;

/** A block as the footer describes it. */
export interface SegmentBlock {
  readonly operator: string;
  readonly kind: "keyed" | "list";
  readonly role: "base" | "delta";
  readonly groupStart: number;
  /** Inclusive. */
  readonly groupEnd: number;
  readonly cellCount: number;
  /** Before compression. */
  readonly rawLength: number;
  /** Of the compressed bytes, 64 hexadecimal characters. */
  readonly sha256: string;
  /** Where the compressed bytes begin in the object. */
  readonly offset: number;
  readonly length: number;
}

export interface SegmentFooter {
  readonly compressor: string;
  readonly blocks: readonly SegmentBlock[];
}

/** Collects compressed blocks into a segment. */
export class SegmentBuilder {
  readonly #compressor: string;
  readonly #parts: Uint8Array[] = [];
  readonly #blocks: SegmentBlock[] = [];
  #length = 0;

  constructor(compressor: string) {
    this.#compressor = compressor;
  }

  get blockCount(): number {
    return this.#blocks.length;
  }

  add(header: Omit<SegmentBlock, "offset" | "length">, compressed: Uint8Array): void {
    this.#blocks.push({ ...header, offset: this.#length, length: compressed.length });
    this.#parts.push(compressed);
    this.#length += compressed.length;
  }

  /** Returns the parts of the object, the footer last, and the footer's bytes to be hashed. */
  finish(): {
    readonly parts: readonly Uint8Array[];
    readonly footer: Uint8Array;
    readonly lengthBytes: number;
  } {
    const footer = encodeFooter({ compressor: this.#compressor, blocks: this.#blocks });
    const parts = [...this.#parts, footer];
    return { parts, footer, lengthBytes: this.#length + footer.length };
  }
}

function encodeFooter({ compressor, blocks }: SegmentFooter): Uint8Array {
  const out = new ByteWriter();
  out.u32(magic);
  out.u8(segmentFormatVersion);
  out.text(compressor);
  out.u32(blocks.length);
  for (const block of blocks.toSorted(byOperatorAndGroup)) {
    out.text(block.operator);
    out.u8((block.kind === "list" ? 1 : 0) | (block.role === "delta" ? 2 : 0));
    out.varint(block.groupStart);
    out.varint(block.groupEnd);
    out.varint(block.cellCount);
    out.f64(block.rawLength);
    out.f64(block.offset);
    out.f64(block.length);
    out.text(block.sha256);
  }
  return out.copy();
}

/** Returns the footer; throws `decode-failed` if the bytes are no footer of this version. */
export function parseFooter(bytes: Uint8Array): SegmentFooter {
  const input = new ByteReader(bytes);
  if (input.u32() !== magic) throw decodeFailed("a segment's footer does not begin as one");
  const version = input.u8();
  if (version !== segmentFormatVersion) {
    throw decodeFailed(
      `a segment has format ${version}, this version reads ${segmentFormatVersion}`,
    );
  }
  const compressor = input.text();
  const count = input.u32();
  if (count > maxBlocks) throw decodeFailed(`a segment claims ${count} blocks`);
  const blocks: SegmentBlock[] = [];
  for (let index = 0; index < count; index += 1) blocks.push(readBlock(input));
  return { compressor, blocks };
}

function readBlock(input: ByteReader): SegmentBlock {
  const operator = input.text();
  const flags = input.u8();
  if (flags > 3) throw decodeFailed(`a block of operator ${operator} has unknown flags`);
  const block: SegmentBlock = {
    operator,
    kind: (flags & 1) === 1 ? "list" : "keyed",
    role: (flags & 2) === 2 ? "delta" : "base",
    groupStart: input.varint(),
    groupEnd: input.varint(),
    cellCount: input.varint(),
    rawLength: readLength(input),
    offset: readLength(input),
    length: readLength(input),
    sha256: input.text(),
  };
  if (block.groupEnd < block.groupStart || block.sha256.length !== hexDigits) {
    throw decodeFailed(`a block of operator ${operator} has a broken header`);
  }
  return block;
}

function readLength(input: ByteReader): number {
  const length = input.f64();
  if (!Number.isSafeInteger(length) || length < 0) throw decodeFailed("a length is no length");
  return length;
}

function byOperatorAndGroup(left: SegmentBlock, right: SegmentBlock): number {
  if (left.operator !== right.operator) return left.operator < right.operator ? -1 : 1;
  return left.groupStart - right.groupStart || left.offset - right.offset;
}
