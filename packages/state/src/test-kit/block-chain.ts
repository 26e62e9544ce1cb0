import type { StateBlock } from "../contract.ts";

/** Returns what a restore needs behind a delta on a chain: no block that a new base replaces. */
export function chainWith(
  chain: readonly StateBlock[],
  added: readonly StateBlock[],
): readonly StateBlock[] {
  const bases = added.filter(({ role }) => role === "base");
  const kept = chain.filter(
    ({ groupStart, groupEnd }) =>
      !bases.some((base) => base.groupStart <= groupStart && groupEnd <= base.groupEnd),
  );
  return [...kept, ...added];
}
