/**
 * Deliberate mistakes that only tests can switch on, to prove that the simulation finds them
 * (`faults.md`, planted bugs). Production passes `noFailpoints`.
 */
export const failpointNames = [
  "ack-before-durable",
  "attempt-reused-by-new-leader",
  "combiner-not-flushed-at-barrier",
  "commit-before-manifest",
  "commit-without-fence",
  "completion-of-older-attempt-accepted",
  "corrupt-read-not-repeated",
  "early-messages-dropped",
  "election-trusts-watch",
  "failed-put-acked",
  "gc-deletes-in-flight",
  "gc-from-cached-view",
  "lease-deadline-ignored",
  "lease-in-wrong-unit",
  "manifest-not-verified",
  "new-commit-id-on-recommit",
  "no-alignment",
  "no-attempt-check",
  "objects-removed-before-pointer",
  "publish-before-commit",
  "raise-ignores-head",
  "requests-not-restored",
  "restore-older-than-head",
  "split-assigned-twice",
  "split-lost-on-restore",
  "step-down-wipes-objects",
  "timers-not-restored",
  "unknown-taken-for-failed",
  "watermark-regresses",
  "wrong-bytes-accepted",
] as const;

export type FailpointName = (typeof failpointNames)[number];

export interface Failpoints {
  isActive(name: FailpointName): boolean;
}

export const noFailpoints: Failpoints = { isActive: () => false };
