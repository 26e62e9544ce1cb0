import type { JobParams } from "millrace";

/** Returns a parameter that is a text; throws where it is none. */
export function textOf(params: JobParams, name: string): string {
  const value = params[name];
  if (typeof value === "string") return value;
  throw new Error(`parameter ${name} is ${JSON.stringify(value)}: give a text`);
}

/** Returns a parameter that is a number; throws where it is none. */
export function numberOf(params: JobParams, name: string): number {
  const value = params[name];
  if (typeof value === "number") return value;
  throw new Error(`parameter ${name} is ${JSON.stringify(value)}: give a number`);
}
