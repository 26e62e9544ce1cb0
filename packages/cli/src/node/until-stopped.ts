/** What ends a long-running process. */
export type StopCause = "signal" | "parent-gone";

/**
 * Returns when the process is asked to end: SIGINT, SIGTERM or, for a process that another one
 * supervises, the end of its standard input, which the parent's death causes too. A second signal
 * ends the process at once.
 */
export function untilStopped(isSupervised: boolean): Promise<StopCause> {
  return new Promise((settle) => {
    const resolve = (cause: StopCause): void => {
      settle(cause);
      // An open standard input would keep the process alive.
      if (isSupervised) process.stdin.destroy();
    };
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      // Exit code 130 says: interrupted. Nothing is lost: what is durable stays durable.
      if (signals > 1) process.exit(130);
      resolve("signal");
    };
    process.on("SIGTERM", onSignal);
    // A terminal sends it to the supervisor too, which then ends this process in its order.
    process.on("SIGINT", isSupervised ? () => undefined : onSignal);
    if (!isSupervised) return;
    process.stdin.on("end", () => resolve("parent-gone"));
    process.stdin.on("error", () => resolve("parent-gone"));
    process.stdin.resume();
  });
}
