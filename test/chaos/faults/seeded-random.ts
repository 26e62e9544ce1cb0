/** Numbers that a seed decides: mulberry32. */
export interface SeededRandom {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Uniform in [from, to). */
  between(from: number, to: number): number;
  /** Between the two, each order of magnitude equally often. */
  spread(from: number, to: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  shuffle<T>(items: readonly T[]): readonly T[];
}

export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    fraction,
    between: (from, to) => from + fraction() * (to - from),
    spread: (from, to) => from * (to / from) ** fraction(),
    pick: (choices) => choices[Math.floor(fraction() * choices.length)] ?? choices[0],
    shuffle: (items) =>
      items
        .map((item) => ({ item, rank: fraction() }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ item }) => item),
  };
}
