/**
 * Composes a manifest from the head before it and the cuts of the workers. Pure.
 *
 * I1 A chain begins with the segment of a base; a delta extends a chain that exists.
 * I2 Each key group takes blocks of one new segment at most: it has one owner (S9).
 * I3 Every key group of every keyed operator has a chain.
 * I4 A segment that no chain references is not in the manifest.
 * I5 A full checkpoint (no base) takes nothing from the head before it.
 */
import { assert, type SubtaskId } from "@millrace/core";

import type { BlockChain, BlockSummary, Manifest, ManifestSegment, WorkerCut } from "./manifest.ts";

/** What the coordinator knows of a completed checkpoint besides the workers' cuts. */
export interface ComposeFacts extends Omit<
  Manifest,
  "formatVersion" | "parent" | "segments" | "chains" | "subtasks"
> {
  /** Operators with keyed state: their whole group range must be covered. */
  readonly keyedOperators: readonly string[];
  /** Of the attempt, in the plan's order. */
  readonly subtaskIds: readonly SubtaskId[];
}

/** Returns the manifest; throws InvariantError if the cuts do not fit together. */
export function composeManifest(
  facts: ComposeFacts,
  previous: Manifest | undefined,
  cuts: readonly WorkerCut[],
): Manifest {
  const inherited = facts.base === undefined ? undefined : previous;
  assert(
    facts.base === inherited?.checkpointId,
    `checkpoint ${facts.checkpointId} is relative to ${facts.base}, the head is ${previous?.checkpointId}`,
  );
  assert(
    previous === undefined || previous.checkpointId < facts.checkpointId,
    `checkpoint ${facts.checkpointId} is not newer than the head ${previous?.checkpointId} (S10)`,
  );
  assertOwners(facts, cuts);
  const chains = [
    ...composeKeyedChains(facts, inherited, cuts),
    ...composeListChains(cuts),
  ].toSorted(byOperatorAndRange);
  const byName = new Map<string, ManifestSegment>();
  for (const segment of inherited?.segments ?? []) byName.set(segment.name, segment);
  for (const { segment } of cuts) if (segment !== undefined) byName.set(segment.name, segment);
  return { ...headerOf(facts, previous, cuts), ...indexSegments(chains, byName) };
}

interface NamedChain extends Omit<BlockChain, "segments"> {
  /** Names. */
  readonly segments: readonly string[];
}

type ManifestHeader = Omit<Manifest, "segments" | "chains">;

function headerOf(
  facts: ComposeFacts,
  previous: Manifest | undefined,
  cuts: readonly WorkerCut[],
): ManifestHeader {
  const { keyedOperators: _operators, subtaskIds, ...rest } = facts;
  const cutById = new Map(cuts.flatMap(({ subtasks }) => subtasks.map((c) => [c.subtaskId, c])));
  return {
    formatVersion: 1,
    ...rest,
    ...(previous === undefined ? {} : { parent: previous.checkpointId }),
    subtasks: subtaskIds.map((subtaskId) => {
      const cut = cutById.get(subtaskId);
      assert(cut !== undefined, `checkpoint ${facts.checkpointId} misses subtask ${subtaskId}`);
      return cut;
    }),
  };
}

/** Only the checkpoint in an object's name may be the first to reference it (S4b). */
function assertOwners(facts: ComposeFacts, cuts: readonly WorkerCut[]): void {
  for (const { segment, blocks } of cuts) {
    assert(segment !== undefined || blocks.length === 0, "a cut names blocks and no segment");
    assert(
      segment === undefined || segment.ownerCheckpointId === facts.checkpointId,
      `checkpoint ${facts.checkpointId} may not be the first to reference ${segment?.name}`,
    );
  }
}

function composeKeyedChains(
  facts: ComposeFacts,
  inherited: Manifest | undefined,
  cuts: readonly WorkerCut[],
): readonly NamedChain[] {
  const groups = new Map<string, (readonly string[])[]>();
  const groupsOf = (operator: string): (readonly string[])[] => {
    const known = groups.get(operator);
    if (known !== undefined) return known;
    const empty = Array.from({ length: facts.maxParallelism }, (): readonly string[] => []);
    groups.set(operator, empty);
    return empty;
  };
  for (const chain of inherited?.chains ?? []) {
    if (chain.kind !== "keyed") continue;
    const names = chain.segments.map((index) => segmentAt(inherited, index).name);
    groupsOf(chain.operator).fill(names, chain.groupStart, chain.groupEnd + 1);
  }
  const newSegments = new Set(cuts.flatMap(({ segment }) => segment?.name ?? []));
  for (const { segment, blocks } of cuts) {
    for (const block of blocks) {
      if (block.kind !== "keyed" || segment === undefined) continue;
      applyBlock({ block, name: segment.name, groups: groupsOf(block.operator), newSegments });
    }
  }
  for (const operator of facts.keyedOperators) assertCovered(operator, groupsOf(operator));
  return [...groups].flatMap(([operator, chains]) => mergeGroups(operator, chains));
}

