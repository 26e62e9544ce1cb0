/** A record with its event time. */
export interface Timed {
  readonly value: unknown;
  readonly atMs: number;
}

/** A record that came to a keyed operator; `input` says where it has two. */
export interface Received extends Timed {
  readonly input: number;
}

/** What came to a keyed operator for one key, in the order of inputs. */
export interface KeyGroup {
  readonly key: unknown;
  readonly records: Received[];
}

/** What a node emits to each tag. */
export type SideOutputs = Map<string, Timed[]>;
