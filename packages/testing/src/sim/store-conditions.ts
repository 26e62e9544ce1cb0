import type { SimProcess } from "./sim-process.ts";

/** How often calls of a store go wrong; the fault schedule changes it while the simulation runs. */
export interface StoreConditions {
  minLatencyMs: number;
  maxLatencyMs: number;
  /** The request never arrives: nothing happened, the caller is told so or is left unsure. */
  lostRequests: number;
  /** It happened, but the caller does not learn it. */
  lostResponses: number;
  /** Everything fails at once. */
  isDown: boolean;
  /** The processes that cannot reach it. */
  readonly cutOff: Set<SimProcess>;
}

export interface MetadataConditions extends StoreConditions {
  /** Writes are refused with a clear code; reads go on (F19). */
  isFull: boolean;
  /** Watches tell nothing, and do not say so (F18). */
  isSilent: boolean;
}

export interface ObjectConditions extends StoreConditions {
  /** A put takes up to so much longer. */
  maxPutDelayMs: number;
  /** How often a put is refused and nothing is stored. */
  failedPuts: number;
  /** How often a put is stored and fails all the same. */
  ambiguousPuts: number;
  /** How often a read gives other bytes than those that are stored; twice at most. */
  wrongReads: number;
}

export interface StoreCounts {
  calls: number;
  unknownOutcomes: number;
  failures: number;
  wrongReads: number;
}

function createStoreConditions(): StoreConditions {
  return {
    minLatencyMs: 0.3,
    maxLatencyMs: 3,
    lostRequests: 0,
    lostResponses: 0,
    isDown: false,
    cutOff: new Set(),
  };
}

export function createMetadataConditions(): MetadataConditions {
  return { ...createStoreConditions(), isFull: false, isSilent: false };
}

export function createObjectConditions(): ObjectConditions {
  return {
    ...createStoreConditions(),
    maxPutDelayMs: 0,
    failedPuts: 0,
    ambiguousPuts: 0,
    wrongReads: 0,
  };
}

export function createStoreCounts(): StoreCounts {
  return { calls: 0, unknownOutcomes: 0, failures: 0, wrongReads: 0 };
}
