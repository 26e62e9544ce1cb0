import type { Manifest } from "@millrace/checkpoint";

/**
 * Returns a sentence for each way in which a manifest's chains do not cover the state: a key group of
 * an operator with no chain or with two (S9), a segment that is not listed, one that no chain uses.
 */
export function findChainGaps(manifest: Manifest): readonly string[] {
  const { chains, segments, maxParallelism } = manifest;
  const keyed = chains.filter(({ kind }) => kind === "keyed");
  const operators = [...new Set(keyed.map(({ operator }) => operator))];
  const groupProblems = operators.flatMap((operator) => {
    const own = keyed.filter((chain) => chain.operator === operator);
    return Array.from({ length: maxParallelism }, (_, group) => {
      const count = own.filter((c) => c.groupStart <= group && c.groupEnd >= group).length;
      if (count === 1) return [];
      const has = count === 0 ? "no chain" : `${count} chains`;
      return [`key group ${group} of operator ${operator} has ${has}`];
    }).flat();
  });
  const used = new Set(chains.flatMap((chain) => chain.segments));
  const unlisted = [...used].filter((index) => segments[index] === undefined);
  return [
    ...groupProblems,
    ...unlisted.map((index) => `a chain names segment ${index}, which is not listed`),
    ...segments
      .filter((_segment, index) => !used.has(index))
      .map(({ name }) => `segment ${name} is listed and no chain needs it`),
  ];
}
