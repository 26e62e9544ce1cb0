import {
  ByteReader,
  ByteWriter,
  StreamError,
  ValueReader,
  valueFormatVersion,
  ValueWriter,
  type JsonValue,
} from "@millrace/core";

/** How the elements of a state reach the subtasks of another attempt. */
export type OperatorStateMode =
  /** Each element to one subtask: its own at the same parallelism, else dealt out evenly. */
  | "list"
  /** All elements of all subtasks to each (Flink's union list state). */
  | "union"
  /** The same in all subtasks: one of them stores it, all get it. */
  | "broadcast";

/** Which subtask it is. */
export interface SubtaskPlace {
  readonly subtaskIndex: number;
  readonly parallelism: number;
}

/** The state of one name, of one subtask of an earlier attempt. */
interface StoredState {
  readonly mode: OperatorStateMode;
  readonly elements: readonly unknown[];
}

/** What one subtask of an earlier attempt stored. */
interface StoredSubtask {
  readonly place: SubtaskPlace;
  readonly isEnded: boolean;
  readonly states: ReadonlyMap<string, StoredState>;
}

/** What a subtask stores of the state of one name. */
export interface OperatorStateCut {
  readonly name: string;
  readonly mode: OperatorStateMode;
  readonly elements: readonly unknown[];
}

/** The most bytes of one subtask's operator state: it is written at the barrier, in one step. */
const maxStateBytes = 64 * 1024 * 1024;

/** Returns the entry that a subtask stores. Throws `state-not-encodable` that names the state. */
export function operatorStateEntry(
  operatorName: string,
  place: SubtaskPlace,
  { isEnded, states }: { readonly isEnded: boolean; readonly states: readonly OperatorStateCut[] },
): JsonValue {
  return {
    operatorState: valueFormatVersion,
    subtaskIndex: place.subtaskIndex,
    parallelism: place.parallelism,
    isEnded,
    states: states.map(({ name, mode, elements }) => ({
      name,
      mode,
      elements: encode(elements, `operator ${operatorName}: operator state ${name}`),
    })),
  };
}

/**
 * What all subtasks of the attempt before stored of an operator, as one subtask takes it over.
 *
 * I1 Of a list each element goes to exactly one of the new subtasks.
 */
export class RestoredOperatorState {
  readonly #stored: readonly StoredSubtask[];
  readonly #place: SubtaskPlace;
  readonly #isSameWidth: boolean;

  /** `entries`: of all subtasks. Throws `state-incompatible`, `decode-failed`. */
  constructor(entries: readonly JsonValue[], operatorName: string, place: SubtaskPlace) {
    this.#stored = entries
      .map((entry) => parseEntry(entry, operatorName))
      .toSorted((left, right) => left.place.subtaskIndex - right.place.subtaskIndex);
    this.#place = place;
    this.#isSameWidth = this.#stored.every(
      (stored) => stored.place.parallelism === place.parallelism,
    );
  }

  /** Whether the operator was in the checkpoint that the attempt restores. */
  get isRestored(): boolean {
    return this.#stored.length > 0;
  }

  /** Whether the input of this subtask had ended; at another parallelism, that of all. */
  get isEnded(): boolean {
    const { subtaskIndex } = this.#place;
    const before = this.#isSameWidth
      ? this.#stored.filter(({ place }) => place.subtaskIndex === subtaskIndex)
      : this.#stored;
    return before.length > 0 && before.every(({ isEnded }) => isEnded);
  }

  /** Returns the modes of all states that were stored, by name. */
  modes(): ReadonlyMap<string, OperatorStateMode> {
    return new Map(
      this.#stored.flatMap(({ states }) => [...states].map(([name, { mode }]) => [name, mode])),
    );
  }

  /** Returns the elements that this subtask gets; none of a name that nothing was stored under. */
  elementsOf(name: string, mode: OperatorStateMode): readonly unknown[] {
    const bySubtask = this.#stored.map(({ place, states }) => ({
      place,
      elements: states.get(name)?.elements ?? [],
    }));
    const { subtaskIndex, parallelism } = this.#place;
    // One subtask has stored it.
    if (mode === "broadcast") return bySubtask.find((s) => s.elements.length > 0)?.elements ?? [];
    if (mode === "list" && this.#isSameWidth) {
      const own = bySubtask.filter(({ place }) => place.subtaskIndex === subtaskIndex);
      return own.flatMap(({ elements }) => elements);
    }
    const all = bySubtask.flatMap(({ elements }) => elements);
    return mode === "union" ? all : all.filter((_, index) => index % parallelism === subtaskIndex);
  }
}

function encode(elements: readonly unknown[], what: string): string {
  const out = new ByteWriter({ limitBytes: maxStateBytes });
  out.varint(elements.length);
  const writer = new ValueWriter(out);
  try {
    for (const element of elements) writer.write(element);
  } catch (cause) {
    throw new StreamError(
      "state-not-encodable",
      `${what} cannot be stored: ${cause instanceof Error ? cause.message : String(cause)}`,
      { domain: "user", retry: "never", cause },
    );
  }
  return Buffer.from(out.view()).toString("base64");
}

function decode(text: string): readonly unknown[] {
  const input = new ByteReader(Buffer.from(text, "base64"));
  const count = input.varint();
  const reader = new ValueReader(input);
  const elements: unknown[] = [];
  // What the count says too much ends in `decode-failed` at the end of the bytes.
  for (let index = 0; index < count; index += 1) elements.push(reader.read());
  return elements;
}

function parseEntry(entry: JsonValue, operatorName: string): StoredSubtask {
  const fields = fieldsOf(entry);
  const subtaskIndex = fields.get("subtaskIndex");
  const parallelism = fields.get("parallelism");
  const states = fields.get("states");
  const isOurs = fields.get("operatorState") === valueFormatVersion && Array.isArray(states);
  if (!isOurs || typeof subtaskIndex !== "number" || typeof parallelism !== "number") {
    throw incompatible(operatorName);
  }
  return {
    place: { subtaskIndex, parallelism },
    isEnded: fields.get("isEnded") === true,
    states: new Map(states.map((state: JsonValue) => parseState(state, operatorName))),
  };
}

function parseState(entry: JsonValue, operatorName: string): readonly [string, StoredState] {
  const fields = fieldsOf(entry);
  const name = fields.get("name");
  const mode = fields.get("mode");
  const elements = fields.get("elements");
  const isMode = mode === "list" || mode === "union" || mode === "broadcast";
  if (typeof name !== "string" || !isMode || typeof elements !== "string") {
    throw incompatible(operatorName);
  }
  return [name, { mode, elements: decode(elements) }];
}

function fieldsOf(entry: JsonValue): ReadonlyMap<string, JsonValue> {
  return new Map(typeof entry === "object" && entry !== null ? Object.entries(entry) : []);
}

function incompatible(operatorName: string): StreamError {
  return new StreamError(
    "state-incompatible",
    `operator ${operatorName}: an entry of its restored state is no operator state; was the name that of another operator?`,
    { domain: "user", retry: "never" },
  );
}
