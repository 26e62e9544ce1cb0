/*
 * Randomness without a state: draw k of event n is a hash of both, so that any event can be made
 * without those before it. 32-bit integers throughout: a number that V8 keeps as a double, or a BigInt,
 * would cost more than the event.
 */

const goldenRatio = 0x9e37_79b9;
const twoTo32 = 0x1_0000_0000;

/** Returns the seed of an event, an unsigned 32-bit integer; numbers up to 2^53 differ in theirs. */
export function seedOf(eventNumber: number): number {
  const high = Math.floor(eventNumber / twoTo32);
  return mix((eventNumber | 0) ^ Math.imul(high + 1, goldenRatio));
}

/** Returns an unsigned 32-bit integer that looks random; draws of one seed do not depend on another. */
export function draw(seed: number, index: number): number {
  return mix((seed + Math.imul(index, goldenRatio)) | 0);
}

/**
 * Returns the remainder of an unsigned 32-bit integer; the divisor is one too, not 0. Saying so to V8
 * makes it an instruction for integers: that for doubles takes as long as four draws.
 */
export function remainder(drawn: number, divisor: number): number {
  return (drawn % (divisor >>> 0)) >>> 0;
}

/** A bijection in which each input bit changes each output bit about half the time (lowbias32). */
function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x7feb_352d);
  bits ^= bits >>> 15;
  bits = Math.imul(bits, 0x846c_a68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
