import type { ConnectorContext } from "@millrace/graph";

/** A reader, of which a later attempt has another. */
type Reader = Pick<ConnectorContext, "operatorName" | "jobId" | "attempt">;

interface SplitProgress {
  /** As it was first heard of: a job that went on from another one comes behind it. */
  readonly job: number;
  readonly attempt: number;
  isRead: boolean;
}

/**
 * Which splits of sources without an end have been read as far as they go, by whoever reads them now.
 *
 * I1 Only the reader of the latest attempt counts, and of its readers the one that opened the split last: one
 *    of an attempt before, that nobody has told yet that it is over, reads on, and may even begin.
 */
export class ReadProgress {
  readonly #jobs: string[] = [];
  /** By source and split: of its last reader. */
  readonly #splits = new Map<string, SplitProgress>();

  /** The split is there, or will be. */
  expect(sourceName: string, splitId: string): void {
    this.#splits.set(nameOf(sourceName, splitId), { job: 0, attempt: 0, isRead: false });
  }

  /**
   * A reader begins with it, maybe once more. Returns what it calls when it has given all of its records,
   * and they have been taken.
   */
  onOpened({ operatorName, jobId, attempt }: Reader, splitId: string): () => void {
    if (!this.#jobs.includes(jobId)) this.#jobs.push(jobId);
    const job = this.#jobs.indexOf(jobId);
    const name = nameOf(operatorName, splitId);
    const before = this.#splits.get(name);
    const isOver =
      before !== undefined &&
      (job < before.job || (job === before.job && attempt < before.attempt));
    if (isOver) return () => {};
    const progress: SplitProgress = { job, attempt, isRead: false };
    this.#splits.set(name, progress);
    return () => {
      progress.isRead = true;
    };
  }

  isAllRead(): boolean {
    return [...this.#splits.values()].every(({ isRead }) => isRead);
  }
}

function nameOf(sourceName: string, splitId: string): string {
  return `${sourceName}/${splitId}`;
}
