/**
 * Which splits of sources without an end have been read as far as they go, by whoever reads them now.
 *
 * I1 Only the reader that opened a split last counts: one of an attempt before, that nobody has told yet
 *    that it is over, reads on.
 */
export class ReadProgress {
  /** By split: of its last reader. */
  readonly #isRead = new Map<string, { value: boolean }>();

  /** The split is there, or will be. */
  expect(sourceName: string, splitId: string): void {
    this.#isRead.set(nameOf(sourceName, splitId), { value: false });
  }

  /**
   * A reader begins with it, maybe once more. Returns what it calls when it has given all of its records,
   * and they have been taken.
   */
  onOpened(sourceName: string, splitId: string): () => void {
    const isRead = { value: false };
    this.#isRead.set(nameOf(sourceName, splitId), isRead);
    return () => {
      isRead.value = true;
    };
  }

  isAllRead(): boolean {
    return [...this.#isRead.values()].every(({ value }) => value);
  }
}

function nameOf(sourceName: string, splitId: string): string {
  return `${sourceName}/${splitId}`;
}
