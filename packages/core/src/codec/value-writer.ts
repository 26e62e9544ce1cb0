import type { ByteWriter } from "./byte-writer.ts";
import { magnitudeBytes } from "./magnitude.ts";
import { notEncodable } from "./unencodable.ts";
import { maxDepth, shortLatin1Length, shortObjectShapes, tags } from "./value-format.ts";
import { WriterShapes, type WriterShape } from "./writer-shapes.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Unwinds to `write`, which finds out what and where. */
class Refused extends Error {}

/**
 * Appends values in the format of `value-format.ts`.
 *
 * I1 What is not plain data is refused by name and path, never written as something else. Not seen:
 *    fields that are not enumerable, named fields of arrays, symbols as names in all but the first
 *    object of a shape; getters are read as values.
 * I2 A refused value leaves neither bytes nor shapes behind.
 * I3 A reader decodes the values in the order of writing, with a reset where the writer had one.
 */
export class ValueWriter {
  readonly #out: ByteWriter;
  readonly #shapes = new WriterShapes();

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** Throws `record-not-encodable`, `record-too-large`. */
  write(value: unknown): void {
    const { length } = this.#out;
    const shapeCount = this.#shapes.definedCount;
    try {
      this.#value(value, 0);
    } catch (error) {
      this.#out.truncate(length);
      this.#shapes.undefine(shapeCount);
      throw error instanceof Refused ? notEncodable(value) : error;
    }
  }

  /** How many shapes the dictionary defines. */
  get shapeCount(): number {
    return this.#shapes.definedCount;
  }

  /** Forgets the shapes after so many: the values that defined them were cut off. */
  undefineShapes(shapeCount: number): void {
    if (shapeCount < this.#shapes.definedCount) this.#shapes.undefine(shapeCount);
  }

  /** Starts a new dictionary: what follows can be decoded without what came before. */
  resetDictionary(): void {
    this.#shapes.undefine(0);
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        return;
      case "number":
        this.#number(value);
        return;
      case "object":
        if (value === null) this.#out.u8(tags.null);
        else this.#object(value, depth);
        return;
      case "boolean":
        this.#out.u8(value ? tags.true : tags.false);
        return;
      case "undefined":
        this.#out.u8(tags.undefined);
        return;
      case "bigint":
        this.#bigint(value);
        return;
      case "function":
      case "symbol":
        throw new Refused();
    }
  }

  #number(value: number): void {
    const out = this.#out;
    // -0 is not an integer here: its sign would be lost.
    if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
      if (value >= 0 && value < 0x80) out.u8(tags.shortInt | value);
      else {
        out.u8(tags.int);
        out.zigzag(value);
      }
      return;
    }
    out.u8(tags.f64);
    // One NaN, whatever its bits were.
    out.f64(Number.isNaN(value) ? Number.NaN : value);
  }

  #string(value: string): void {
    const out = this.#out;
    const start = out.length;
    if (value.length < shortLatin1Length) out.u8(tags.shortLatin1 | value.length);
    else {
      out.u8(tags.latin1);
      out.varint(value.length);
    }
    if (out.latin1(value)) return;
    out.truncate(start);
    out.u8(tags.utf16);
    out.varint(value.length);
    out.utf16(value);
  }

  #bigint(value: bigint): void {
    const out = this.#out;
    out.u8(value < 0n ? tags.negativeBigint : tags.bigint);
    const bytes = magnitudeBytes(value < 0n ? -value : value);
    out.varint(bytes.length);
    out.bytes(bytes);
  }

  #object(value: object, depth: number): void {
    if (depth >= maxDepth) throw new Refused();
    const prototype: unknown = Object.getPrototypeOf(value);
    if (isFields(value)) this.#fields(value, prototype === null, depth + 1);
    else if (Array.isArray(value) && prototype === Array.prototype) this.#array(value, depth + 1);
    else this.#builtIn(value, prototype, depth + 1);
  }

  #fields(value: Fields, isBare: boolean, depth: number): void {
    const shape = this.#shapes.find(value);
    if (shape === undefined || (shape.index < 0 && this.#shapes.isFull)) {
      this.#namedFields(value, isBare, depth);
      return;
    }
    // Once for each shape: a check of each object would cost an allocation.
    if (shape.index < 0 && Object.getOwnPropertySymbols(value).length > 0) throw new Refused();
    this.#shapeReference(shape, isBare);
    const { names } = shape;
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index];
      if (name !== undefined) this.#value(value[name], depth);
    }
  }

  #shapeReference(shape: WriterShape, isBare: boolean): void {
    const out = this.#out;
    const isNew = shape.index < 0;
    if (isNew) this.#shapes.define(shape);
    if (!isBare && shape.index < shortObjectShapes) out.u8(tags.shortObject | shape.index);
    else {
      out.u8(isBare ? tags.bareObject : tags.object);
      out.varint(shape.index);
    }
    if (!isNew) return;
    out.varint(shape.names.length);
    for (const name of shape.names) out.text(name);
  }

  #namedFields(value: Fields, isBare: boolean, depth: number): void {
    const names = Object.keys(value);
    this.#out.u8(isBare ? tags.bareNamedObject : tags.namedObject);
    this.#out.varint(names.length);
    for (const name of names) {
      this.#out.text(name);
      this.#value(value[name], depth);
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    const out = this.#out;
    const { length } = value;
    out.u8(tags.array);
    out.varint(length);
    for (let index = 0; index < length; index += 1) {
      const part = value[index];
      if (part === undefined && !(index in value)) out.u8(tags.hole);
      else this.#value(part, depth);
    }
  }

  #builtIn(value: object, prototype: unknown, depth: number): void {
    const out = this.#out;
    if (prototype === Uint8Array.prototype && value instanceof Uint8Array) {
      out.u8(tags.bytes);
      out.varint(value.length);
      out.bytes(value);
      // oxlint-disable-next-line eslint/no-restricted-globals -- a value's type, not the clock
    } else if (value instanceof Date && prototype === Date.prototype) {
      out.u8(tags.date);
      out.f64(value.getTime());
    } else if (value instanceof Map && prototype === Map.prototype) {
      this.#map(value, depth);
    } else if (value instanceof Set && prototype === Set.prototype) {
      out.u8(tags.set);
      out.varint(value.size);
      for (const part of value) this.#value(part, depth);
    } else throw new Refused();
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    this.#out.u8(tags.map);
    this.#out.varint(value.size);
    for (const [key, part] of value) {
      this.#value(key, depth);
      this.#value(part, depth);
    }
  }
}

function isFields(value: object): value is Fields {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
