import type { Field, Schema } from "./schema.ts";

/** What the generated source refers to besides its parameters. */
interface Template {
  /** Names of the fields of each object, in the order of their use in the source. */
  readonly names: string[][];
  nextId: number;
}

/** A piece of source that makes room once for what it appends. */
interface Block {
  /** `makeRoom` where it has to be made again: it is known only once the block is whole. */
  readonly lines: (string | typeof makeRoom)[];
  bytes: number;
  ints: number;
  floats: number;
}

export interface GeneratedSource {
  readonly body: string;
  /** The constant `names` of the body. */
  readonly names: readonly (readonly string[])[];
}

const makeRoom = Symbol("make room");
const maxVarintBytes = 5;
const giveUp = "return false;";

/**
 * Returns the body of a function of `streams` and `names` that returns `append(value)`: it appends a
 * value of the schema and returns true, or appends nothing and returns false if the value is not
 * exactly of the schema. In the body `b`, `i`, `f`, `t` are the places in the streams `bytes`, `ints`,
 * `floats`, `text`. Names enter it only through JSON.stringify.
 */
export function writerSource(schema: Schema): GeneratedSource {
  const template: Template = { names: [], nextId: 0 };
  const block = newBlock();
  put(template, block, schema, "value");
  const lines = withRoom(block);
  const body = `"use strict";
const objectPrototype = Object.prototype, arrayPrototype = Array.prototype;
const datePrototype = Date.prototype, bytesPrototype = Uint8Array.prototype;
const prototypeOf = Object.getPrototypeOf;
return function append(value) {
let b = streams.bytesAt, i = streams.intsAt, f = streams.floatsAt, t = streams.textAt;
let B = streams.bytes, I = streams.ints, F = streams.floats, code = 0;
${lines.join("\n")}
streams.bytesAt = b; streams.intsAt = i; streams.floatsAt = f; streams.textAt = t;
return true;
};`;
  return { body, names: template.names };
}

function newBlock(): Block {
  return { lines: [], bytes: 0, ints: 0, floats: 0 };
}

/** Returns the whole block's lines behind those that make room. */
function withRoom({ lines, bytes, ints, floats }: Block): readonly string[] {
  const room: string[] = [];
  if (bytes > 0) room.push(`if (b + ${bytes} > B.length) B = streams.growBytes(b, ${bytes});`);
  if (ints > 0) room.push(`if (i + ${ints} > I.length) I = streams.growInts(i, ${ints});`);
  if (floats > 0) room.push(`if (f + ${floats} > F.length) F = streams.growFloats(f, ${floats});`);
  return [...room, ...lines.flatMap((line) => (line === makeRoom ? room : [line]))];
}

/** Appends the source for a value of the schema that the variable holds. */
function put(template: Template, block: Block, schema: Schema, value: string): void {
  if (!schema.isOptional) {
    putPresent(template, block, schema, value);
    return;
  }
  block.bytes += 1;
  block.lines.push(
    `if (${value} === null) B[b++] = 0;`,
    `else if (${value} === undefined) B[b++] = 1;`,
    "else {",
    "B[b++] = 2;",
  );
  putPresent(template, block, schema, value);
  block.lines.push("}");
}

function putPresent(template: Template, block: Block, schema: Schema, value: string): void {
  switch (schema.kind) {
    case "array":
      putArray(template, block, schema.element, value);
      return;
    case "object":
      putObject(template, block, schema.fields, value);
      return;
    case "u8":
    case "i32":
    case "f64":
      putNumber(block, schema.kind, value);
      return;
    case "string":
      block.bytes += maxVarintBytes;
      block.lines.push(
        `if (typeof ${value} !== "string") ${giveUp}`,
        `t = streams.putText(${value}, t);`,
        `code = ${value}.length << 1;`,
        "if (t < 0) { t = -t; code |= 1; }",
        "if (code < 0x80) B[b++] = code; else b = streams.putVarint(b, code);",
      );
      return;
    case "any":
      block.lines.push(`streams.values.write(${value});`);
      return;
    case "never":
      block.lines.push(giveUp);
      return;
    case "boolean":
    case "bigint":
    case "date":
    case "bytes":
      putOther(block, schema.kind, value);
  }
}

