/** Smaller frames are not worth keeping memory for; larger ones are rare. */
const minClassBytes = 16 * 1024;
const maxClassBytes = 512 * 1024;
/** What is kept for frames to come (S15). */
const maxFreeBytes = 4 * 1024 * 1024;

/**
 * Memory for frames, used again: fresh memory of a frame's size costs more than filling it. Sizes are
 * rounded up to powers of two, from 16 to 512 KiB.
 *
 * I1 Memory is lent to one at a time: it is lent again only after it was given back, once.
 * I2 What is free is at most 4 MiB.
 */
export class FrameMemory {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /** Returns bytes of any content. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (sizeBytes < minClassBytes || sizeBytes > maxClassBytes) return newMemory(sizeBytes);
    let classBytes = minClassBytes;
    while (classBytes < sizeBytes) classBytes *= 2;
    let memory = this.#free.get(classBytes)?.pop();
    if (memory === undefined) memory = newMemory(classBytes).buffer;
    else this.#freeBytes -= classBytes;
    this.#lent.add(memory);
    return new Uint8Array(memory, 0, sizeBytes);
  }

  /** Takes back what nobody looks at any more; does nothing with other memory. */
  release({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer) || !(buffer instanceof ArrayBuffer)) return;
    const classBytes = buffer.byteLength;
    if (this.#freeBytes + classBytes > maxFreeBytes) return;
    this.#freeBytes += classBytes;
    const free = this.#free.get(classBytes);
    if (free === undefined) this.#free.set(classBytes, [buffer]);
    else free.push(buffer);
  }
}

function newMemory(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}
