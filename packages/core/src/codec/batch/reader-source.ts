import type { Schema } from "./schema.ts";

type Stream = "bytes" | "ints" | "floats" | "any";

interface Template {
  readonly lines: string[];
  nextId: number;
}

/**
 * How a batch's records are handed out: `isTimeConstant`, one timestamp for all; `hasHash`, a hash
 * each, else 0.
 */
export interface BatchKind {
  readonly isTimeConstant: boolean;
  readonly hasHash: boolean;
}

const load = `const B = columns.bytes, I = columns.ints, F = columns.floats;
const bEnd = columns.bytesEnd, iEnd = I.length, fEnd = F.length, tEnd = columns.textEnd;
let b = columns.bytesAt, i = columns.intsAt, f = columns.floatsAt, t = columns.textAt, code = 0;`;
const store = `columns.bytesAt = b; columns.intsAt = i; columns.floatsAt = f; columns.textAt = t;`;
const check = "if (b > bEnd || i > iEnd || f > fEnd || t > tEnd) columns.fail();";

/** Stands before each record but what is left of the pace, `n` being the record's number. */
function paceSource({ hasHash }: BatchKind): string {
  const ahead = hasHash ? "lookAhead(H, n, Math.min(n + pace.left, count));" : "";
  return `if (pace.left <= 0) {
if (!pace.mayGoOn()) break;
${ahead}
}
pace.left--;`;
}

/**
 * Returns the body of a function of `columns` that returns `drain(consume, pace, lookAhead)`: it hands
 * out the records of a batch of one shape until they are used up (true) or its pace ends (false).
 * One function per place that it is used at, so that the call of `consume` in it stays monomorphic.
 * In the body `b`, `i`, `f`, `t` are the places in the streams. Names enter it only through
 * JSON.stringify.
 */
export function drainSource(schema: Schema, kind: BatchKind): string {
  const { lines, value } = valueSource(schema);
  const { timestamp, hash } = argumentSource(kind);
  return `"use strict";
return function drain(consume, pace, lookAhead) {
${load}
const T = columns.timestamps, H = columns.hashes, time = columns.constantTimestamp;
const count = columns.recordCount;
let n = columns.index;
try {
while (n < count) {
${paceSource(kind)}
${lines.join("\n")}
${check}
n++;
consume(${value}, ${timestamp("n - 1")}, ${hash("n - 1")});
}
} finally {
columns.index = n;
${store}
}
return n === count;
};`;
}

/** Returns the body of a function of `columns` that returns `read()`: the next record's value. */
export function readSource(schema: Schema): string {
  const { lines, value } = valueSource(schema);
  return `"use strict";
return function read() {
${load}
${lines.join("\n")}
${check}
${store}
return ${value};
};`;
}

/**
 * Returns the body of a function of `columns` that returns `drain({ consume, pace, lookAhead }, readers,
 * shapes)` for batches of several shapes: of each record the number, and what reads it.
 */
export function drainMixedSource(kind: BatchKind): string {
  const { timestamp, hash } = argumentSource(kind);
  return `"use strict";
return function drain({ consume, pace, lookAhead }, readers, shapes) {
const T = columns.timestamps, H = columns.hashes, time = columns.constantTimestamp;
const count = columns.recordCount;
while (columns.index < count) {
const n = columns.index;
${paceSource(kind)}
const read = readers[shapes[n]];
if (read === undefined) columns.fail();
const value = read();
columns.index = n + 1;
consume(value, ${timestamp("n")}, ${hash("n")});
}
return columns.index === count;
};`;
}

function argumentSource({ isTimeConstant, hasHash }: BatchKind): {
  readonly timestamp: (index: string) => string;
  readonly hash: (index: string) => string;
} {
  return {
    timestamp: (index) => (isTimeConstant ? "time" : `T[${index}]`),
    hash: (index) => (hasHash ? `H[${index}]` : "0"),
  };
}