interface BlockApplication {
  readonly block: BlockSummary;
  /** Of its segment. */
  readonly name: string;
  readonly groups: (readonly string[])[];
  readonly newSegments: ReadonlySet<string>;
}

function applyBlock({ block, name, groups, newSegments }: BlockApplication): void {
  const where = `operator ${block.operator}, key groups ${block.groupStart}..${block.groupEnd}`;
  assert(
    block.groupStart >= 0 && block.groupStart <= block.groupEnd && block.groupEnd < groups.length,
    `${where}: not a range of ${groups.length} key groups`,
  );
  for (let group = block.groupStart; group <= block.groupEnd; group += 1) {
    const chain = groups[group] ?? [];
    const last = chain.at(-1);
    assert(
      last === undefined || last === name || !newSegments.has(last),
      `${where}: blocks in ${last} and in ${name}, so group ${group} has two owners (S9)`,
    );
    if (block.role === "base") {
      groups[group] = [name];
      continue;
    }
    assert(last !== undefined, `${where}: a delta in ${name} without a base before it`);
    if (last !== name) groups[group] = [...chain, name];
  }
}

function assertCovered(operator: string, groups: readonly (readonly string[])[]): void {
  const bare = groups.findIndex((chain) => chain.length === 0);
  assert(bare === -1, `operator ${operator}: key group ${bare} has no base`);
}

/** Returns one chain for each run of adjacent groups with the same segments. */
function mergeGroups(
  operator: string,
  groups: readonly (readonly string[])[],
): readonly NamedChain[] {
  const chains: NamedChain[] = [];
  for (const [group, segments] of groups.entries()) {
    if (segments.length === 0) continue;
    const last = chains.at(-1);
    if (last !== undefined && last.groupEnd === group - 1 && isSame(last.segments, segments)) {
      chains[chains.length - 1] = { ...last, groupEnd: group };
    } else {
      chains.push({ operator, kind: "keyed", groupStart: group, groupEnd: group, segments });
    }
  }
  return chains;
}

function composeListChains(cuts: readonly WorkerCut[]): readonly NamedChain[] {
  const byOperator = new Map<string, string[]>();
  for (const { segment, blocks } of cuts) {
    for (const { operator, kind, role } of blocks) {
      if (kind !== "list" || segment === undefined) continue;
      assert(role === "base", `operator ${operator}: a list block that is not a base`);
      const names = byOperator.get(operator) ?? [];
      if (names.at(-1) !== segment.name) names.push(segment.name);
      byOperator.set(operator, names);
    }
  }
  return [...byOperator].map(([operator, segments]) => ({
    operator,
    kind: "list",
    groupStart: 0,
    groupEnd: 0,
    segments,
  }));
}

function indexSegments(
  chains: readonly NamedChain[],
  byName: ReadonlyMap<string, ManifestSegment>,
): Pick<Manifest, "segments" | "chains"> {
  const used = new Set(chains.flatMap(({ segments }) => segments));
  const segments = [...byName.values()].filter(({ name }) => used.has(name)).toSorted(byAge);
  const indexByName = new Map(segments.map(({ name }, index) => [name, index]));
  return {
    segments,
    chains: chains.map((chain) => ({
      ...chain,
      segments: chain.segments.map((name) => {
        const index = indexByName.get(name);
        assert(index !== undefined, `no segment is named ${name}`);
        return index;
      }),
    })),
  };
}

function segmentAt(manifest: Manifest | undefined, index: number): ManifestSegment {
  const segment = manifest?.segments[index];
  assert(segment !== undefined, `manifest ${manifest?.checkpointId} has no segment ${index}`);
  return segment;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]));
}

function byAge(a: ManifestSegment, b: ManifestSegment): number {
  if (a.ownerCheckpointId !== b.ownerCheckpointId) {
    return a.ownerCheckpointId < b.ownerCheckpointId ? -1 : 1;
  }
  return a.name < b.name ? -1 : 1;
}

function byOperatorAndRange(a: NamedChain, b: NamedChain): number {
  if (a.operator !== b.operator) return a.operator < b.operator ? -1 : 1;
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.groupStart - b.groupStart;
}
