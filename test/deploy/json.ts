/** What YAML and JSON can say. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Returns what stands at the path, or undefined where there is nothing. */
export function at(
  value: Json | undefined,
  ...path: readonly (string | number)[]
): Json | undefined {
  let found: Json | undefined = value;
  for (const step of path) found = childOf(found, step);
  return found;
}

/** Returns the elements of a list; none of what is not one. */
export function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

/** Returns the fields of an object; none of what is not one. */
export function fieldsOf(value: Json | undefined): Readonly<Record<string, Json>> {
  return isObject(value) ? value : {};
}

/** Returns the text; throws for anything else. */
export function textOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  throw new Error(`${JSON.stringify(value)} is not a text`);
}

/** Returns the number; throws for anything else. */
export function numberOf(value: Json | undefined): number {
  if (typeof value === "number") return value;
  throw new Error(`${JSON.stringify(value)} is not a number`);
}

function childOf(value: Json | undefined, step: string | number): Json | undefined {
  if (typeof step === "number") return listOf(value)[step];
  const fields = fieldsOf(value);
  return Object.hasOwn(fields, step) ? fields[step] : undefined;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