function valueSource(schema: Schema): {
  readonly lines: readonly string[];
  readonly value: string;
} {
  const template: Template = { lines: [], nextId: 0 };
  const value = take(template, schema);
  return { lines: template.lines, value };
}

/** Appends the source that reads a value; returns the variable that it is in. */
function take(template: Template, schema: Schema): string {
  const variable = `v${(template.nextId += 1)}`;
  const { lines } = template;
  if (schema.isOptional) {
    lines.push(`let ${variable} = null;`, "code = B[b++];", "if (code === 2) {");
    lines.push(`${variable} = ${takePresent(template, schema)};`);
    lines.push(
      `} else if (code === 1) ${variable} = undefined;`,
      "else if (code !== 0) columns.fail();",
    );
  } else {
    const present = takePresent(template, schema);
    lines.push(`const ${variable} = ${present};`);
  }
  return variable;
}

/** Appends what it needs before; returns an expression, to be evaluated once and at once. */
function takePresent(template: Template, schema: Schema): string {
  const { lines } = template;
  switch (schema.kind) {
    case "u8":
      return "B[b++] | 0";
    case "i32":
      return "I[i++] | 0";
    case "f64":
      return "+F[f++]";
    case "boolean":
      lines.push("code = B[b++]; if (code > 1) columns.fail();");
      return "code === 1";
    case "date":
      return "new Date(F[f++])";
    case "bigint":
      return "columns.readBigint(f++)";
    case "string":
      return takeText(template);
    case "bytes": {
      const length = takeVarint(template);
      lines.push(`t += ${length};`);
      return `columns.readBytes(t - ${length}, ${length})`;
    }
    case "any":
      return "columns.readAny()";
    case "never":
      return "columns.fail()";
    case "array":
      return takeArray(template, schema.element);
    case "object": {
      const fields = schema.fields.map(
        ({ name, schema: field }) => `${JSON.stringify(name)}: ${take(template, field)}`,
      );
      return `{ ${fields.join(", ")} }`;
    }
  }
}

function takeVarint({ lines }: Template, id = "code"): string {
  lines.push(
    "code = B[b++] | 0;",
    "if (code >= 0x80) {",
    "code = columns.readVarint(b);",
    "b += code < 0x4000 ? 1 : code < 0x200000 ? 2 : code < 0x10000000 ? 3 : 4;",
    "}",
  );
  return id;
}

function takeText(template: Template): string {
  const text = `s${(template.nextId += 1)}`;
  takeVarint(template);
  template.lines.push(
    `const ${text} = columns.readText(code, t);`,
    "t += (code & 1) === 0 ? code >>> 1 : code - 1;",
  );
  return text;
}

function takeArray(template: Template, element: Schema): string {
  const id = (template.nextId += 1);
  const { lines } = template;
  takeVarint(template);
  lines.push(
    `const n${id} = code;`,
    `if (n${id} > ${remainingOf(element)}) columns.fail();`,
    `const a${id} = [];`,
    `for (let k${id} = 0; k${id} < n${id}; k${id}++) {`,
  );
  const part = take(template, element);
  lines.push(`a${id}.push(${part});`, "}");
  return `a${id}`;
}

/** Returns what is left of a stream that every element takes at least one of. */
function remainingOf(schema: Schema): string {
  switch (leadingStream(schema)) {
    case "bytes":
      return "bEnd - b";
    case "ints":
      return "iEnd - i";
    case "floats":
      return "fEnd - f";
    case "any":
      return "columns.anyRemaining()";
    case undefined:
      return "0";
  }
}

function leadingStream(schema: Schema): Stream | undefined {
  if (schema.isOptional) return "bytes";
  switch (schema.kind) {
    case "u8":
    case "boolean":
    case "string":
    case "bytes":
    case "array":
      return "bytes";
    case "i32":
      return "ints";
    case "f64":
    case "date":
    case "bigint":
      return "floats";
    case "any":
      return "any";
    case "never":
      return undefined;
    case "object": {
      const first = schema.fields[0];
      return first === undefined ? undefined : leadingStream(first.schema);
    }
  }
}