function putNumber(block: Block, kind: "u8" | "i32" | "f64", value: string): void {
  const { lines } = block;
  if (kind === "f64") {
    block.floats += 1;
    lines.push(`if (typeof ${value} !== "number") ${giveUp}`, `F[f++] = ${value};`);
    return;
  }
  const asInteger = kind === "u8" ? `(${value} & 0xff)` : `(${value} | 0)`;
  // -0 is no integer: its sign would be lost.
  lines.push(
    `if (typeof ${value} !== "number" || ${value} !== ${asInteger}) ${giveUp}`,
    `if (${value} === 0 && 1 / ${value} < 0) ${giveUp}`,
  );
  if (kind === "u8") {
    block.bytes += 1;
    lines.push(`B[b++] = ${value};`);
  } else {
    block.ints += 1;
    lines.push(`I[i++] = ${value};`);
  }
}

function putOther(
  block: Block,
  kind: "boolean" | "bigint" | "date" | "bytes",
  value: string,
): void {
  const { lines } = block;
  switch (kind) {
    case "boolean":
      block.bytes += 1;
      lines.push(
        `if (${value} === true) B[b++] = 1; else if (${value} === false) B[b++] = 0; else ${giveUp}`,
      );
      return;
    case "bigint":
      block.floats += 1;
      lines.push(
        `if (typeof ${value} !== "bigint" || BigInt.asIntN(64, ${value}) !== ${value}) ${giveUp}`,
        `streams.longs[f++] = ${value};`,
      );
      return;
    case "date":
      block.floats += 1;
      lines.push(
        `if (!(${value} instanceof Date) || prototypeOf(${value}) !== datePrototype) ${giveUp}`,
        `F[f++] = ${value}.getTime();`,
      );
      return;
    case "bytes":
      block.bytes += maxVarintBytes;
      lines.push(
        `if (!(${value} instanceof Uint8Array) || prototypeOf(${value}) !== bytesPrototype) ${giveUp}`,
        `t = streams.putBytes(${value}, t);`,
        `b = streams.putVarint(b, ${value}.length);`,
      );
  }
}

function putArray(template: Template, block: Block, element: Schema, value: string): void {
  const id = (template.nextId += 1);
  const inner = newBlock();
  put(template, inner, element, `e${id}`);
  block.bytes += maxVarintBytes;
  block.lines.push(
    `if (!Array.isArray(${value}) || prototypeOf(${value}) !== arrayPrototype) ${giveUp}`,
    `const n${id} = ${value}.length;`,
    `b = streams.putVarint(b, n${id});`,
    `for (let k${id} = 0; k${id} < n${id}; k${id}++) {`,
    `const e${id} = ${value}[k${id}];`,
    `if (e${id} === undefined && !(k${id} in ${value})) ${giveUp}`,
    ...withRoom(inner),
    "}",
    // The elements may have used up what was there for what follows.
    makeRoom,
  );
}

function putObject(
  template: Template,
  block: Block,
  fields: readonly Field[],
  value: string,
): void {
  const id = (template.nextId += 1);
  const names = `names[${template.names.length}]`;
  template.names.push(fields.map((field) => field.name));
  block.lines.push(
    `if (typeof ${value} !== "object" || ${value} === null) ${giveUp}`,
    `if (prototypeOf(${value}) !== objectPrototype) ${giveUp}`,
    `const m${id} = ${names};`,
    `let n${id} = 0;`,
    `for (const name in ${value}) { if (name !== m${id}[n${id}]) ${giveUp} n${id}++; }`,
    `if (n${id} !== ${fields.length}) ${giveUp}`,
  );
  for (const [index, field] of fields.entries()) {
    const variable = `v${id}_${index}`;
    block.lines.push(`const ${variable} = ${value}[${JSON.stringify(field.name)}];`);
    put(template, block, field.schema, variable);
  }
}
