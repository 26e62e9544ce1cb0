import { maxSchemaDepth, maxSchemaFields, maxSchemaNodes } from "./batch-format.ts";

/** What a leaf of a schema is stored as: see `batch-format.ts`. */
export type LeafKind =
  | "u8"
  | "i32"
  | "f64"
  | "boolean"
  | "string"
  | "bigint"
  | "date"
  | "bytes"
  | "any"
  /** No value but null and undefined was seen, or only empty arrays. */
  | "never";

/**
 * What the values of one place in a record look like. `isOptional`: null and undefined are values
 * too; never so for `any`, which says them itself.
 */
export type Schema =
  | { readonly kind: LeafKind; readonly isOptional: boolean }
  | { readonly kind: "array"; readonly isOptional: boolean; readonly element: Schema }
  | { readonly kind: "object"; readonly isOptional: boolean; readonly fields: readonly Field[] };

export interface Field {
  readonly name: string;
  readonly schema: Schema;
}

export const anySchema: Schema = { kind: "any", isOptional: false };

const neverSchema: Schema = { kind: "never", isOptional: false };
const nullSchema: Schema = { kind: "never", isOptional: true };
/** By width: each holds the values of those before it. */
const numberKinds: readonly string[] = ["u8", "i32", "f64"];

/** Returns the narrowest schema that holds the value; `any` for what columns cannot say. */
export function inferSchema(value: unknown): Schema {
  const schema = infer(value, 0);
  return countNodes(schema) > maxSchemaNodes ? anySchema : schema;
}

/** Returns the narrowest schema that holds what either of the two holds. */
export function mergeSchemas(one: Schema, other: Schema): Schema {
  if (one.kind === "any" || other.kind === "any") return anySchema;
  const isOptional = one.isOptional || other.isOptional;
  if (one.kind === "never") return { ...other, isOptional };
  if (other.kind === "never") return { ...one, isOptional };
  if (one.kind === "object" && other.kind === "object") return mergeObjects(one, other, isOptional);
  if (one.kind === "array" && other.kind === "array") {
    return { kind: "array", isOptional, element: mergeSchemas(one.element, other.element) };
  }
  if (one.kind === other.kind) return { ...one, isOptional };
  const width = Math.max(numberKinds.indexOf(one.kind), numberKinds.indexOf(other.kind));
  const areNumbers = numberKinds.includes(one.kind) && numberKinds.includes(other.kind);
  if (!areNumbers) return anySchema;
  return { kind: width === 2 ? "f64" : "i32", isOptional };
}

/** Returns how many places the schema has: what its generated code grows with. */
export function countNodes(schema: Schema): number {
  if (schema.kind === "array") return 1 + countNodes(schema.element);
  if (schema.kind !== "object") return 1;
  return schema.fields.reduce((sum, field) => sum + countNodes(field.schema), 1);
}

/** Whether a part of it goes through the self-describing fallback. */
export function hasAny(schema: Schema): boolean {
  if (schema.kind === "array") return hasAny(schema.element);
  if (schema.kind === "object") return schema.fields.some((field) => hasAny(field.schema));
  return schema.kind === "any";
}

function mergeObjects(
  one: Extract<Schema, { readonly kind: "object" }>,
  other: Extract<Schema, { readonly kind: "object" }>,
  isOptional: boolean,
): Schema {
  const isSame =
    one.fields.length === other.fields.length &&
    one.fields.every((field, index) => field.name === other.fields[index]?.name);
  if (!isSame) return anySchema;
  const fields = one.fields.map(({ name, schema }, index) => ({
    name,
    schema: mergeSchemas(schema, other.fields[index]?.schema ?? anySchema),
  }));
  return { kind: "object", isOptional, fields };
}

// The recursion ends at maxSchemaDepth.
function infer(value: unknown, depth: number): Schema {
  switch (typeof value) {
    case "string":
      return { kind: "string", isOptional: false };
    case "boolean":
      return { kind: "boolean", isOptional: false };
    case "number":
      return { kind: numberKind(value), isOptional: false };
    case "bigint":
      return BigInt.asIntN(64, value) === value ? { kind: "bigint", isOptional: false } : anySchema;
    case "undefined":
      return nullSchema;
    case "object":
      return value === null ? nullSchema : inferObject(value, depth);
    case "function":
    case "symbol":
      return anySchema;
  }
}

function numberKind(value: number): "u8" | "i32" | "f64" {
  if (!Object.is(value, value | 0)) return "f64";
  return value === (value & 0xff) ? "u8" : "i32";
}

function inferObject(value: object, depth: number): Schema {
  const prototype: unknown = Object.getPrototypeOf(value);
  // oxlint-disable-next-line eslint/no-restricted-globals -- a value's type, not the clock
  if (prototype === Date.prototype && value instanceof Date) {
    return { kind: "date", isOptional: false };
  }
  if (prototype === Uint8Array.prototype) return { kind: "bytes", isOptional: false };
  if (depth >= maxSchemaDepth) return anySchema;
  if (prototype === Array.prototype && Array.isArray(value)) return inferArray(value, depth);
  return prototype === Object.prototype ? inferFields(value, depth) : anySchema;
}

function inferArray(value: readonly unknown[], depth: number): Schema {
  let element = neverSchema;
  for (let index = 0; index < value.length; index += 1) {
    const part = value[index];
    // Columns know no holes.
    if (part === undefined && !(index in value)) return anySchema;
    element = mergeSchemas(element, infer(part, depth + 1));
    if (element.kind === "any") break;
  }
  return { kind: "array", isOptional: false, element };
}

function inferFields(value: object, depth: number): Schema {
  const entries = Object.entries(value);
  const isPlain =
    entries.length > 0 &&
    entries.length <= maxSchemaFields &&
    !Object.hasOwn(value, "__proto__") &&
    Object.getOwnPropertySymbols(value).length === 0;
  if (!isPlain) return anySchema;
  const fields = entries.map(([name, part]) => ({ name, schema: infer(part, depth + 1) }));
  return { kind: "object", isOptional: false, fields };
}
