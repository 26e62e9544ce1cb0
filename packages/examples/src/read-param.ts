import type { JobParams } from "millrace";

/** Returns a parameter that is a text; throws if it is something else. */
export function readText(params: JobParams, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`parameter ${name} is ${JSON.stringify(value)}: give a text`);
}

/** Returns a parameter that is a number; throws if it is something else. */
export function readNumber(params: JobParams, name: string): number | undefined {
  const value = params[name];
  if (value === undefined || typeof value === "number") return value;
  throw new Error(`parameter ${name} is ${JSON.stringify(value)}: give a number`);
}
