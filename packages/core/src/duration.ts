import { StreamError } from "./error.ts";

const unitMs = {
  ms: 1,
  millisecond: 1,
  s: 1_000,
  second: 1_000,
  m: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
} as const;

type Unit = keyof typeof unitMs;
type LongUnit = "millisecond" | "second" | "minute" | "hour" | "day";

/** A length of time with its unit, such as `"10 minutes"`, `"500ms"` or `"1 hour"`. */
export type Duration = `${number}${"" | " "}${Unit}` | `${number} ${LongUnit}s`;

const pattern = /^(\d+(?:\.\d+)?) ?([a-z]+)$/;

/** Returns milliseconds; throws `invalid-argument` unless the text is a number with a unit. */
export function parseDuration(text: string): number {
  const [, amount = "", word = ""] = pattern.exec(text.trim()) ?? [];
  const unit = [word, word.replace(/s$/, "")].find((name): name is Unit => name in unitMs);
  if (unit === undefined) {
    throw new StreamError(
      "invalid-argument",
      `duration ${JSON.stringify(text)} is not a number with a unit such as "500ms", "10 seconds" or "1 hour"`,
      { domain: "user", retry: "never" },
    );
  }
  return Number(amount) * unitMs[unit];
}
