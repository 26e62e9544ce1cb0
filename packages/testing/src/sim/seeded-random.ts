import type { Random } from "@millrace/core";

/** Returns a generator (sfc32) whose whole future is the seed; `fork` gives independent ones. */
export interface SeededRandom extends Random {
  /** Returns a generator that depends on the seed and the label, not on what was drawn before. */
  fork(label: string): SeededRandom;
  /** Returns an integer in [0, limit). */
  below(limit: number): number;
  /** Returns true with the probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}

export function createSeededRandom(seed: string): SeededRandom {
  const state = new Uint32Array(4);
  for (let index = 0; index < 4; index += 1) state[index] = hashText(`${index}:${seed}`);
  const uint32 = (): number => nextUint32(state);
  for (let warmUp = 0; warmUp < 12; warmUp += 1) uint32();
  const below = (limit: number): number => Math.floor((uint32() / 2 ** 32) * limit);
  return {
    uint32,
    fork: (label) => createSeededRandom(`${seed}/${label}`),
    below,
    chance: (probability) => uint32() / 2 ** 32 < probability,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError("pick from an empty list");
      return item;
    },
  };
}

function nextUint32(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, counter = 0] = state;
  const sum = (a + b + counter) | 0;
  state[3] = (counter + 1) | 0;
  state[0] = b ^ (b >>> 9);
  state[1] = (c + (c << 3)) | 0;
  state[2] = (((c << 21) | (c >>> 11)) + sum) | 0;
  return sum >>> 0;
}

/** FNV-1a over UTF-16 code units. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
