/**
 * Returns a gap of sessions that lies between two milliseconds, so that no record is exactly one gap
 * behind another: that one still joins a session, but only if the watermark is not at the session's
 * end - 1 yet, which is left to chance.
 */
export function gapAbove(wholeMs: number): () => number {
  return () => wholeMs + 0.5;
}
