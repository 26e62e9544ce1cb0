import { decodeFailed, type ByteReader } from "../byte-reader.ts";
import { ByteWriter } from "../byte-writer.ts";
import {
  maxSchemaDepth,
  maxSchemaFields,
  maxSchemaNodes,
  optionalFlag,
  schemaTags,
} from "./batch-format.ts";
import { countNodes, type Field, type LeafKind, type Schema } from "./schema.ts";

const kindsByTag: ReadonlyMap<number, LeafKind> = new Map([
  [schemaTags.u8, "u8"],
  [schemaTags.i32, "i32"],
  [schemaTags.f64, "f64"],
  [schemaTags.boolean, "boolean"],
  [schemaTags.string, "string"],
  [schemaTags.bigint, "bigint"],
  [schemaTags.date, "date"],
  [schemaTags.bytes, "bytes"],
  [schemaTags.any, "any"],
  [schemaTags.never, "never"],
]);

/** Returns the schema's bytes. */
export function encodeSchema(schema: Schema): Uint8Array {
  const out = new ByteWriter({ initialBytes: 256 });
  writeSchema(out, schema);
  return out.copy();
}

/** Returns the schema that the bytes hold, whole. Throws `decode-failed`. */
export function parseSchema(input: ByteReader): Schema {
  const schema = readSchema(input, 0);
  if (input.remaining > 0) throw decodeFailed("bytes follow a schema");
  if (countNodes(schema) > maxSchemaNodes) throw decodeFailed("a schema has too many places");
  if (takesNothing(schema)) throw decodeFailed("a schema's values take no bytes");
  return schema;
}

function writeSchema(out: ByteWriter, schema: Schema): void {
  out.u8(schemaTags[schema.kind] | (schema.isOptional ? optionalFlag : 0));
  if (schema.kind === "array") writeSchema(out, schema.element);
  else if (schema.kind === "object") {
    out.varint(schema.fields.length);
    for (const field of schema.fields) {
      out.text(field.name);
      writeSchema(out, field.schema);
    }
  }
}

function readSchema(input: ByteReader, depth: number): Schema {
  // A leaf lies one deeper than what holds it.
  if (depth > maxSchemaDepth) throw decodeFailed("a schema is nested too deep");
  const byte = input.u8();
  const tag = byte & ~optionalFlag;
  const isOptional = byte !== tag;
  if (tag === schemaTags.array) {
    return { kind: "array", isOptional, element: readSchema(input, depth + 1) };
  }
  if (tag === schemaTags.object) {
    return { kind: "object", isOptional, fields: readFields(input, depth + 1) };
  }
  const kind = kindsByTag.get(tag);
  if (kind === undefined) throw decodeFailed(`there is no kind ${tag} of a schema`);
  return { kind, isOptional };
}

function readFields(input: ByteReader, depth: number): readonly Field[] {
  const count = input.count();
  if (count === 0 || count > maxSchemaFields) throw decodeFailed(`an object has ${count} fields`);
  const names = new Set<string>();
  const fields: Field[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = input.text();
    if (name === "__proto__" || names.has(name)) throw decodeFailed("a field's name is refused");
    names.add(name);
    const schema = readSchema(input, depth);
    if (takesNothing(schema)) throw decodeFailed("a field takes no bytes");
    fields.push({ name, schema });
  }
  return fields;
}

/** Every record and every element takes a byte at least: so their counts are bounded by the bytes. */
function takesNothing(schema: Schema): boolean {
  return schema.kind === "never" && !schema.isOptional;
}
