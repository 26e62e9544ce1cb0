/** The only source of randomness: seeded in the simulation, from the system elsewhere. */
export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
}

/** Returns a number in [0, 1). */
export function randomFraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}

/** Returns 16 hexadecimal characters. */
export function randomId(random: Random): string {
  const half = (): string => random.uint32().toString(16).padStart(8, "0");
  return half() + half();
}
