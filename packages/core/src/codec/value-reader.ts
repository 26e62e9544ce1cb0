import { decodeFailed, type ByteReader } from "./byte-reader.ts";
import { magnitudeOf } from "./magnitude.ts";
import { ReaderShapes, type ReaderShape } from "./reader-shapes.ts";
import { setField } from "./set-field.ts";
import { longestShortString, ShortStrings } from "./short-strings.ts";
import { maxDepth, maxShapeFields, maxShapes, tags } from "./value-format.ts";

/**
 * Decodes what a ValueWriter wrote, in its order. All bytes are suspect: lengths are checked before
 * anything is made of them, depth is bounded, field names can be anything. Everything wrong throws
 * `decode-failed`.
 */
export class ValueReader {
  readonly #input: ByteReader;
  readonly #shapes = new ReaderShapes();
  readonly #shortStrings: ShortStrings;

  /** Readers of many small inputs share one cache of strings: a fresh one costs more than they do. */
  constructor(input: ByteReader, shortStrings: ShortStrings = new ShortStrings()) {
    this.#input = input;
    this.#shortStrings = shortStrings;
  }

  read(): unknown {
    return this.#value(0);
  }

  /** Starts a new dictionary, where the writer did. */
  resetDictionary(): void {
    this.#shapes.clear();
  }

  /** For the compiled builders of shapes only. */
  readField(depth: number): unknown {
    return this.#value(depth);
  }

  #value(depth: number): unknown {
    const tag = this.#input.u8();
    if (tag >= tags.shortInt) return tag & 0x7f;
    if (tag >= tags.shortLatin1) return this.#latin1(tag & 0x3f);
    if (tag >= tags.shortObject) return this.#object(tag & 0x1f, depth);
    if (tag >= tags.date) return this.#composite(tag, depth);
    switch (tag) {
      case tags.null:
        return null;
      case tags.undefined:
        return undefined;
      case tags.false:
        return false;
      case tags.true:
        return true;
      case tags.int:
        return this.#input.zigzag();
      case tags.f64:
        return this.#input.f64();
      case tags.latin1:
        return this.#latin1(this.#input.count());
      case tags.utf16:
        return this.#input.utf16(this.#input.count());
      case tags.bigint:
        return this.#magnitude();
      default:
        return -this.#magnitude();
    }
  }

  #composite(tag: number, depth: number): unknown {
    switch (tag) {
      case tags.object:
        return this.#object(this.#input.varint(), depth);
      case tags.array:
        return this.#array(depth);
      case tags.date:
        // oxlint-disable-next-line eslint/no-restricted-globals -- a value, not the clock
        return new Date(this.#input.f64());
      case tags.bytes:
        // Not `slice`: that of a Buffer shares its memory.
        return new Uint8Array(this.#input.bytes(this.#input.count()));
      case tags.map:
        return this.#map(depth);
      case tags.set:
        return this.#set(depth);
      case tags.namedObject:
        return this.#namedObject({}, depth);
      case tags.bareObject:
        return this.#bareObject(depth);
      case tags.bareNamedObject:
        return this.#namedObject(newBareObject(), depth);
      default:
        throw decodeFailed(`there is no tag ${tag}`);
    }
  }

  #latin1(count: number): string {
    if (count > longestShortString) return this.#input.latin1(count);
    return this.#input.cachedLatin1(count, this.#shortStrings);
  }

  #magnitude(): bigint {
    return magnitudeOf(this.#input.bytes(this.#input.count()));
  }

  #object(shapeIndex: number, depth: number): object {
    return this.#shape(shapeIndex).build(this, deeper(depth));
  }

  #bareObject(depth: number): object {
    const target = newBareObject();
    const { names } = this.#shape(this.#input.varint());
    const inside = deeper(depth);
    for (const name of names) setField(target, name, this.#value(inside));
    return target;
  }

  #namedObject(target: object, depth: number): object {
    const inside = deeper(depth);
    const count = this.#input.count();
    for (let index = 0; index < count; index += 1) {
      setField(target, this.#input.text(), this.#value(inside));
    }
    return target;
  }

  #shape(index: number): ReaderShape {
    const shape = this.#shapes.at(index);
    if (shape !== undefined) return shape;
    if (index !== this.#shapes.definedCount || index >= maxShapes) {
      throw decodeFailed(`there is no shape ${index}`);
    }
    const count = this.#input.count();
    if (count > maxShapeFields) throw decodeFailed("a shape has too many fields");
    const names: string[] = [];
    for (let field = 0; field < count; field += 1) names.push(this.#input.text());
    return this.#shapes.define(names);
  }

  #array(depth: number): unknown[] {
    const inside = deeper(depth);
    const count = this.#input.count();
    const target: unknown[] = [];
    for (let index = 0; index < count; index += 1) {
      if (this.#isHole()) target.length = index + 1;
      else target.push(this.#value(inside));
    }
    return target;
  }

  #isHole(): boolean {
    const input = this.#input;
    if (input.peek() !== tags.hole) return false;
    input.u8();
    return true;
  }

  #map(depth: number): Map<unknown, unknown> {
    const inside = deeper(depth);
    const count = this.#input.count();
    const target = new Map<unknown, unknown>();
    for (let index = 0; index < count; index += 1) {
      const key = this.#value(inside);
      target.set(key, this.#value(inside));
    }
    return target;
  }

  #set(depth: number): Set<unknown> {
    const inside = deeper(depth);
    const count = this.#input.count();
    const target = new Set<unknown>();
    for (let index = 0; index < count; index += 1) target.add(this.#value(inside));
    return target;
  }
}

function deeper(depth: number): number {
  if (depth >= maxDepth) throw decodeFailed("values are nested too deep");
  return depth + 1;
}

function newBareObject(): object {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.create returns any
  return Object.create(null) as object;
}
