/**
 * Deliberate mistakes that only tests can switch on, to prove that the simulation finds them
 * (`faults.md`, planted bugs). Production passes `noFailpoints`.
 */
export const failpointNames = [
  "ack-before-durable",
  "commit-without-fence",
  "completion-of-older-attempt-accepted",
  "early-messages-dropped",
  "gc-deletes-in-flight",
  "gc-from-cached-view",
  "new-commit-id-on-recommit",
  "no-alignment",
  "no-attempt-check",
  "publish-before-commit",
  "restore-older-than-head",
  "split-assigned-twice",
  "split-lost-on-restore",
  "timers-not-restored",
  "unknown-taken-for-failed",
  "watermark-regresses",
] as const;

export type FailpointName = (typeof failpointNames)[number];

export interface Failpoints {
  isActive(name: FailpointName): boolean;
}

export const noFailpoints: Failpoints = { isActive: () => false };
