import {
  apiVersion,
  invalidJob,
  type BuildEnvironment,
  type JobSettings,
  type OperatorSpec,
  type StreamGraph,
  type StreamNode,
} from "@millrace/graph";

/** Where a node hangs in the graph, and what the author set for it alone. */
export interface NodePlace {
  readonly inputs: readonly number[];
  /** Absent: derived from the kind, for operators without state. */
  readonly name?: string | undefined;
  readonly parallelism?: number | undefined;
  readonly slotSharingGroup?: string | undefined;
}

/**
 * Collects what a job's function writes.
 *
 * I1 Node ids are indexes, and inputs have lower ids than their consumers: no cycle can be written.
 * I2 After `finish` nothing is added: a graph does not depend on what runs later.
 */
export class GraphBuilder {
  readonly environment: BuildEnvironment;
  readonly #jobName: string;
  readonly #nodes: StreamNode[] = [];
  #settings: JobSettings = {};
  #isFinished = false;

  constructor(jobName: string, environment: BuildEnvironment) {
    this.#jobName = jobName;
    this.environment = environment;
  }

  /** Returns the id of the new node. */
  add(spec: OperatorSpec, { inputs, name, parallelism, slotSharingGroup }: NodePlace): number {
    this.#checkOpen();
    const id = this.#nodes.length;
    this.#nodes.push({
      id,
      name: name ?? `${spec.kind}-${id}`,
      inputs,
      ...(parallelism === undefined ? {} : { parallelism }),
      ...(slotSharingGroup === undefined ? {} : { slotSharingGroup }),
      spec,
    });
    return id;
  }

  /** Sets how an operator is chained; `never` holds whatever else is set. */
  setChaining(id: number, chaining: "head" | "never"): void {
    this.#checkOpen();
    const node = this.#nodes[id];
    if (node === undefined) return;
    this.#nodes[id] = { ...node, chaining: node.chaining === "never" ? "never" : chaining };
  }

  setSlotSharingGroup(id: number, slotSharingGroup: string): void {
    this.#checkOpen();
    const node = this.#nodes[id];
    if (node !== undefined) this.#nodes[id] = { ...node, slotSharingGroup };
  }

  /** Sets what is given and keeps what was set before. */
  mergeSettings(settings: JobSettings): void {
    this.#checkOpen();
    const { checkpoint, restart } = this.#settings;
    this.#settings = {
      ...this.#settings,
      ...settings,
      checkpoint: { ...checkpoint, ...settings.checkpoint },
      restart: { ...restart, ...settings.restart },
    };
  }

  finish(): StreamGraph {
    this.#isFinished = true;
    return {
      apiVersion,
      jobName: this.#jobName,
      baseDirectory: this.environment.baseDirectory,
      nodes: this.#nodes,
      settings: this.#settings,
    };
  }

  #checkOpen(): void {
    if (!this.#isFinished) return;
    throw invalidJob(
      `job ${this.#jobName}: its graph was changed after its function had returned: write the whole job inside the function`,
    );
  }
}

/** Throws `job-module-invalid` where code that was not compiled left the name out. */
export function requireName(name: unknown, what: string): void {
  if (typeof name === "string") return;
  throw invalidJob(
    `a ${what} takes its name first, which identifies its state: give it one, such as "hourly"`,
  );
}
