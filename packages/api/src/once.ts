/** Returns a function that runs the given one at its first call only, and returns what it did then. */
export function once<R>(run: () => R): () => R {
  let result: { readonly value: R } | undefined;
  return () => (result ??= { value: run() }).value;
}
