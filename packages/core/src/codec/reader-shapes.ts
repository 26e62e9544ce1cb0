import { setField } from "./set-field.ts";

/** Makes an object of the names; `read` gives the next field's value at each call. */
type BuildObject = (source: FieldSource, depth: number) => object;

interface FieldSource {
  readField(depth: number): unknown;
}

export interface ReaderShape {
  readonly names: readonly string[];
  build: BuildObject;
}

/** Uses before a shape is worth compiling. */
const usesBeforeCompiling = 8;
const maxCompiledFields = 64;
/** Shapes kept over dictionaries; then the memory of them starts anew. */
const maxRemembered = 512;

/** The shapes of the current dictionary, and what was compiled for shapes of earlier ones. */
export class ReaderShapes {
  readonly #remembered = new Map<string, ReaderShape>();
  readonly #defined: ReaderShape[] = [];

  get definedCount(): number {
    return this.#defined.length;
  }

  at(index: number): ReaderShape | undefined {
    return this.#defined[index];
  }

  define(names: readonly string[]): ReaderShape {
    const signature = JSON.stringify(names);
    let shape = this.#remembered.get(signature);
    if (shape === undefined) {
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
      shape = newShape(names);
      this.#remembered.set(signature, shape);
    }
    this.#defined.push(shape);
    return shape;
  }

  clear(): void {
    this.#defined.length = 0;
  }
}

function newShape(names: readonly string[]): ReaderShape {
  let uses = 0;
  const shape: ReaderShape = {
    names,
    build: (source, depth) => {
      uses += 1;
      if (uses === usesBeforeCompiling && isCompilable(names)) shape.build = compile(names);
      const target = {};
      for (const name of names) setField(target, name, source.readField(depth));
      return target;
    },
  };
  return shape;
}

function isCompilable(names: readonly string[]): boolean {
  return names.length <= maxCompiledFields && !names.includes("__proto__");
}

/** Nothing of the names enters the source except through JSON.stringify. */
function compile(names: readonly string[]): BuildObject {
  const fields = names.map((name) => `${JSON.stringify(name)}: source.readField(depth)`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-implied-eval -- our own template: one object literal is several times faster than field by field
  return new Function("source", "depth", `return { ${fields.join(", ")} };`) as BuildObject;
}
