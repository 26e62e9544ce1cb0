/** One fault, as data: what happens when, for how long. A list of these can be shrunk. */
export type Fault = MachineFault | LinkFault | StoreFault | MetadataFault | ObjectFault;

export type FaultKind = Fault["kind"];

interface At {
  readonly atMs: number;
}

interface Lasting extends At {
  readonly lastMs: number;
}

interface Restarting extends At {
  /** How long the process stays away. */
  readonly downMs: number;
}

type MachineFault =
  | (Restarting & { readonly kind: "kill-worker"; readonly worker: number })
  | (At & { readonly kind: "kill-slot"; readonly worker: number })
  /** Embedded: the coordinator; in a cluster the one that leads. */
  | (Restarting & { readonly kind: "kill-coordinator" })
  | (Lasting & { readonly kind: "pause-worker"; readonly worker: number })
  /** Embedded: the coordinator; in a cluster the one that leads, often beyond its lease (F6). */
  | (Lasting & { readonly kind: "pause-coordinator" })
  /** A second coordinator starts while the first one runs: the first must be fenced out (S1). */
  | (At & { readonly kind: "usurp" })
  | (Restarting & { readonly kind: "kill-standby" })
  /** The process dies at its nth call of a store from now, before it is sent or once it is done. */
  | (Restarting & {
      readonly kind: "kill-at-call";
      /** -1 is the leading coordinator. */
      readonly worker: number;
      /** From 1. */
      readonly call: number;
      readonly isDone: boolean;
    });

type LinkFault =
  | (Lasting & {
      readonly kind: "partition";
      readonly left: number;
      /** -1 is the coordinator. */
      readonly right: number;
    })
  | (Lasting & { readonly kind: "slow-links"; readonly maxLatencyMs: number })
  /**
   * From now on one worker is further from the coordinators than from the other workers: nothing
   * breaks by it, so nobody waits for its end, but it hears of all later than the others.
   */
  | (At & { readonly kind: "far-worker"; readonly worker: number; readonly latencyMs: number })
  /** Messages of sessions come a second time, later, also over the session that followed (F9). */
  | (Lasting & { readonly kind: "repeat-messages"; readonly chance: number });

type StoreFault =
  | (Lasting & {
      readonly kind: "store-faults";
      readonly store: "metadata" | "objects";
      readonly lostRequests: number;
      readonly lostResponses: number;
    })
  | (Lasting & { readonly kind: "store-down"; readonly store: "metadata" | "objects" })
  /** Answers are late: what else happens falls between a question and its answer. */
  | (Lasting & {
      readonly kind: "slow-store";
      readonly store: "metadata" | "objects";
      readonly maxLatencyMs: number;
    })
  /** One process cannot reach the store. */
  | (Lasting & {
      readonly kind: "store-cut";
      readonly store: "metadata" | "objects";
      /** -1 is the leading coordinator. */
      readonly worker: number;
    });

type MetadataFault =
  /** The lease of the leader ends before its time (F16). */
  | (At & { readonly kind: "revoke-lease" })
  /** Leases do not expire although nobody keeps them alive (F16). */
  | (Lasting & { readonly kind: "stuck-leases" })
  /** History up to now is forgotten: watches that are behind are lost (F18). */
  | (At & { readonly kind: "compact" })
  | (At & { readonly kind: "cancel-watches" })
  /** Watches tell nothing; afterwards they are lost, or stay silent for ever (F18). */
  | (Lasting & { readonly kind: "silent-watches"; readonly isLostAfter: boolean })
  /** Writes fail with a clear code, reads go on (F19). */
  | (Lasting & { readonly kind: "no-space" });

type ObjectFault =
  | (Lasting & { readonly kind: "slow-puts"; readonly maxDelayMs: number })
  /** A storm of refusals: nothing is stored (F10). */
  | (Lasting & { readonly kind: "failing-puts"; readonly chance: number })
  /** The object is stored, and the put fails all the same (F11). */
  | (Lasting & { readonly kind: "ambiguous-puts"; readonly chance: number })
  /** Reads give truncated or changed bytes; a second or third read gives the right ones (F13). */
  | (Lasting & { readonly kind: "wrong-reads"; readonly chance: number })
  /** One stored object is not what was written any more, for ever (F13). */
  | (At & {
      readonly kind: "damage-object";
      readonly how: "truncate" | "change" | "lose";
      /** In [0, 1): which of the objects of the head. */
      readonly place: number;
    });

/** How often each kind really happened. */
export type FaultCounts = Record<FaultKind, number>;

export function createFaultCounts(): FaultCounts {
  return {
    "kill-worker": 0,
    "kill-slot": 0,
    "kill-coordinator": 0,
    "kill-standby": 0,
    "kill-at-call": 0,
    "pause-worker": 0,
    "pause-coordinator": 0,
    usurp: 0,
    partition: 0,
    "slow-links": 0,
    "far-worker": 0,
    "repeat-messages": 0,
    "store-faults": 0,
    "store-down": 0,
    "slow-store": 0,
    "store-cut": 0,
    "revoke-lease": 0,
    "stuck-leases": 0,
    compact: 0,
    "cancel-watches": 0,
    "silent-watches": 0,
    "no-space": 0,
    "slow-puts": 0,
    "failing-puts": 0,
    "ambiguous-puts": 0,
    "wrong-reads": 0,
    "damage-object": 0,
  };
}

/** When the fault is over, in virtual time. */
export function faultEndMs(fault: Fault): number {
  // What was put last is still on its way.
  if (fault.kind === "slow-puts") return fault.atMs + fault.lastMs + fault.maxDelayMs;
  if ("lastMs" in fault) return fault.atMs + fault.lastMs;
  return "downMs" in fault ? fault.atMs + fault.downMs : fault.atMs;
}
