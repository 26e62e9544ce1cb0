import { StreamError } from "@millrace/core";

/** Returns what the operation returns; throws `deadline-exceeded` when it takes longer. */
export async function within<Result>(
  limitMs: number,
  what: string,
  operation: () => Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `${what} did not answer within ${limitMs} ms`;
    const error = new StreamError("deadline-exceeded", message, {
      domain: "external",
      retry: "backoff",
    });
    timer = setTimeout(() => reject(error), limitMs);
  });
  try {
    return await Promise.race([operation(), late]);
  } finally {
    clearTimeout(timer);
  }
}
