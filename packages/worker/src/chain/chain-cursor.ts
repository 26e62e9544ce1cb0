/**
 * Where a subtask is in its chain and what it has counted; one object per subtask, written by the
 * compiled chain before each call of the author's code.
 */
export interface ChainCursor {
  /** Index of the step that runs; steps behind the operators stand for the key functions. */
  step: number;
  /** Records that reached the chain. */
  recordsIn: number;
  /** Records that left it through the output gates. */
  recordsOut: number;
  recordsLate: number;
}

/** Returns a cursor that has counted nothing. */
export function createChainCursor(): ChainCursor {
  return { step: 0, recordsIn: 0, recordsOut: 0, recordsLate: 0 };
}
