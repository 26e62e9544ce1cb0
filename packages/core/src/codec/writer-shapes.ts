import { maxShapeFields, maxShapes } from "./value-format.ts";

/** Names along all paths that are remembered over dictionaries; then the memory starts anew. */
const maxRemembered = 8192;

export interface WriterShape {
  readonly names: readonly string[];
  /** In the current dictionary; -1 if it is not defined there. */
  index: number;
  /** The shape that followed last time: the first guess for the next object. */
  next: WriterShape | undefined;
}

interface Node {
  readonly children: Map<string, Node>;
  shape: WriterShape | undefined;
}

/**
 * The shapes that a ValueWriter met, and which of them the current dictionary defines. Finding the
 * shape of an object neither allocates nor hashes when objects come in a regular order.
 */
export class WriterShapes {
  #root: Node = newNode();
  #remembered = 0;
  #last: WriterShape = { names: [], index: -1, next: undefined };
  readonly #defined: WriterShape[] = [];

  get definedCount(): number {
    return this.#defined.length;
  }

  get isFull(): boolean {
    return this.#defined.length >= maxShapes;
  }

  /** Returns the shape of the fields, or undefined if they had better carry their names. */
  find(fields: Readonly<Record<string, unknown>>): WriterShape | undefined {
    const guess = this.#last.next;
    if (guess !== undefined && hasNames(fields, guess.names)) {
      this.#last = guess;
      return guess;
    }
    return this.#look(Object.keys(fields));
  }

  /** Gives the shape the next number; the dictionary must not be full. */
  define(shape: WriterShape): void {
    shape.index = this.#defined.length;
    this.#defined.push(shape);
  }

  /** Forgets the definitions above the count: what defined them was taken back. */
  undefine(count: number): void {
    for (const shape of this.#defined.splice(count)) shape.index = -1;
    if (count === 0 && this.#remembered > maxRemembered) {
      this.#root = newNode();
      this.#remembered = 0;
      this.#last = { names: [], index: -1, next: undefined };
    }
  }

  #look(names: readonly string[]): WriterShape | undefined {
    if (names.length > maxShapeFields) return undefined;
    let node = this.#root;
    for (const name of names) {
      let child = node.children.get(name);
      if (child === undefined) {
        if (this.#remembered > maxRemembered) return undefined;
        child = newNode();
        node.children.set(name, child);
        this.#remembered += 1;
      }
      node = child;
    }
    node.shape ??= { names, index: -1, next: undefined };
    this.#last.next = node.shape;
    this.#last = node.shape;
    return node.shape;
  }
}

function hasNames(fields: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  let index = 0;
  for (const name in fields) {
    if (name !== names[index]) return false;
    index += 1;
  }
  return index === names.length;
}

function newNode(): Node {
  return { children: new Map(), shape: undefined };
}
