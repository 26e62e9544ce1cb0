import { StreamError } from "../error.ts";
import { maxDepth } from "./value-format.ts";

/**
 * Returns the error `record-not-encodable` that names what in the value cannot be encoded, and where.
 * Walks the value again, so that encoding itself keeps no paths.
 */
export function notEncodable(value: unknown): StreamError {
  const problem = findProblem(value, "", []) ?? { path: "", reason: "it changed meanwhile" };
  const where = problem.path === "" ? "the value" : `the value's ${JSON.stringify(problem.path)}`;
  const message = `${where} cannot be encoded: ${problem.reason}; use plain data`;
  return new StreamError("record-not-encodable", message, { domain: "user", retry: "never" });
}

/** Returns what the value is, in words for an error message; never its content (SEC11). */
export function describeKind(value: unknown): string {
  switch (typeof value) {
    case "function":
      return `it is a function${value.name === "" ? "" : ` (${value.name})`}`;
    case "symbol":
      return "it is a symbol";
    case "undefined":
      return "it is undefined";
    case "object":
      return value === null ? "it is null" : `it is an instance of ${prototypeName(value)}`;
    case "bigint":
    case "boolean":
    case "number":
    case "string":
      return `it is a ${typeof value}`;
  }
}

interface Problem {
  readonly path: string;
  readonly reason: string;
}

// Depth is bounded by maxDepth: the recursion ends there.
function findProblem(
  value: unknown,
  path: string,
  ancestors: readonly unknown[],
): Problem | undefined {
  if (typeof value === "function" || typeof value === "symbol") {
    return { path, reason: describeKind(value) };
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) {
    return isRefusedBytes(value) ? { path, reason: describeKind(value) } : undefined;
  }
  if (ancestors.includes(value)) return { path, reason: "it contains itself (a cycle)" };
  if (ancestors.length >= maxDepth) {
    return { path, reason: `it is nested deeper than ${maxDepth} levels` };
  }
  const parts = partsOf(value);
  if (parts === undefined) return { path, reason: describeKind(value) };
  const inside = [...ancestors, value];
  for (const [step, part] of parts) {
    const problem = findProblem(part, path === "" ? step.replace(/^\./, "") : path + step, inside);
    if (problem !== undefined) return problem;
  }
  return symbolProblem(value, path);
}

function* namedParts(value: object): Iterable<readonly [string, unknown]> {
  for (const [name, part] of Object.entries(value)) {
    yield [/^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`, part];
  }
}

function* collectionParts(
  value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>,
): Iterable<readonly [string, unknown]> {
  let index = 0;
  for (const [key, part] of value.entries()) {
    yield [`.key(${index})`, key];
    if (value instanceof Map) yield [`.entry(${index})`, part];
    index += 1;
  }
}

function partsOf(value: object): Iterable<readonly [string, unknown]> | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return namedParts(value);
  if (prototype === Array.prototype && Array.isArray(value)) {
    return value.map((part: unknown, index) => [`[${index}]`, part] as const);
  }
  if (prototype === Map.prototype && value instanceof Map) return collectionParts(value);
  if (prototype === Set.prototype && value instanceof Set) return collectionParts(value);
  // oxlint-disable-next-line eslint/no-restricted-globals -- a value's type, not the clock
  return prototype === Date.prototype ? [] : undefined;
}

function symbolProblem(value: object, path: string): Problem | undefined {
  const [symbol] = Object.getOwnPropertySymbols(value);
  if (symbol === undefined) return undefined;
  return { path, reason: `it has a field named by a symbol (${symbol.description ?? ""})` };
}

function isRefusedBytes(value: unknown): boolean {
  return value instanceof Uint8Array && Object.getPrototypeOf(value) !== Uint8Array.prototype;
}

function prototypeName(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null) return "an unknown class";
  const maker: unknown = Reflect.get(prototype, "constructor");
  return typeof maker === "function" && maker.name !== "" ? maker.name : "an unnamed class";
}
