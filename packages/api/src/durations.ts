/** Returns milliseconds, for arithmetic with event times: `event.at + minutes(30)`. */
export function seconds(count: number): number {
  return count * 1_000;
}

/** Returns milliseconds. */
export function minutes(count: number): number {
  return count * 60_000;
}

/** Returns milliseconds. */
export function hours(count: number): number {
  return count * 3_600_000;
}

/** Returns milliseconds. */
export function days(count: number): number {
  return count * 86_400_000;
}
