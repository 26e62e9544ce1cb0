import type { JsonValue } from "@millrace/core";

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly depth: number;
}

const maxDepth = 100;

/**
 * Returns where a value is not plain JSON and what stands there, such as `.options.retry is a
 * function`; undefined if all of it is JSON. Cycles are reported as too deep.
 */
export function findNonJson(value: unknown): string | undefined {
  const open: Place[] = [{ value, path: "", depth: 0 }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const problem = problemOf(place);
    if (problem !== undefined) return `${place.path === "" ? "it" : place.path} ${problem}`;
    open.push(...partsOf(place));
  }
  return undefined;
}

/** Whether the value is plain JSON. */
export function isJson(value: unknown): value is JsonValue {
  return findNonJson(value) === undefined;
}

function problemOf({ value, depth }: Place): string | undefined {
  if (depth > maxDepth) return `is nested deeper than ${maxDepth} levels or contains itself`;
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `is ${value}`;
  if (typeof value !== "object")
    return `is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  if (Array.isArray(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  return `is an instance of ${value.constructor.name}`;
}

function partsOf({ value, path, depth }: Place): readonly Place[] {
  if (typeof value !== "object" || value === null) return [];
  const isArray = Array.isArray(value);
  return Object.entries(value).map(([name, part]: [string, unknown]) => ({
    value: part,
    path: isArray ? `${path}[${name}]` : `${path}.${name}`,
    depth: depth + 1,
  }));
}
