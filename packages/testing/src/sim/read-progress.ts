/** Which splits of sources without an end have been read as far as they go, by whoever reads them now. */
export class ReadProgress {
  readonly #expected = new Set<string>();
  readonly #read = new Set<string>();

  /** The split is there, or will be. */
  expect(sourceName: string, splitId: string): void {
    this.#expected.add(nameOf(sourceName, splitId));
  }

  /** A reader begins with it, maybe once more. */
  onOpened(sourceName: string, splitId: string): void {
    this.#read.delete(nameOf(sourceName, splitId));
  }

  /** A reader has given all of its records, and they have been taken. */
  onRead(sourceName: string, splitId: string): void {
    this.#read.add(nameOf(sourceName, splitId));
  }

  isAllRead(): boolean {
    return [...this.#expected].every((name) => this.#read.has(name));
  }
}

function nameOf(sourceName: string, splitId: string): string {
  return `${sourceName}/${splitId}`;
}
