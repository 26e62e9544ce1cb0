/**
 * Returns what the call answers, or throws the signal's reason as soon as it aborts: what is below
 * may not listen to its signal, and what it answers later is dropped.
 */
export function orAborted<Result>(answer: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    answer.then(
      (result) => {
        signal.removeEventListener("abort", giveUp);
        resolve(result);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", giveUp);
        reject(error);
      },
    );
  });
}
