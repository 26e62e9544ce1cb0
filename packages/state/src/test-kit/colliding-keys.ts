/** The inverses, modulo 2^32, of the factors by which murmur3 mixes a word into its state. */
const inverseC1 = 0xdee13bb1;
const inverseC2 = 0x56ed309b;
const inverseOf5 = 0xcccccccd;
const added = 0xe6546b64;

/** Returns different strings of one length with the same key hash: what an adversary could send. */
export function collidingKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const first = 0x4e00 + index;
    return String.fromCharCode(first, 0x61) + lastWordFor(first | (0x61 << 16));
  });
}

/** Returns the two code units behind a word that lead to the same state whatever the word is. */
function lastWordFor(word: number): string {
  const wanted = 12_345;
  // As in `hashString`: the header of four code units, the word, then the one to be found.
  const state = mix(mix(0, 6 | (4 << 8)), word);
  const unadded = Math.imul(wanted - added, inverseOf5);
  const mixed = (unadded >>> 13) | (unadded << 19);
  const scaled = Math.imul(mixed ^ state, inverseC2);
  const last = Math.imul((scaled >>> 15) | (scaled << 17), inverseC1);
  return String.fromCharCode(last & 0xffff, last >>> 16);
}

function mix(state: number, word: number): number {
  const scaled = Math.imul(word, 0xcc9e2d51);
  const mixed = state ^ Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + added) | 0;
}
