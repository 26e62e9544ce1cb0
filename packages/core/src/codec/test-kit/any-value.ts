import fc from "fast-check";

/** Draws what a structured clone can copy, nested so deep. */
export function anyValue(maxDepth: number): fc.Arbitrary<unknown> {
  return fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    stringUnit: "binary",
    maxDepth,
  });
}
